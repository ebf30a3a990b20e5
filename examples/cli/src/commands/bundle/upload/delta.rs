//! The single files of the bundle, and where they are uploaded.

use std::path::Path;

use capbundle::bundle::{self, UnpackOptions};
use capbundle::http::Url;
use capbundle::keys::SigningKey;
use capbundle::release::FileList;
use capbundle::{Limits, VerifiedArchive};
use capbundle_publish::manifest::{self, BrotliExclusion, FileProtection, Manifest, ManifestOptions, ManifestRow};
use capbundle_publish::transaction::Work;
use serde::Serialize;

use super::archive::Protection;
use crate::args::UploadArgs;
use crate::error::{About, Failure, Result, Subject};
use crate::output::{self, Output};

/// Capgo's servers refuse more.
const MANY_FILES: usize = 10_000;

/// Prepares the single files of `archive` in the folder `staging`.
pub(super) fn manifest(
    args: &UploadArgs,
    archive: &VerifiedArchive,
    staging: &Path,
    protection: &Protection,
    signer: Option<&SigningKey>,
    output: &Output,
) -> Result<Manifest> {
    let protection = match (protection, signer) {
        (Protection::Plain, _) if args.delta.encrypt_partial => {
            return Err(Failure::refused(
                "missing_key",
                "--encrypt-partial needs the private key: pass it with --key-v2 or --key-data-v2, or create one with \
                `capbundle key create`",
            ));
        }
        (Protection::Plain, _) => None,
        (Protection::Encrypted { session, .. }, Some(key)) => Some(FileProtection {
            iv_session_key: session,
            key,
            form: args.encryption.checksum_form.into(),
        }),
        (Protection::Encrypted { .. }, None) => {
            return Err(Failure::refused(
                "missing_key",
                "devices reject single files whose hashes are not signed: pass the private key with --key-v2 or --key-data-v2",
            ));
        }
    };
    let except = BrotliExclusion::of(&args.delta.no_brotli_patterns)?;
    let options = ManifestOptions::default()
        .with_brotli(!args.delta.disable_brotli)
        .with_except(except)
        .with_protection(protection);
    let folder = staging.join("bundle");
    let bar = output.progress();
    let control = bar.control();
    let list = FileList::of_archive(archive, &Limits::default(), &control).about(Subject::Archive)?;
    if list.files().len() > MANY_FILES {
        return Err(Failure::refused(
            "too_many_files",
            format!(
                "the bundle has {} files, and servers take at most {MANY_FILES} single files: upload the archive without --delta",
                list.files().len()
            ),
        ));
    }
    bundle::unpack(archive, &folder, &UnpackOptions::default(), &control).about(Subject::Archive)?;
    let manifest = manifest::prepare(&folder, &list, staging, &options, &control)?;
    drop(bar);
    output.say(format!(
        "Prepared {} single files, {}; {} are compressed",
        manifest.files.len(),
        output::bytes(manifest.size()),
        manifest.compressed()
    ));
    Ok(manifest)
}

/// The figures of the manifest, for the output.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ManifestSummary<'a> {
    files: usize,
    compressed: usize,
    encrypted: bool,
    /// Bytes of all files as devices download them.
    size: u64,
    /// Files that were already stored.
    already_there: usize,
    /// Bytes that were sent.
    sent: u64,
    /// The rows, if nothing registers them.
    #[serde(skip_serializing_if = "<[ManifestRow]>::is_empty")]
    entries: &'a [ManifestRow],
}

impl<'a> ManifestSummary<'a> {
    pub(super) fn of(manifest: &Manifest, work: &'a Work, is_registered: bool) -> Self {
        Self {
            files: manifest.files.len(),
            compressed: manifest.compressed(),
            encrypted: manifest.is_encrypted(),
            size: manifest.size(),
            already_there: work.files_already_there,
            sent: work.file_bytes_sent,
            entries: if is_registered { &[] } else { &work.files },
        }
    }
}

/// The folder of a URL: without its last part. `None` for a URL with a query, such as a presigned one, which is for one file.
pub(super) fn folder_of(url: &Url) -> Option<Url> {
    let text = url.as_str();
    if text != url.without_query() {
        return None;
    }
    let end = text.rfind('/')?;
    text[..=end].parse().ok()
}
