//! `capbundle device install-release`

use std::sync::Arc;

use capbundle::ChannelName;
use capbundle::keys::ContentKey;
use capbundle::release::{MAX_FILE_LIST_BYTES, SignedRelease};
use capbundle::store::{BundleRef, ReleaseFiles, ReleaseOptions, RequiredProof};
use serde::Serialize;

use super::app::Device;
use super::documents::{self, BundleDocument};
use super::install::current_record;
use crate::args::{InstallReleaseArgs, TrustArgs};
use crate::commands::release::document::{app_id, read, read_envelope};
use crate::error::{About, Failure, Result, Subject};
use crate::output::{self, Output};

#[derive(Serialize)]
struct Document {
    /// `None` for a release of the built-in bundle.
    bundle: Option<BundleDocument>,
    sequence: u64,
    next: bool,
}

pub(super) fn run(device: &Device<'_>, args: &InstallReleaseArgs, output: &Output) -> Result<()> {
    let options = options(device, &args.trust, channel(&args.channel)?)?;
    let release = read_envelope(&args.release)?;
    let (Some(archive), Some(files)) = (&args.archive, &args.files) else {
        return accept_built_in(device, &release, &options, output);
    };
    let files = read(files, MAX_FILE_LIST_BYTES)?;
    let store = device.store_requiring(RequiredProof::Release)?;
    let bar = output.progress();
    let published = ReleaseFiles {
        envelope: &release,
        archive,
        file_list: &files,
    };
    let record = store
        .install_release(&published, &options, &bar.control())
        .about(Subject::Archive)?;
    drop(bar);
    device.warn_of(&store);
    let slot = BundleRef::Bundle(record.id.clone());
    if args.next {
        store.set_next(&slot)?;
    }
    let sequence = record.sequence.unwrap_or_default();
    let (record, status) = current_record(&store, record)?;
    output.say(format!(
        "Accepted release {sequence}: {} ({}, {})",
        documents::named(&slot, Some(&record.version)),
        output::counted(record.files, "file"),
        output::bytes(record.unpacked_size)
    ));
    let folder = store.folder(&record.id);
    output.document(&Document {
        bundle: Some(BundleDocument::new(&record, status, &folder)),
        sequence,
        next: args.next,
    })
}

fn accept_built_in(device: &Device<'_>, release: &[u8], options: &ReleaseOptions, output: &Output) -> Result<()> {
    let sequence = SignedRelease::parse(release)?.release().sequence;
    let next = device
        .store_requiring(RequiredProof::Release)?
        .accept_built_in(release, options)?;
    output.say(format!(
        "Accepted release {sequence}: the built-in bundle {}",
        if next { "is next" } else { "is already current or next" }
    ));
    output.document(&Document {
        bundle: None,
        sequence,
        next,
    })
}

pub(super) fn channel(name: &str) -> Result<ChannelName> {
    name.parse()
        .map_err(|error: capbundle::Error| Failure::usage("invalid_channel", error.to_string()))
}

/// The trust configuration of the app on this device.
pub(super) fn options(device: &Device<'_>, trust: &TrustArgs, channel: ChannelName) -> Result<ReleaseOptions> {
    let app = app_id(trust.app_id.as_deref())?;
    let ring = read_envelope(&trust.keys)?;
    let keys = trust.content_key.iter();
    let keys = keys.map(|file| ContentKey::read(file).about(Subject::PrivateKey).map(Arc::new));
    Ok(
        ReleaseOptions::new(app, channel, ring, device.native().version)
            .with_content_keys(keys.collect::<Result<_>>()?),
    )
}
