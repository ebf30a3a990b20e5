//! `capbundle bundle cleanup`

use std::collections::HashSet;
use std::time::Duration;

use capbundle_publish::api::{RemoteBundle, RemoteChannel};
use jiff::Timestamp;
use serde::Serialize;

use super::{Remote, bundle_age};
use crate::args::CleanupArgs;
use crate::error::{Aftermath, Failure, Result, Warning};
use crate::interrupt;
use crate::output::{self, Output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    app_id: &'a str,
    deleted: &'a [String],
    kept: &'a [String],
    dry_run: bool,
    warnings: &'a [Warning],
}

pub(crate) fn run(args: &CleanupArgs, output: &Output) -> Result<()> {
    let remote = Remote::find(args.app_id.as_deref(), &args.server, output)?;
    let control = interrupt::control();
    // Read the bundles first: a bundle assigned to a channel between the two requests is then known to be in use.
    let bundles = remote.bundles()?;
    let channels = remote.channels()?;
    remote.require_known(&bundles, &channels)?;
    let rules = Rules {
        keep: args.keep.unwrap_or(0),
        older_than: args.older_than,
    };
    let Partition {
        mut kept,
        old,
        without_age,
    } = partition(&candidates(&bundles, &channels, Timestamp::now()), &rules);
    let warnings: Vec<Warning> = without_age.iter().map(|version| unknown_age(version)).collect();
    output.warn_all(&warnings);

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
            // A rollout uses it, or it was just assigned to a channel.
            Err(capbundle_publish::Error::Api(error)) if error.is("cannot_delete_linked_version") => kept.push(version),
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
        warnings: &warnings,
    })
}

/// Which bundles may be deleted.
struct Rules {
    /// Number of newest bundles to keep.
    keep: usize,
    /// Delete only older bundles.
    older_than: Option<Duration>,
}

/// The properties of a bundle that the rules use.
struct Candidate {
    version: String,
    is_served: bool,
    /// `None` if the server does not return the creation time.
    age: Option<Duration>,
}

/// Versions, newest first.
#[derive(Default)]
struct Partition {
    kept: Vec<String>,
    old: Vec<String>,
    /// The kept versions that have no known age and would otherwise be deleted.
    without_age: Vec<String>,
}

fn candidates(bundles: &[RemoteBundle], channels: &[RemoteChannel], now: Timestamp) -> Vec<Candidate> {
    let ids: HashSet<u64> = channels.iter().filter_map(|channel| channel.bundle_id).collect();
    let versions: HashSet<&str> = channels
        .iter()
        .filter_map(|channel| channel.version.as_deref())
        .collect();
    let known = |bundle: &RemoteBundle| Candidate {
        version: bundle.version.clone(),
        is_served: ids.contains(&bundle.id) || versions.contains(bundle.version.as_str()),
        age: bundle
            .created_at
            .as_deref()
            .and_then(|text| bundle_age::since(text, now)),
    };
    bundles.iter().map(known).collect()
}

/// Splits the bundles by the rules. Bundles that a channel uses are kept and not counted.
fn partition(bundles: &[Candidate], rules: &Rules) -> Partition {
    let mut left = rules.keep;
    let mut partition = Partition::default();
    for Candidate {
        version,
        is_served,
        age,
    } in bundles
    {
        let is_new = !is_served && left > 0;
        left -= usize::from(is_new);
        let is_old = match (rules.older_than, age) {
            _ if *is_served || is_new => false,
            (None, _) => true,
            (Some(limit), Some(age)) => *age > limit,
            (Some(_), None) => {
                partition.without_age.push(version.clone());
                false
            }
        };
        let list = if is_old {
            &mut partition.old
        } else {
            &mut partition.kept
        };
        list.push(version.clone());
    }
    partition
}

fn unknown_age(version: &str) -> Warning {
    let message = format!("{version} is kept: the server did not return its registration time");
    Warning::new("age_unknown", message)
}

fn stopped(error: capbundle_publish::Error, version: &str, deleted: &[String]) -> Failure {
    let failure = Failure::from(error).adding(&format!("{version} was not deleted"));
    if deleted.is_empty() {
        return failure;
    }
    let gone = deleted
        .iter()
        .map(|version| format!("(already deleted) {version}"))
        .collect();
    failure.after(Aftermath {
        undone: Vec::new(),
        left: gone,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 60 * 60;

    fn partition_by(keep: usize, days: Option<u64>) -> Partition {
        let bundles = [
            ("1.0.4", false, Some(1)),
            ("1.0.3", true, Some(400)),
            ("1.0.2", false, Some(89)),
            ("1.0.1", false, Some(91)),
            ("1.0.0", false, Some(500)),
            ("0.9.0", false, None),
        ];
        let bundles = bundles.map(|(version, is_served, days)| Candidate {
            version: version.to_owned(),
            is_served,
            age: days.map(|days| Duration::from_secs(days * DAY)),
        });
        let older_than = days.map(|days| Duration::from_secs(days * DAY));
        partition(&bundles, &Rules { keep, older_than })
    }

    #[test]
    fn only_older_bundles_that_no_channel_uses_are_deleted() {
        let partition = partition_by(0, Some(90));
        assert_eq!(partition.old, ["1.0.1", "1.0.0"]);
        assert_eq!(partition.kept, ["1.0.4", "1.0.3", "1.0.2", "0.9.0"]);
        assert_eq!(partition.without_age, ["0.9.0"]);
    }

    #[test]
    fn a_bundle_is_deleted_only_if_both_rules_allow_it() {
        assert_eq!(partition_by(3, Some(90)).old, ["1.0.0"]);
        assert_eq!(partition_by(1, None).old, ["1.0.2", "1.0.1", "1.0.0", "0.9.0"]);
    }
}
