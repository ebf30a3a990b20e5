//! `capbundle bundle download`

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use capbundle::digest::Sha256Digest;
use serde::Serialize;

use super::Remote;
use crate::args::DownloadArgs;
use crate::commands::bundle::folder_of;
use crate::commands::{fetch, key_source};
use crate::error::{About, Failure, Result, Subject};
use crate::interrupt;
use crate::output::{self, Output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    app_id: &'a str,
    bundle: &'a str,
    filename: String,
    size: u64,
    /// SHA-256 of the file.
    sha256: String,
    /// The registered checksum: SHA-256 of the plain archive, or signed.
    checksum: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iv_session_key: Option<&'a str>,
    encrypted: bool,
    proof: &'static str,
}

/// Writes the file only after all checks: a backup is verified or does not exist.
pub(crate) fn run(args: &DownloadArgs, output: &Output) -> Result<()> {
    let remote = Remote::find(args.app_id.as_deref(), &args.server, output)?;
    let bundle = remote.bundle(&args.version)?;
    let is_encrypted = bundle.session_key.as_deref().is_some_and(|key| !key.is_empty());
    let keeps_encrypted = is_encrypted && !args.decrypt;
    let to = args.output_file.clone().unwrap_or_else(|| {
        let end = if keeps_encrypted { ".zip_encrypted.zip" } else { ".zip" };
        PathBuf::from(format!("{}_{}{end}", remote.app, bundle.version))
    });
    if !args.force && fs::symlink_metadata(&to).is_ok() {
        let message = format!(
            "{}: the file already exists; choose another name with --output, or replace it with --force",
            to.display()
        );
        return Err(Failure::refused("file_exists", message));
    }
    let key = match key_source::verifying_keys(args.key.as_deref(), args.signature.key_data.as_deref()) {
        Ok(found) => Some(found),
        Err(failure) if failure.code == "missing_public_key" && args.key.is_none() => None,
        Err(failure) => return Err(failure),
    };
    // Beside the target, so that the file can be renamed into place.
    let folder = tempfile::Builder::new()
        .prefix(".capbundle-")
        .suffix(".tmp")
        .tempdir_in(folder_of(&to))
        .map_err(|error| Failure::io("write", &to, &error))?;
    let bar = output.progress();
    let form = args.signature.checksum_form;
    let fetched = fetch::fetch(
        &bundle,
        key.as_ref(),
        form,
        folder.path(),
        &*remote.transport,
        &bar.control(),
    )?;
    drop(bar);
    let proof = fetched.proof;
    let (digest, size) = if keeps_encrypted {
        let digest = Sha256Digest::of_file(&fetched.stored, &interrupt::control())?;
        keep(&fetched.stored, &to)?;
        (digest, fetched.size)
    } else {
        let (digest, size) = (fetched.archive.digest(), fetched.archive.size());
        fetched.archive.persist(&to).about(Subject::Archive)?;
        (digest, size)
    };
    output.say(format!(
        "Downloaded {} of {} into {} ({}), {}",
        bundle.version,
        remote.app,
        to.display(),
        output::bytes(size),
        proof.describe()
    ));
    output.say(format!("SHA-256      {digest}"));
    let session = bundle.session_key.as_deref().filter(|_| keeps_encrypted);
    if let Some(session) = session {
        output.say(format!("ivSessionKey {session}"));
        output.say(format!(
            "Checksum     {}",
            bundle.checksum.as_deref().unwrap_or_default()
        ));
    }
    output.document(&Document {
        app_id: remote.app.as_str(),
        bundle: &bundle.version,
        filename: to.display().to_string(),
        size,
        sha256: digest.to_string(),
        checksum: bundle.checksum.as_deref(),
        iv_session_key: session,
        encrypted: keeps_encrypted,
        proof: proof.as_str(),
    })
}

/// Syncs a file and renames it, so that after a power loss the backup is complete or does not exist.
fn keep(file: &Path, to: &Path) -> Result<()> {
    let failed = |error| Failure::io("write", to, &error);
    File::open(file).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(file, to).map_err(failed)
}
