//! `capbundle release publish`

use std::path::{Path, PathBuf};

use capbundle::Limits;
use capbundle::keys::{ContentKey, PublicContentKey};
use capbundle::release::MAX_FILE_LIST_BYTES;
use capbundle_publish::site::{Audience, Bundle, DeliveredFiles, Delivery, NewRelease, ReleaseMetadata};

use super::patches;
use super::signing::{self, Keys};
use super::{TargetChannel, document};
use crate::args::PublishArgs;
use crate::commands::bundle::content::Project;
use crate::commands::bundle::{identity, packing, require_zip};
use crate::error::{About, Failure, Result, Subject, Warning};
use crate::output::Output;

/// What `key create --content` writes.
const CONTENT_KEY_FILE: &str = ".capbundle_content_key.pub";

pub(crate) fn run(args: &PublishArgs, output: &Output) -> Result<()> {
    if args.zip.is_some() && args.content.path.is_some() {
        let message = "--zip publishes an existing archive and --path packs a folder; pass only one of them";
        return Err(Failure::usage("conflicting_arguments", message));
    }
    let channel = TargetChannel::find(&args.target)?;
    let audience = match args.candidate {
        None => Audience::Stable,
        Some(rollout_bps) => Audience::Candidate { rollout_bps },
    };
    if let Some(signed) = &args.signed {
        return publish_signed(args, &channel, audience, signed, output);
    }
    // Find all errors in the options before packing the folder.
    let keys = Keys::find(&args.signing)?;
    let recipients = recipients(args, output)?;
    let version = identity::version(
        args.bundle.as_deref(),
        &args.package_json,
        &mut Project::default(),
        output,
    )?
    .to_string();
    let folder = tempfile::tempdir().map_err(|error| Failure::io("create", &std::env::temp_dir(), &error))?;
    let (zip, warnings) = archive(args, folder.path(), output)?;
    output.warn_all(&warnings);

    let bar = output.progress();
    let bundle = Bundle::of_zip(&zip, &Limits::default(), &bar.control()).about(Subject::Archive)?;
    drop(bar);
    let bundle = bundle.sealed_for(recipients, folder.path());
    let metadata = ReleaseMetadata::new(version)
        .with_native(args.native.range())
        .with_link(args.link.clone())
        .with_comment(args.comment.clone());
    let new = NewRelease {
        bundle: &bundle,
        metadata: &metadata,
        audience,
    };
    let content_keys = patches::content_keys(&args.patches)?;
    let content_keys: Vec<&ContentKey> = content_keys.iter().collect();
    let options = patches::options(&args.patches, &content_keys, folder.path()).with_from(&args.patch_from_built_in);
    keys.with(&args.signing, args.sequence, |signing| {
        channel.execute(&warnings, output, |publisher, run| {
            publisher.with_patches(&options).publish(&new, signing, run)
        })
    })
}

fn publish_signed(
    args: &PublishArgs,
    channel: &TargetChannel,
    audience: Audience,
    signed: &Path,
    output: &Output,
) -> Result<()> {
    let settled = [
        (!args.signing.key.is_empty(), "--key"),
        (args.bundle.is_some(), "--bundle"),
        (args.sequence.is_some(), "--sequence"),
        (!args.recipient.is_empty(), "--recipient"),
        (args.native.native_min.is_some(), "--native-min"),
        (args.native.native_max.is_some(), "--native-max"),
        (args.link.is_some(), "--link"),
        (args.comment.is_some(), "--comment"),
        (!args.patch_from_built_in.is_empty(), "--patch-from-built-in"),
    ];
    if let Some((_, option)) = settled.iter().find(|(given, _)| *given) {
        let message = format!("--signed and {option}: a signed release cannot be changed; remove {option}");
        return Err(Failure::usage("conflicting_arguments", message));
    }
    let envelope = document::read_envelope(signed)?;
    let files = match (&args.zip, &args.files) {
        (Some(zip), Some(files)) => {
            require_zip(zip)?;
            Some((zip, document::read(files, MAX_FILE_LIST_BYTES)?))
        }
        (None, None) => None,
        _ => {
            let message = "--zip and --files must be used together: a release of a bundle needs both, a release of the built-in bundle neither";
            return Err(Failure::usage("missing_argument", message));
        }
    };
    let delivery = Delivery {
        envelope: &envelope,
        files: files.as_ref().map(|(archive, list)| DeliveredFiles { archive, list }),
        patches: &args.patch,
    };
    let ring = signing::ring(&args.signing)?;
    channel.execute(&[], output, |publisher, run| {
        publisher.publish_signed(&delivery, audience, ring.as_deref(), run)
    })
}

/// The content keys to seal the archive for; empty if it stays plain.
fn recipients(args: &PublishArgs, output: &Output) -> Result<Vec<PublicContentKey>> {
    let here = [PathBuf::from(CONTENT_KEY_FILE)];
    let files = if args.plain {
        &[]
    } else if args.recipient.is_empty() && here[0].exists() {
        &here[..]
    } else {
        &args.recipient[..]
    };
    let mut keys = Vec::new();
    for file in files {
        let key = PublicContentKey::read(file).about(Subject::PublicKey)?;
        output.say(format!("Sealing for content key {} from {}", key.id(), file.display()));
        keys.push(key);
    }
    Ok(keys)
}

fn archive(args: &PublishArgs, folder: &Path, output: &Output) -> Result<(PathBuf, Vec<Warning>)> {
    if let Some(zip) = &args.zip {
        return Ok((zip.clone(), packing::checked(zip)?));
    }
    let to = folder.join("bundle.zip");
    let warnings = packing::packed(&args.content, &mut Project::default(), &to, output)?;
    Ok((to, warnings))
}
