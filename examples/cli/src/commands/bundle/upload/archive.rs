//! The file that goes to devices, and what they need to take it.

use std::path::{Path, PathBuf};

use capbundle::VerifiedArchive;
use capbundle::bundle::{self, UnpackOptions};
use capbundle::capgo;
use capbundle::capgo::IvSessionKey;
use capbundle::capgo::SignedChecksum;
use capbundle::digest::Sha256Digest;
use capbundle::keys::{SigningKey, VerifyingKey};
use tempfile::TempDir;

use super::super::content::Project;
use super::super::{packing, require_zip, signed_checksum};
use super::destination::Destination;
use super::sealing::Sealing;
use crate::args::UploadArgs;
use crate::commands::installed_key::{self, IfNone};
use crate::error::{About, Failure, Result, Subject, Warning};
use crate::interrupt;
use crate::output::Output;

/// An archive as devices will get it.
pub(super) struct Outgoing {
    pub(super) file: PathBuf,
    /// Of the file as it is, encrypted or not.
    pub(super) size: u64,
    pub(super) digest: Sha256Digest,
    pub(super) protection: Protection,
    pub(super) warnings: Vec<Warning>,
    /// Holds the file if the command made it.
    #[allow(dead_code, reason = "removes the file when it is dropped")]
    made: Option<TempDir>,
}

/// What devices check the archive against.
pub(super) enum Protection {
    /// SHA-256 of the archive.
    Plain,
    /// Encrypted, and signed.
    Sealed {
        checksum: SignedChecksum,
        session: IvSessionKey,
        key_id: String,
    },
}

impl Outgoing {
    /// What is registered as the checksum.
    pub(super) fn checksum(&self) -> String {
        match &self.protection {
            Protection::Plain => self.digest.to_string(),
            Protection::Sealed { checksum, .. } => checksum.to_string(),
        }
    }

    pub(super) fn session(&self) -> Option<&IvSessionKey> {
        match &self.protection {
            Protection::Plain => None,
            Protection::Sealed { session, .. } => Some(session),
        }
    }
}

/// What it is called here: the names that `bundle zip` and `bundle encrypt` give.
struct Names {
    plain: PathBuf,
    sealed: PathBuf,
}

