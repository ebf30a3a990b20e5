//! Steps on files, keys and archives.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use capbundle_core::digest::Sha256Digest;
use serde_json::{Value, json};

use super::CaseRunner;
use super::arguments::Arguments;
use super::values;
use crate::archive::VerifiedArchive;
use crate::capgo::{ChecksumForm, decrypt_unverified, require_iv_session_key, signed_digest};
use crate::check::{Finding, Severity, check_folder};
use crate::digest::{crc32_of_file, sha256_of_file};
use crate::error::Result;
use crate::inspect::inspect_archive;
use crate::keys::VerifyingKey;

impl CaseRunner {
    /// `None` for another operation.
    pub(super) fn file_steps(&mut self, arguments: &Arguments<'_>) -> Option<Result<Value>> {
        Some(match arguments.operation() {
            "key" => self.key_facts(arguments),
            "sha256" => sha256_of_file(&self.input(arguments), None, None).map(Value::from),
            "crc32" => crc32_of_file(&self.input(arguments), None, None).map(Value::from),
            "signed_digest" => self.signed_digest(arguments),
            "require_iv_session_key" => require_iv_session_key(arguments.text("text")).map(|()| Value::Null),
            "from_digest" => self.keep_archive(arguments, |runner| {
                VerifiedArchive::from_digest(&runner.input(arguments), arguments.text("digest"), None, None)
            }),
            "open_capgo" => self.keep_archive(arguments, |runner| runner.decrypt_capgo(arguments)),
            "verify_signed_only" => self.keep_archive(arguments, |runner| runner.verify_signed_only(arguments)),
            "decrypt_unverified" => self.decrypt_unverified(arguments),
            "unpack" => self.unpack(arguments),
            "inspect" => self.inspect(arguments),
            "check" => self.check(arguments),
            "tree" => Ok(tree(Path::new(&self.path(arguments.text("folder"))))),
            _ => return None,
        })
    }

    fn input(&self, arguments: &Arguments<'_>) -> String {
        self.path(arguments.text("file"))
    }

    fn key(&self, arguments: &Arguments<'_>) -> Result<Arc<VerifyingKey>> {
        VerifyingKey::read(&self.path(arguments.text("key")))
    }

    fn key_facts(&self, arguments: &Arguments<'_>) -> Result<Value> {
        let key = match arguments.optional("text") {
            Some(pem) => VerifyingKey::from_pem(pem)?,
            None => VerifyingKey::read(&self.input(arguments))?,
        };
        Ok(json!({ "id": key.id()?, "capgo_key_id": key.capgo_key_id()?, "bits": key.bits() }))
    }

    fn signed_digest(&self, arguments: &Arguments<'_>) -> Result<Value> {
        let (checksum, form, key) = (arguments.text("checksum"), form(arguments), self.key(arguments)?);
        signed_digest(checksum, form, &key).map(Value::from)
    }

    fn keep_archive(
        &mut self,
        arguments: &Arguments<'_>,
        make: impl FnOnce(&Self) -> Result<Arc<VerifiedArchive>>,
    ) -> Result<Value> {
        let name = arguments.optional("as");
        let archive = make(self)?;
        let facts = json!({
            "digest": archive.digest(), "size": archive.size(), "proof": values::proof(&archive.proof()),
        });
        if let Some(name) = name {
            self.archives.insert(name.to_owned(), archive);
        }
        Ok(facts)
    }

    fn decrypt_capgo(&self, arguments: &Arguments<'_>) -> Result<Arc<VerifiedArchive>> {
        let (encrypted, staging) = (self.input(arguments), self.path("staging"));
        let (session, checksum) = (arguments.text("iv_session_key"), arguments.text("checksum"));
        let form = form(arguments);
        let key = self.key(arguments)?;
        VerifiedArchive::decrypt_capgo(&encrypted, &staging, session, checksum, form, &key, None, None)
    }

    fn verify_signed_only(&self, arguments: &Arguments<'_>) -> Result<Arc<VerifiedArchive>> {
        let (file, checksum, form) = (self.input(arguments), arguments.text("checksum"), form(arguments));
        let key = self.key(arguments)?;
        VerifiedArchive::verify_signed_only(&file, checksum, form, &key, None, None)
    }

    fn decrypt_unverified(&self, arguments: &Arguments<'_>) -> Result<Value> {
        let (encrypted, to) = (self.input(arguments), self.path(arguments.text("to")));
        let session = arguments.text("iv_session_key");
        decrypt_unverified(&encrypted, &to, session, &*self.key(arguments)?, None, None).map(Value::from)
    }

    fn unpack(&self, arguments: &Arguments<'_>) -> Result<Value> {
        let archive = &self.archives[arguments.text("archive")];
        let limits = values::limits(arguments.value("limits"));
        let unpacked = archive.unpack(&self.path(arguments.text("to")), limits, None, None, None)?;
        Ok(json!({
            "files": unpacked.files, "folders": unpacked.folders, "bytes": unpacked.bytes,
            "flattened": unpacked.flattened,
        }))
    }

    fn inspect(&self, arguments: &Arguments<'_>) -> Result<Value> {
        let limits = values::limits(arguments.value("limits"));
        let inspection = inspect_archive(&self.input(arguments), limits)?;
        let files = inspection.files.into_iter().map(|file| file.path).collect();
        let findings = inspection.findings.into_iter().map(|finding| finding.code).collect();
        Ok(json!({ "files": sorted(files), "flattened": inspection.flattened, "findings": sorted(findings) }))
    }

    fn check(&self, arguments: &Arguments<'_>) -> Result<Value> {
        let findings = check_folder(&self.path(arguments.text("folder")), None, None, None)?;
        let line = |finding: Finding| {
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            format!("{severity} {}", finding.code)
        };
        Ok(sorted(findings.into_iter().map(line).collect()).into())
    }
}

pub(super) fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn form(arguments: &Arguments<'_>) -> ChecksumForm {
    match arguments.text("form") {
        "v3" => ChecksumForm::V3,
        "v2" => ChecksumForm::V2,
        other => panic!("there is no form {other}"),
    }
}

fn tree(folder: &Path) -> Value {
    let mut lines = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        // A missing folder has no files.
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                lines.push(format!("{name} {}", Sha256Digest::of(&fs::read(&path).unwrap())));
            }
        }
    }
    sorted(lines).into()
}
