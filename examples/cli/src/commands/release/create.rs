//! `capbundle release create`

use std::fs;

use capbundle::Limits;
use capbundle::VerifiedArchive;
use capbundle::digest::Sha256Digest;
use capbundle::keys::{PublicContentKey, SigningKey};
use capbundle::release::{self, ArchiveIdentity, ChannelName, FileList, NewRelease, SealedIdentity};
use capbundle::seal::stream;
use capbundle::store::{NativeRange, NativeVersion, Timestamp};
use serde::Serialize;

use super::document;
use crate::args::ReleaseCreateArgs;
use crate::codes::{About, Failure, Result, Subject};
use crate::commands::bundle::require_zip;
use crate::output::Output;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    filename: String,
    files_filename: String,
    app_id: &'a str,
    channel: &'a str,
    version: &'a str,
    sequence: u64,
    expires_at: u64,
    checksum: String,
    files: u64,
    signed_by: Vec<String>,
}

/// The file list is written before the release that names it.
pub(crate) fn run(args: &ReleaseCreateArgs, output: &Output) -> Result<()> {
    let app = document::app_id(args.app.app_id.as_deref())?;
    let channel: ChannelName = args
        .channel
        .parse()
        .map_err(|error: capbundle::Error| Failure::usage("invalid_channel", error.to_string()))?;
    let keys = document::signing_keys(&args.key)?;
    let recipients = args
        .recipient
        .iter()
        .map(|file| PublicContentKey::read(file).about(Subject::PublicKey));
    let recipients: Vec<PublicContentKey> = recipients.collect::<Result<_>>()?;

    require_zip(&args.archive)?;
    let bar = output.progress();
    let archive = VerifiedArchive::assume_trusted(&args.archive, &bar.control()).about(Subject::Archive)?;
    let files = FileList::of_archive(&archive, &Limits::default(), &bar.control()).about(Subject::Archive)?;
    drop(bar);
    let list = files.to_bytes()?;
    let created_at = Timestamp::now();
    let new = NewRelease {
        app_id: app,
        channel,
        version: args.bundle.clone(),
        sequence: args.sequence,
        created_at,
        expires_at: Timestamp(created_at.0.saturating_add(args.expires_in.as_secs())),
        native: NativeRange {
            min: args.native_min.clone().map(NativeVersion::new),
            max: args.native_max.clone().map(NativeVersion::new),
        },
        archive: ArchiveIdentity {
            size: archive.size(),
            digest: archive.digest(),
        },
        sealed: sealed(args, &archive, &keys)?,
        files_digest: Sha256Digest::of(&list),
        link: args.link.clone(),
        comment: args.comment.clone(),
        critical: args.critical.clone(),
    };
    let signers: Vec<&SigningKey> = keys.iter().collect();
    let recipients: Vec<&PublicContentKey> = recipients.iter().collect();
    let envelope = release::sign(&new, &signers, &recipients)?;

    document::write(&args.files, &list)?;
    document::write(&args.to, &envelope.to_json()?)?;
    let signed_by = document::signers(&envelope);
    output.say(format!(
        "Wrote {} (release {} of {} for {}) and {} ({} files)",
        args.to.display(),
        new.sequence,
        new.app_id,
        new.channel,
        args.files.display(),
        files.files().len()
    ));
    if signed_by.is_empty() {
        output.say("It is not signed yet: no device takes it before `capbundle release sign`");
    }
    output.document(&Document {
        filename: args.to.display().to_string(),
        files_filename: args.files.display().to_string(),
        app_id: new.app_id.as_str(),
        channel: new.channel.as_str(),
        version: &new.version,
        sequence: new.sequence,
        expires_at: new.expires_at.0,
        checksum: archive.digest().to_string(),
        files: files.files().len() as u64,
        signed_by,
    })
}

/// What the release says of the sealed archive. One that none of its own recipients could open is not released.
fn sealed(args: &ReleaseCreateArgs, plain: &VerifiedArchive, keys: &[SigningKey]) -> Result<Option<SealedIdentity>> {
    let Some(file) = &args.sealed else {
        return Ok(None);
    };
    let header = stream::read_header(file).about(Subject::Archive)?;
    let refuse = |problem: String| {
        Err(Failure::refused(
            "invalid_input",
            format!("{}: {problem}", file.display()),
        ))
    };
    if header.plain_size() != plain.size() {
        return refuse(format!(
            "an archive of {} bytes is sealed in it, and {} has {}",
            header.plain_size(),
            args.archive.display(),
            plain.size()
        ));
    }
    let size = fs::metadata(file)
        .map_err(|error| Failure::io("read the size of", file, &error))?
        .len();
    if size != header.sealed_size() {
        return refuse(format!(
            "it has {size} bytes, by its header {} are expected",
            header.sealed_size()
        ));
    }
    for key in keys {
        let id = key.verifying_key().id()?;
        if header.recipients().any(|recipient| recipient == id) {
            return refuse(format!(
                "it is sealed for the key {id}, which signs; one key never does both"
            ));
        }
    }
    Ok(Some(SealedIdentity {
        size,
        header_digest: header.digest(),
    }))
}