/// Packs, encrypts or opens, as the options say. What comes out is what a device would take.
pub(super) fn outgoing(
    args: &UploadArgs,
    destination: &Destination<'_>,
    project: &mut Project,
    (app, version): (&str, &str),
    output: &Output,
) -> Result<Outgoing> {
    let names = Names {
        plain: PathBuf::from(format!("{app}_{version}.zip")),
        sealed: PathBuf::from(format!("{app}_{version}.zip_encrypted.zip")),
    };
    // Which file it is about comes before the question which key opens it.
    let sealed = match &args.sealing.iv_session_key {
        Some(_) => Some(sealed_file(args, app, version)?),
        None => None,
    };
    let sealing = Sealing::find(args, destination, project)?;
    let about_key = match sealing.key() {
        Some(key) => installed_key::require(&key, Some(app), project, args.sealing.allow_other_key, IfNone::Refuse)?,
        None => Vec::new(),
    };
    if let (Sealing::Done { session, signer, key }, Some(zip)) = (&sealing, &sealed) {
        output.say(format!("Opening {} with its session key", zip.display()));
        let mut outgoing = already_sealed(args, zip, session.clone(), signer.as_deref(), key, output)?;
        outgoing.warnings.extend(about_key);
        return Ok(outgoing);
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
    let mut outgoing = Outgoing {
        file: plain,
        size: archive.size(),
        digest: archive.digest(),
        protection: Protection::Plain,
        warnings,
        made: None,
    };
    outgoing.warnings.extend(about_key);
    if let Sealing::ToDo(key) = sealing {
        seal(&mut outgoing, &key, args, &folder.path().join(&names.sealed), output)?;
    }
    outgoing.made = Some(folder);
    Ok(outgoing)
}

/// The archive that the session key belongs to. One that is not named has a name that `bundle encrypt` gives: to what `bundle
/// zip` makes, or to what Capgo's documentation calls that. Whether it is the right one is seen when it is opened.
fn sealed_file(args: &UploadArgs, app: &str, version: &str) -> Result<PathBuf> {
    if let Some(zip) = &args.zip {
        return Ok(zip.clone());
    }
    let plain = [format!("{app}_{version}"), format!("{app}-{version}"), app.to_owned()];
    let usual = plain.map(|name| PathBuf::from(format!("{name}.zip_encrypted.zip")));
    let found = usual.iter().find(|path| path.is_file());
    found.cloned().ok_or_else(|| {
        Failure::missing_argument(format!(
            "--iv-session-key belongs to an archive that is encrypted already: name that file with --zip (neither {} nor {} nor {} is \
             here). It is opened before devices get it, so that they can open it too; or leave the session key out, and the bundle \
             is packed and encrypted anew",
            usual[0].display(),
            usual[1].display(),
            usual[2].display(),
        ))
    })
}

fn checked(zip: &Path) -> Result<Vec<Warning>> {
    packing::checked(zip).map_err(|failure| match failure.code.as_ref() {
        "zip_not_found" => failure,
        _ => {
            failure.adding("if it is encrypted, pass the session key that `bundle encrypt` gave with --iv-session-key")
        }
    })
}

fn seal(outgoing: &mut Outgoing, key: &SigningKey, args: &UploadArgs, to: &Path, output: &Output) -> Result<()> {
    let form = args.sealing.checksum_form.into();
    let bar = output.progress();
    let plain = outgoing.digest;
    let sealed = capgo::encrypt(
        &outgoing.file,
        to,
        &capgo::Encryption {
            expected: &plain,
            key,
            form,
        },
        &bar.control(),
    )
    .about(Subject::Archive)?;
    outgoing.digest = Sha256Digest::of_file(to, &bar.control())?;
    drop(bar);
    outgoing.size = sealed.size;
    to.clone_into(&mut outgoing.file);
    let key_id = key.verifying_key().capgo_key_id();
    output.say(format!("Encrypted and signed with key {key_id}"));
    outgoing.protection = Protection::Sealed {
        checksum: sealed.checksum,
        session: sealed.iv_session_key,
        key_id,
    };
    Ok(())
}

/// Opens file, session key and checksum together, as a device does. The checksum is made where it is not given.
fn already_sealed(
    args: &UploadArgs,
    zip: &Path,
    session: IvSessionKey,
    signer: Option<&SigningKey>,
    key: &VerifyingKey,
    output: &Output,
) -> Result<Outgoing> {
    require_zip(zip)?;
    let folder = tempfile::tempdir().map_err(|error| Failure::io("create", &std::env::temp_dir(), &error))?;
    let form = args.sealing.checksum_form;
    let bar = output.progress();
    let given = args.sealing.encrypted_checksum.as_deref();
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
                "without the signed checksum no device takes an encrypted bundle: pass it with --encrypted-checksum, or \
                 the private key that makes it with --key-v2 or --key-data-v2",
            ));
        }
    };
    // Nothing is signed or sent that a device could not unpack: with a wrong IV a file decrypts too, and is rubbish.
    let unpacked = folder.path().join("unpacked");
    bundle::unpack(&archive, &unpacked, &UnpackOptions::default(), &bar.control())
        .about(Subject::Archive)
        .map_err(|failure| failure.adding("is the session key that of this file?"))?;
    let digest = Sha256Digest::of_file(zip, &interrupt::control())?;
    let size = std::fs::metadata(zip)
        .map_err(|error| Failure::io("read", zip, &error))?
        .len();
    drop(bar);
    Ok(Outgoing {
        file: zip.to_owned(),
        size,
        digest,
        protection: Protection::Sealed {
            checksum,
            session,
            key_id: key.capgo_key_id(),
        },
        warnings: Vec::new(),
        made: None,
    })
}
