//! `capbundle release rollback` and `renew`

use capbundle::keys::ContentKey;
use capbundle::store::BundleRef;
use capbundle_publish::site::ReleaseMetadata;

use super::TargetChannel;
use super::patches;
use super::signing::Keys;
use crate::args::{RenewArgs, RollbackArgs, native_range};
use crate::error::{Failure, Result};
use crate::output::Output;

pub(crate) fn rollback(args: &RollbackArgs, output: &Output) -> Result<()> {
    let channel = TargetChannel::find(&args.target)?;
    let keys = Keys::find(&args.signing)?;
    let content_keys = patches::content_keys(&args.patches)?;
    let content_keys: Vec<&ContentKey> = content_keys.iter().collect();
    let staging = tempfile::tempdir().map_err(|error| Failure::io("create", &std::env::temp_dir(), &error))?;
    let options = patches::options(&args.patches, &content_keys, staging.path());
    keys.with(&args.signing, None, |signing| {
        channel.execute(&[], output, |publisher, run| {
            let publisher = publisher.with_patches(&options);
            if args.built_in {
                publisher.rollback_to_built_in(&metadata(args), signing, run)
            } else {
                publisher.rollback(args.sequence, signing, run)
            }
        })
    })
}

/// The metadata of a release of the built-in bundle.
fn metadata(args: &RollbackArgs) -> ReleaseMetadata {
    let native = native_range(args.native_min.as_deref(), args.native_max.as_deref());
    ReleaseMetadata::new(BundleRef::BUILT_IN)
        .with_native(native)
        .with_comment(args.comment.clone())
}

pub(crate) fn renew(args: &RenewArgs, output: &Output) -> Result<()> {
    let channel = TargetChannel::find(&args.target)?;
    let keys = Keys::find(&args.signing)?;
    keys.with(&args.signing, None, |signing| {
        channel.execute(&[], output, |publisher, run| publisher.renew(args.within, signing, run))
    })
}
