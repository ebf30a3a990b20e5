//! The archive to upload, and the checksum and session key that devices need.

use std::path::{Path, PathBuf};

use capbundle::VerifiedArchive;
use capbundle::bundle::{self, UnpackOptions};
use capbundle::capgo;
use capbundle::capgo::IvSessionKey;
use capbundle::capgo::SignedChecksum;
use capbundle::digest::Sha256Digest;
use capbundle::keys::{SigningKey, VerifyingKey};
use capbundle_publish::manifest::Manifest;
use tempfile::TempDir;

use super::super::content::Project;
use super::super::{packing, require_zip, signed_checksum};
use super::delta;
use super::destination::Destination;
use super::encryption::Encryption;
use crate::args::UploadArgs;
use crate::commands::installed_key::{self, IfNone};
use crate::error::{About, Failure, Result, Subject, Warning};
use crate::interrupt;
use crate::output::Output;

/// An archive as devices download it.
pub(super) struct UploadArchive {
    pub(super) file: PathBuf,
    /// Size of the file, encrypted or not.
    pub(super) size: u64,
    pub(super) digest: Sha256Digest,
    pub(super) protection: Protection,
    pub(super) warnings: Vec<Warning>,
    /// The single files, if they are uploaded.
    pub(super) manifest: Option<Manifest>,
    /// The temporary folder of the file, if the command created it.
    #[allow(dead_code, reason = "removes the file when it is dropped")]
    made: Option<TempDir>,
}

/// How devices verify the archive.
pub(super) enum Protection {
    /// SHA-256 of the archive.
    Plain,
    /// Encrypted and signed.
    Encrypted {
        checksum: SignedChecksum,
        session: IvSessionKey,
        key_id: String,
    },
}

impl UploadArchive {
    /// The checksum to register.
    pub(super) fn checksum(&self) -> String {
        match &self.protection {
            Protection::Plain => self.digest.to_string(),
            Protection::Encrypted { checksum, .. } => checksum.to_string(),
        }
    }

    pub(super) fn session(&self) -> Option<&IvSessionKey> {
        match &self.protection {
            Protection::Plain => None,
            Protection::Encrypted { session, .. } => Some(session),
        }
    }
}

/// The file names that `bundle zip` and `bundle encrypt` use.
struct Names {
    plain: PathBuf,
    encrypted: PathBuf,
}

/// Packs and encrypts an archive, or opens an encrypted one. A device accepts the result.
pub(super) fn prepare(
    args: &UploadArgs,
    destination: &Destination<'_>,
    project: &mut Project,
    (app, version): (&str, &str),
    output: &Output,
) -> Result<UploadArchive> {
    let names = Names {
        plain: PathBuf::from(format!("{app}_{version}.zip")),
        encrypted: PathBuf::from(format!("{app}_{version}.zip_encrypted.zip")),
    };
    // Find the file before the key that opens it.
    let encrypted = match &args.encryption.iv_session_key {
        Some(_) => Some(encrypted_file(args, app, version)?),
        None => None,
    };
    let encryption = Encryption::find(args, destination, project)?;
    let about_key = match encryption.key() {
        Some(key) => installed_key::require(
            &key,
            Some(app),
            project,
            args.encryption.allow_other_key,
            IfNone::Refuse,
        )?,
        None => Vec::new(),
    };
    if let (Encryption::Encrypted { session, signer, key }, Some(zip)) = (&encryption, &encrypted) {
        output.say(format!("Opening {} with its session key", zip.display()));
        let mut archive = already_encrypted(args, zip, session.clone(), signer.as_deref(), key, output)?;
        archive.warnings.extend(about_key);
        return Ok(archive);
    }
    let folder = tempfile::tempdir().map_err(|error| Failure::io("create", &std::env::temp_dir(), &error))?;
    let there = matches!(destination, Destination::External(_)) && names.plain.is_file();
    let (plain, warnings) = match &args.zip {
        Some(zip) => (zip.clone(), checked(zip)?),
        None if there => {
            output.say(format!("The local archive is {}", names.plain.display()));
            (names.plain.clone(), checked(&names.plain)?)
        }
        None => {
            let to = folder.path().join(&names.plain);
            let warnings = packing::packed(&args.content, project, &to, output)?;
            (to, warnings)
        }
    };
    let archive = {
        let bar = output.progress();
        VerifiedArchive::assume_trusted(&plain, &bar.control()).about(Subject::Archive)?
    };
    let mut archive = UploadArchive {
        file: plain,
        size: archive.size(),
        digest: archive.digest(),
        protection: Protection::Plain,
        warnings,
        manifest: None,
        made: None,
    };
    archive.warnings.extend(about_key);
    let plain = args.delta.uploads_files().then(|| archive.file.clone());
    let mut signer = None;
    if let Encryption::Encrypt(key) = encryption {
        encrypt(&mut archive, &key, args, &folder.path().join(&names.encrypted), output)?;
        signer = Some(key);
    }
    if let Some(plain) = plain {
        let plain = {
            let bar = output.progress();
            VerifiedArchive::assume_trusted(&plain, &bar.control()).about(Subject::Archive)?
        };
        archive.manifest = Some(delta::manifest(
            args,
            &plain,
            folder.path(),
            &archive.protection,
            signer.as_deref(),
            output,
        )?);
    }
    archive.made = Some(folder);
    Ok(archive)
}

