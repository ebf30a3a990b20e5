//! `capbundle device install`

use std::env;

use capbundle::VerifiedArchive;
use capbundle::capgo;
use capbundle::capgo::IvSessionKey;
use capbundle::store::{BundleRecord, BundleRef, NewBundle, RequiredProof, Status, Store};
use serde::Serialize;

use super::app::Device;
use super::documents::{self, BundleDocument};
use crate::args::{InstallArgs, native_range};
use crate::commands::bundle::{require_zip, signed_checksum};
use crate::commands::key_source::{self, FoundKey};
use crate::error::{About, Result, Subject};
use crate::output::{self, Output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    bundle: BundleDocument,
    already_installed: bool,
    next: bool,
}

pub(super) fn run(device: &Device<'_>, args: &InstallArgs, output: &Output) -> Result<()> {
    require_zip(&args.zip)?;
    let key = key_source::named_verifying_key(args.key.as_deref(), args.key_data.as_deref())?;
    let proof = match &key {
        Some(found) => RequiredProof::capgo_signed(&found.key),
        None => RequiredProof::Digest,
    };
    let archive = verified_archive(args, key.as_ref(), output)?;
    let store = device.store_requiring(proof)?;
    let already_installed = store.find(&archive.digest())?.is_some();
    let bar = output.progress();
    let record = store.install(&archive, &new_bundle(args), &bar.control())?;
    drop(bar);
    device.warn_of(&store);
    let slot = BundleRef::Bundle(record.id.clone());
    if args.next {
        store.set_next(&slot)?;
    }
    let (record, status) = current_record(&store, record)?;
    let folder = store.folder(&record.id);
    output.say(format!(
        "{} {} ({}, {})",
        if already_installed {
            "Already installed:"
        } else {
            "Installed"
        },
        documents::named(&slot, Some(&record.version)),
        output::counted(record.files, "file"),
        output::bytes(record.unpacked_size)
    ));
    output.document(&Document {
        bundle: BundleDocument::new(&record, status, &folder),
        already_installed,
        next: args.next,
    })
}

/// The current record and status of a bundle.
pub(super) fn current_record(store: &Store, record: BundleRecord) -> Result<(BundleRecord, Status)> {
    let found = store.list()?.into_iter().find(|(listed, _)| listed.id == record.id);
    // Another process may have removed it concurrently.
    Ok(found.unwrap_or((record, Status::Installed)))
}

/// With a key, accepts only a signed archive. The encoding of the checksum is never guessed.
fn verified_archive(args: &InstallArgs, key: Option<&FoundKey>, output: &Output) -> Result<VerifiedArchive> {
    let bar = output.progress();
    let (Some(found), Some(session)) = (key, &args.iv_session_key) else {
        let expected = args.checksum.parse().about(Subject::Checksum)?;
        return VerifiedArchive::from_digest(&args.zip, &expected, &bar.control()).about(Subject::Archive);
    };
    let session: IvSessionKey = session.parse().about(Subject::IvSessionKey)?;
    let checksum = signed_checksum(&args.checksum, args.checksum_form)?;
    capgo::decrypt(
        &args.zip,
        &env::temp_dir(),
        &capgo::Decryption {
            iv_session_key: &session,
            checksum: &checksum,
            key: &found.key,
        },
        &bar.control(),
    )
    .about(Subject::Archive)
}

fn new_bundle(args: &InstallArgs) -> NewBundle {
    let native = native_range(args.min_native.as_deref(), args.max_native.as_deref());
    NewBundle::new(&args.version)
        .with_native(native)
        .with_link(args.link.clone())
        .with_comment(args.comment.clone())
}
