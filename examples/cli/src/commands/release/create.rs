//! `capbundle release create`

use std::fs;
use std::path::Path;

use capbundle::ChannelName;
use capbundle::Limits;
use capbundle::VerifiedArchive;
use capbundle::digest::Sha256Digest;
use capbundle::keys::{PublicContentKey, SigningKey};
use capbundle::release;
use capbundle::release::{ArchiveIdentity, BUILT_IN, BundleIdentity, FileList, Release, ReleaseTarget, SealedIdentity};
use capbundle::sealed;
use capbundle::store::BundleRef;
use capbundle::time::Timestamp;
use serde::Serialize;

use super::document;
use crate::args::ReleaseCreateArgs;
use crate::commands::bundle::require_zip;
use crate::error::{About, Failure, Result, Subject};
use crate::output::Output;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    filename: String,
    files_filename: Option<String>,
    app_id: &'a str,
    channel: &'a str,
    version: &'a str,
    sequence: u64,
    expires_at: u64,
    built_in: bool,
    checksum: Option<String>,
    files: Option<u64>,
    signed_by: Vec<String>,
}

/// The identity of a bundle in a release, and its file list.
struct Named {
    identity: BundleIdentity,
    list: Vec<u8>,
    files: u64,
}

/// Writes the file list before the release that references it.
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

    // The command line requires an archive or --built-in, so without an archive it is a release of the built-in bundle.
    let named = args
        .archive
        .as_deref()
        .map(|archive| named(args, archive, &keys, output));
    let named = named.transpose()?;
    let target = match &named {
        Some(named) => ReleaseTarget::Bundle(named.identity),
        None => ReleaseTarget::BuiltIn,
    };
    let created_at = Timestamp::now();
    let expires_at = Timestamp(created_at.0.saturating_add(args.expires_in.as_secs()));
    let critical = args.critical.iter().filter(|name| named.is_some() || *name != BUILT_IN);
    let new = Release::new(app, channel, args.sequence, target)
        .with_version(args.bundle.as_deref().unwrap_or(BundleRef::BUILT_IN))
        .with_validity(created_at, expires_at)
        .with_native(args.native.range())
        .with_link(args.link.clone())
        .with_comment(args.comment.clone())
        .with_critical(critical.cloned());
    let signers: Vec<&SigningKey> = keys.iter().collect();
    let recipients: Vec<&PublicContentKey> = recipients.iter().collect();
    let envelope = release::sign(&new, &signers, &recipients)?;

    if let Some(named) = &named {
        document::write(&args.files, &named.list)?;
    }
    document::write(&args.to, &envelope.to_json()?)?;
    let signed_by = document::signers(&envelope);
    let beside = match &named {
        Some(named) => format!(" and {} ({} files)", args.files.display(), named.files),
        None => " for the built-in bundle".to_owned(),
    };
    output.say(format!(
        "Wrote {} (release {} of {} for {}){beside}",
        args.to.display(),
        new.sequence,
        new.app_id,
        new.channel
    ));
    if signed_by.is_empty() {
        output.say("The release is not signed yet: sign it with `capbundle release sign` before publishing it");
    }
    output.document(&Document {
        filename: args.to.display().to_string(),
        files_filename: named.as_ref().map(|_| args.files.display().to_string()),
        app_id: new.app_id.as_str(),
        channel: new.channel.as_str(),
        version: &new.version,
        sequence: new.sequence,
        expires_at: new.expires_at.0,
        built_in: named.is_none(),
        checksum: named.as_ref().map(|named| named.identity.archive.digest.to_string()),
        files: named.as_ref().map(|named| named.files),
        signed_by,
    })
}

fn named(args: &ReleaseCreateArgs, archive: &Path, keys: &[SigningKey], output: &Output) -> Result<Named> {
    require_zip(archive)?;
    let bar = output.progress();
    let plain = VerifiedArchive::assume_trusted(archive, &bar.control()).about(Subject::Archive)?;
    let files = FileList::of_archive(&plain, &Limits::default(), &bar.control()).about(Subject::Archive)?;
    drop(bar);
    let list = files.to_bytes()?;
    Ok(Named {
        identity: BundleIdentity {
            archive: ArchiveIdentity {
                size: plain.size(),
                digest: plain.digest(),
            },
            sealed: sealed(args, archive, &plain, keys)?,
            files_digest: Sha256Digest::of(&list),
        },
        list,
        files: files.files().len() as u64,
    })
}

/// The identity of the sealed archive. Fails if it does not belong to the plain archive or is incomplete.
fn sealed(
    args: &ReleaseCreateArgs,
    archive: &Path,
    plain: &VerifiedArchive,
    keys: &[SigningKey],
) -> Result<Option<SealedIdentity>> {
    let Some(file) = &args.sealed else {
        return Ok(None);
    };
    let header = sealed::read_header(file).about(Subject::Archive)?;
    let refuse = |problem: String| {
        Err(Failure::refused(
            "invalid_input",
            format!("{}: {problem}", file.display()),
        ))
    };
    if header.plain_size() != plain.size() {
        return refuse(format!(
            "expected a sealed archive of {2} bytes ({1}), found {0} bytes",
            header.plain_size(),
            archive.display(),
            plain.size()
        ));
    }
    let size = fs::metadata(file)
        .map_err(|error| Failure::io("read the size of", file, &error))?
        .len();
    if size != header.sealed_size() {
        return refuse(format!(
            "expected {} bytes according to the header, found {size}",
            header.sealed_size()
        ));
    }
    for key in keys {
        let id = key.verifying_key().id();
        if header.recipients().any(|recipient| recipient == id) {
            return refuse(format!(
                "the archive is sealed for the signing key {id}: use a separate content key"
            ));
        }
    }
    Ok(Some(SealedIdentity {
        size,
        header_digest: header.digest(),
    }))
}