/// The archive that the session key belongs to. Without `--zip`, it has the name that `bundle encrypt` gives to the
/// output of
/// `bundle zip`, or to that file as named in Capgo's documentation. Opening it shows whether it is the right one.
fn encrypted_file(args: &UploadArgs, app: &str, version: &str) -> Result<PathBuf> {
    if let Some(zip) = &args.zip {
        return Ok(zip.clone());
    }
    let plain = [format!("{app}_{version}"), format!("{app}-{version}"), app.to_owned()];
    let usual = plain.map(|name| PathBuf::from(format!("{name}.zip_encrypted.zip")));
    let found = usual.iter().find(|path| path.is_file());
    found.cloned().ok_or_else(|| {
        Failure::missing_argument(format!(
            "--iv-session-key needs the encrypted archive that it belongs to: pass the file with --zip (none of {}, {} and {} is in \
            this folder), or omit --iv-session-key to pack and encrypt a new bundle",
            usual[0].display(),
            usual[1].display(),
            usual[2].display(),
        ))
    })
}

fn checked(zip: &Path) -> Result<Vec<Warning>> {
    packing::checked(zip).map_err(|failure| match failure.code.as_ref() {
        "zip_not_found" => failure,
        _ => failure.adding(
            "if the archive is encrypted, pass the session key printed by `bundle encrypt` with --iv-session-key",
        ),
    })
}

fn encrypt(archive: &mut UploadArchive, key: &SigningKey, args: &UploadArgs, to: &Path, output: &Output) -> Result<()> {
    let form = args.encryption.checksum_form.into();
    let bar = output.progress();
    let plain = archive.digest;
    let encryption = capgo::Encryption {
        expected: &plain,
        key,
        form,
    };
    let sealed = capgo::encrypt(&archive.file, to, &encryption, &bar.control()).about(Subject::Archive)?;
    archive.digest = Sha256Digest::of_file(to, &bar.control())?;
    drop(bar);
    archive.size = sealed.size;
    to.clone_into(&mut archive.file);
    let key_id = key.verifying_key().capgo_key_id();
    output.say(format!("Encrypted and signed with key {key_id}"));
    archive.protection = Protection::Encrypted {
        checksum: sealed.checksum,
        session: sealed.iv_session_key,
        key_id,
    };
    Ok(())
}

/// Verifies that file, session key and checksum match, as a device does. Without a given checksum, signs one.
fn already_encrypted(
    args: &UploadArgs,
    zip: &Path,
    session: IvSessionKey,
    signer: Option<&SigningKey>,
    key: &VerifyingKey,
    output: &Output,
) -> Result<UploadArchive> {
    require_zip(zip)?;
    let folder = tempfile::tempdir().map_err(|error| Failure::io("create", &std::env::temp_dir(), &error))?;
    let form = args.encryption.checksum_form;
    let bar = output.progress();
    let given = args.encryption.encrypted_checksum.as_deref();
    let (archive, checksum) = match (given, signer) {
        (Some(text), _) => {
            let checksum = signed_checksum(text, form)?;
            let archive = capgo::decrypt(
                zip,
                folder.path(),
                &capgo::Decryption {
                    iv_session_key: &session,
                    checksum: &checksum,
                    key,
                },
                &bar.control(),
            );
            (archive.about(Subject::Archive)?, checksum)
        }
        (None, Some(signer)) => {
            let plain = folder.path().join("plain.zip");
            capgo::decrypt_unverified(
                zip,
                &plain,
                &capgo::UnverifiedDecryption {
                    iv_session_key: &session,
                    key,
                },
                &bar.control(),
            )
            .about(Subject::Archive)?;
            let archive = VerifiedArchive::assume_trusted(&plain, &bar.control())?;
            let checksum = SignedChecksum::sign(&archive.digest(), signer, form.into())?;
            (archive, checksum)
        }
        (None, None) => {
            return Err(Failure::refused(
                "missing_key",
                "devices reject an encrypted bundle without a signed checksum: pass it with --encrypted-checksum, or pass the \
                private key with --key-v2 or --key-data-v2",
            ));
        }
    };
    // Make sure that a device can unpack the archive: decrypting with a wrong IV succeeds and gives garbage.
    let unpacked = folder.path().join("unpacked");
    bundle::unpack(&archive, &unpacked, &UnpackOptions::default(), &bar.control())
        .about(Subject::Archive)
        .map_err(|failure| failure.adding("check that the session key belongs to this file"))?;
    drop(bar);
    let protection = Protection::Encrypted {
        checksum,
        session,
        key_id: key.capgo_key_id(),
    };
    let manifest = if args.delta.uploads_files() {
        let made = folder.path().join("files");
        std::fs::create_dir(&made).map_err(|error| Failure::io("create", &made, &error))?;
        Some(delta::manifest(args, &archive, &made, &protection, signer, output)?)
    } else {
        None
    };
    let digest = Sha256Digest::of_file(zip, &interrupt::control())?;
    let size = std::fs::metadata(zip)
        .map_err(|error| Failure::io("read", zip, &error))?
        .len();
    Ok(UploadArchive {
        file: zip.to_owned(),
        size,
        digest,
        protection,
        warnings: Vec::new(),
        made: manifest.is_some().then_some(folder),
        manifest,
    })
}
