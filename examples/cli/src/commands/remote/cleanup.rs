//! `capbundle bundle cleanup`

use std::collections::HashSet;

use capbundle::publish::api::{Channel, RemoteBundle};
use serde::Serialize;

use super::Remote;
use crate::args::CleanupArgs;
use crate::codes::{Aftermath, Failure, Result};
use crate::interrupt;
use crate::output::{self, Output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    app_id: &'a str,
    deleted: &'a [String],
    kept: &'a [String],
    dry_run: bool,
}

pub(crate) fn run(args: &CleanupArgs, output: &Output) -> Result<()> {
    let remote = Remote::find(args.app_id.as_deref(), &args.server)?;
    let control = interrupt::control();
    // The bundles first: one that a channel gets in between is then among those that are named.
    let bundles = remote.bundles()?;
    let channels: Vec<Channel> = remote
        .api
        .channels(&remote.app, &control)
        .collect::<capbundle::Result<_>>()?;
    let (mut kept, old) = divide(&bundles, &channels, args.keep);

    let mut deleted = Vec::new();
    for version in old {
        if args.dry_run {
            output.say(format!("Would delete {version}"));
            deleted.push(version);
            continue;
        }
        match remote.api.delete(&remote.app, &version, &control) {
            Ok(()) => {
                output.say(format!("Deleted {version}"));
                deleted.push(version);
            }
            // A rollout names it, or somebody set a channel to it just now.
            Err(capbundle::Error::Api(error)) if error.is("cannot_delete_linked_version") => kept.push(version),
            Err(error) => return Err(stopped(error, &version, &deleted)),
        }
    }
    output.say(format!(
        "{} {}, kept {}",
        if args.dry_run { "Would have deleted" } else { "Deleted" },
        output::counted(deleted.len() as u64, "bundle"),
        kept.len()
    ));
    output.document(&Document {
        app_id: remote.app.as_str(),
        deleted: &deleted,
        kept: &kept,
        dry_run: args.dry_run,
    })
}

/// What stays and what goes, from the newest to the oldest: bundles that a channel names stay, and are not counted.
fn divide(bundles: &[RemoteBundle], channels: &[Channel], keep: usize) -> (Vec<String>, Vec<String>) {
    let ids: HashSet<u64> = channels.iter().filter_map(|channel| channel.bundle_id).collect();
    let versions: HashSet<&str> = channels
        .iter()
        .filter_map(|channel| channel.version.as_deref())
        .collect();
    let mut left = keep;
    let (mut kept, mut old) = (Vec::new(), Vec::new());
    for bundle in bundles {
        let named = ids.contains(&bundle.id) || versions.contains(bundle.version.as_str());
        if named || left > 0 {
            left -= usize::from(!named);
            kept.push(bundle.version.clone());
        } else {
            old.push(bundle.version.clone());
        }
    }
    (kept, old)
}

fn stopped(error: capbundle::Error, version: &str, deleted: &[String]) -> Failure {
    let failure = Failure::from(error).adding(&format!("{version} is still there"));
    if deleted.is_empty() {
        return failure;
    }
    let gone = deleted
        .iter()
        .map(|version| format!("(deleted before) {version}"))
        .collect();
    failure.after(Aftermath {
        undone: Vec::new(),
        left: gone,
    })
}
