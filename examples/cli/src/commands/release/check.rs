//! `capbundle release check`

use capbundle::ChannelName;
use capbundle::Limits;
use capbundle::keys::{ContentKey, PublicContentKey};
use capbundle::native::NativeVersion;
use capbundle::release::policy;
use capbundle::release::{Accepted, FileList, MAX_FILE_LIST_BYTES, SignedRelease, TrustContext, TrustedRelease};
use capbundle::time::Timestamp;
use serde::Serialize;

use super::document;
use crate::args::ReleaseCheckArgs;
use crate::error::{About, Failure, Result, Subject};
use crate::output::Output;

/// The native version if neither the release nor the command line has one.
const ANY_NATIVE: &str = "0";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    filename: String,
    version: String,
    sequence: u64,
    /// The device uses the bundle inside the native app.
    built_in: bool,
    signed_by: Vec<String>,
    ring: u64,
    archive_checked: bool,
    files_checked: bool,
}

pub(crate) fn run(args: &ReleaseCheckArgs, output: &Output) -> Result<()> {
    let first = args
        .ring
        .first()
        .map(|ring| document::read_envelope(ring))
        .transpose()?;
    let app = document::app_id_or_ring(args.app_id.as_deref(), first.as_deref())?;
    let channel: ChannelName = args
        .channel
        .parse()
        .map_err(|error: capbundle::Error| Failure::usage("invalid_channel", error.to_string()))?;
    let keys = args
        .content_key
        .iter()
        .map(|file| ContentKey::read(file).about(Subject::PrivateKey));
    let keys: Vec<ContentKey> = keys.collect::<Result<_>>()?;
    let public: Vec<&PublicContentKey> = keys.iter().map(ContentKey::public).collect();
    let ring = document::walk(&args.ring, &app)?;
    let bytes = document::read_envelope(&args.file)?;
    let native = native_version(args, &bytes);
    let context = TrustContext::new(&ring, &app, &channel, &native)
        .with_built_in_sequence(args.built_in_sequence)
        .with_last_accepted(last_accepted(args)?)
        .with_now(args.now.map_or_else(Timestamp::now, Timestamp))
        .with_content_keys(&public);
    let trusted =
        policy::check(&bytes, &context).map_err(|error| Failure::about(Subject::Other, &error).naming(&args.file))?;
    compare(args, &trusted, &keys, output)?;
    let release = trusted.release();
    output.say(format!(
        "A device accepts {}: {}, sequence {}, signed with {} of the {} keys of ring {}",
        args.file.display(),
        if release.is_built_in() {
            "the built-in bundle".to_owned()
        } else {
            format!("version {}", release.version)
        },
        release.sequence,
        trusted.keys().len(),
        ring.keys().len(),
        ring.number()
    ));
    output.document(&Document {
        filename: args.file.display().to_string(),
        version: release.version.clone(),
        sequence: release.sequence,
        built_in: release.is_built_in(),
        signed_by: document::ids(trusted.keys()),
        ring: ring.number(),
        archive_checked: args.archive.is_some(),
        files_checked: args.files.is_some(),
    })
}

/// The native version of the command line, else one that the release runs on, if it can be parsed.
fn native_version(args: &ReleaseCheckArgs, release: &[u8]) -> NativeVersion {
    let stated = args.native_version.clone().map(NativeVersion::new);
    stated
        .or_else(|| {
            let native = SignedRelease::parse(release).ok()?.release().native.clone();
            native.min.or(native.max)
        })
        .unwrap_or_else(|| NativeVersion::new(ANY_NATIVE))
}

fn last_accepted(args: &ReleaseCheckArgs) -> Result<Option<Accepted>> {
    let Some(file) = &args.accepted else {
        return Ok(None);
    };
    let signed = SignedRelease::parse(&document::read_envelope(file)?)
        .map_err(|error| Failure::about(Subject::Other, &error).naming(file))?;
    Ok(Some(Accepted {
        sequence: signed.release().sequence,
        payload_digest: signed.payload_digest(),
    }))
}

/// Checks the delivered files against the release.
fn compare(args: &ReleaseCheckArgs, trusted: &TrustedRelease, keys: &[ContentKey], output: &Output) -> Result<()> {
    let list = match &args.files {
        None => None,
        Some(file) => Some(trusted.check_file_list(&document::read(file, MAX_FILE_LIST_BYTES)?)?),
    };
    let Some(file) = &args.archive else {
        return Ok(());
    };
    let keys: Vec<&ContentKey> = keys.iter().collect();
    let bar = output.progress();
    let staging =
        tempfile::tempdir().map_err(|error| Failure::io("create a folder in", &std::env::temp_dir(), &error))?;
    let archive = trusted
        .open(file, staging.path(), &keys, &bar.control())
        .about(Subject::Archive)?;
    if let Some(list) = list {
        let found = FileList::of_archive(&archive, &Limits::default(), &bar.control()).about(Subject::Archive)?;
        list.require_equal(&found)?;
    }
    Ok(())
}
