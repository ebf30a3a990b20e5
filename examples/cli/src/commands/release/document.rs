//! Files of signed documents: releases and key rings.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use capbundle::AppId;
use capbundle::keys::{KeyId, SigningKey};
use capbundle::release::{Envelope, KeyRing, MAX_ENVELOPE_BYTES, SignedKeyRing};

use crate::commands::bundle::{content::Project, identity};
use crate::error::{About, Failure, Result, Subject};
use crate::output::Output;

/// Reads a file of at most `max_len` bytes; of a longer one, one byte more.
pub(crate) fn read(path: &Path, max_len: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| Failure::io("open", path, &error))?;
    // One byte more than allowed, so that the caller detects a longer file.
    file.take(max_len as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io("read", path, &error))?;
    Ok(bytes)
}

pub(crate) fn read_envelope(path: &Path) -> Result<Vec<u8>> {
    read(path, MAX_ENVELOPE_BYTES)
}

/// Writes a file atomically, replacing an existing one.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let failed = |error: &io::Error| Failure::io("write", path, error);
    let mut file = tempfile::Builder::new()
        .prefix(".capbundle-")
        .suffix(".tmp")
        .make_in(folder.unwrap_or(Path::new(".")), |path| File::create_new(path))
        .map_err(|error| failed(&error))?;
    file.write_all(bytes).map_err(|error| failed(&error))?;
    file.as_file().sync_all().map_err(|error| failed(&error))?;
    file.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
}

pub(crate) fn signing_keys(files: &[PathBuf]) -> Result<Vec<SigningKey>> {
    let keys = files
        .iter()
        .map(|file| SigningKey::read(file).about(Subject::PrivateKey));
    keys.collect()
}

/// The app id of the option, else of the config.
pub(crate) fn app_id(given: Option<&str>) -> Result<AppId> {
    signable(&identity::app_id(given, &mut Project::default(), " or with --app-id")?)
}

/// The app id of the option, else of the config, else of the ring.
pub(crate) fn app_id_or_ring(given: Option<&str>, ring: Option<&[u8]>) -> Result<AppId> {
    match ring {
        Some(ring) if given.is_none() && Project::default().config()?.is_none() => app_of_ring(ring),
        _ => app_id(given),
    }
}

/// The app id of an unverified ring.
pub(crate) fn app_of_ring(envelope: &[u8]) -> Result<AppId> {
    Ok(SignedKeyRing::parse(envelope)?.ring().app_id.clone())
}

/// Parses an app id that is allowed in signed documents.
pub(crate) fn signable(id: &str) -> Result<AppId> {
    let app = identity::parse_app_id(id)?;
    if app.is_reverse_domain() {
        return Ok(app);
    }
    let message = format!("app id {app}: releases and key rings require a reverse domain name such as com.example.app");
    Err(Failure::usage("invalid_app_id", message))
}

/// Follows the rings from the first, which is trusted, to the last.
pub(crate) fn walk(rings: &[PathBuf], app: &AppId) -> Result<KeyRing> {
    let mut rings = rings.iter();
    let first = rings
        .next()
        .ok_or_else(|| Failure::missing_argument("no key ring is named"))?;
    let named = |file: &Path, error: &capbundle::Error| Failure::about(Subject::Other, error).naming(file);
    let trusted = KeyRing::trusted(&read_envelope(first)?, app).map_err(|error| named(first, &error))?;
    rings.try_fold(trusted, |ring, file| {
        ring.follow(&read_envelope(file)?).map_err(|error| named(file, &error))
    })
}

/// The ids of the claimed signers.
pub(crate) fn signers(envelope: &Envelope) -> Vec<String> {
    envelope.key_ids().map(|id| id.to_string()).collect()
}

pub(crate) fn ids(ids: &[KeyId]) -> Vec<String> {
    ids.iter().map(KeyId::to_string).collect()
}

/// Reports the claimed signers, or that the document is unsigned.
pub(crate) fn report_signers(signers: &[String], output: &Output) -> Result<()> {
    if signers.is_empty() {
        return output.report("  not signed yet");
    }
    output.report_all(signers.iter().map(|id| format!("  claimed signer  {id}")))
}
