//! `capbundle bundle list`

use capbundle_publish::api::{RemoteBundle, RemoteChannel};
use jiff::Timestamp;
use serde::Serialize;

use super::table::{short, table};
use super::{Remote, bundle_age};
use crate::args::BundleListArgs;
use crate::commands::fetch;
use crate::commands::key_source::{self, FoundKeys};
use crate::error::{Failure, ReportedFinding, Result, Warning};
use crate::output::{self, Output};

/// Exit codes of a verification that found problems, as in `release verify`.
const BROKEN: u8 = 3;
const UNVERIFIABLE: u8 = 4;

const HEAD: [&str; 9] = [
    "VERSION", "ID", "SIZE", "AGE", "WHO", "CHANNEL", "STORAGE", "ENC", "CHECKSUM",
];
/// Columns that are truncated if the table is too wide.
const FLEXIBLE: [usize; 5] = [4, 5, 6, 8, 0];
/// Number of checksum digits to show, enough to distinguish two.
const SHOWN_DIGITS: usize = 12;
const NOTHING: &str = "-";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    app_id: &'a str,
    bundles: Vec<BundleDocument<'a>>,
    /// Bytes of all archives whose size is known.
    storage_used: u64,
    /// Bundles whose size is not known.
    sizes_unknown: usize,
    warnings: &'a [Warning],
}

#[derive(Serialize)]
struct BundleDocument<'a> {
    #[serde(flatten)]
    bundle: &'a RemoteBundle,
    /// Names of the channels that serve the bundle; `None` if they could not be read.
    channels: Option<Vec<&'a str>>,
    /// How the archive was verified, with `--verify`.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'static str>,
}

pub(crate) fn run(args: &BundleListArgs, output: &Output) -> Result<()> {
    let remote = Remote::find(args.list.app_id.as_deref(), &args.list.server, output)?;
    let bundles = remote.bundles()?;
    let mut warnings = Vec::new();
    // The list is useful without the channels.
    let channels = match remote.channels() {
        Ok(channels) => Some(channels),
        Err(failure) if failure.code == capbundle::ErrorKind::Cancelled.as_str() => return Err(failure),
        Err(failure) => {
            let message = format!("cannot list the channels of the bundles: {}", failure.message);
            warnings.push(Warning::new("channels_unknown", message));
            None
        }
    };
    let now = Timestamp::now();
    let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
    rows.extend(bundles.iter().map(|bundle| row(bundle, channels.as_deref(), now)));
    if !bundles.is_empty() {
        output.report_all(table(&rows, &FLEXIBLE))?;
    }
    output.warn_all(&warnings);
    let storage_used = bundles.iter().filter_map(|bundle| bundle.size).sum();
    let sizes_unknown = bundles.iter().filter(|bundle| bundle.size.is_none()).count();
    output.say(summary(&remote, bundles.len(), storage_used, sizes_unknown));
    let proofs = if args.verify {
        verify(args, &remote, &bundles, output)?
    } else {
        vec![None; bundles.len()]
    };
    let documents = bundles.iter().zip(proofs).map(|(bundle, proof)| BundleDocument {
        bundle,
        channels: channels.as_deref().map(|channels| serving(bundle, channels)),
        proof,
    });
    output.document(&Document {
        app_id: remote.app.as_str(),
        bundles: documents.collect(),
        storage_used,
        sizes_unknown,
        warnings: &warnings,
    })
}

fn summary(remote: &Remote, count: usize, storage_used: u64, sizes_unknown: usize) -> String {
    let used = match (count, sizes_unknown) {
        (0, _) => String::new(),
        (count, unknown) if count == unknown => ", of unknown size".to_owned(),
        (_, 0) => format!(", {} in all", output::bytes(storage_used)),
        (_, unknown) => format!(", {} in all and {unknown} of unknown size", output::bytes(storage_used)),
    };
    format!("{} of {}{used}", output::counted(count as u64, "bundle"), remote.app)
}

fn row(bundle: &RemoteBundle, channels: Option<&[RemoteChannel]>, now: Timestamp) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| NOTHING.to_owned());
    let age = bundle
        .created_at
        .as_deref()
        .map(|created_at| bundle_age::since(created_at, now).map_or_else(|| created_at.to_owned(), bundle_age::text));
    let channels = match channels.map(|channels| serving(bundle, channels)) {
        None => "?".to_owned(),
        Some(names) if names.is_empty() => NOTHING.to_owned(),
        Some(names) => names.join(","),
    };
    let is_encrypted = bundle.session_key.as_deref().is_some_and(|key| !key.is_empty());
    vec![
        bundle.version.clone(),
        bundle.id.to_string(),
        bundle.size.map_or_else(|| NOTHING.to_owned(), output::bytes),
        age.unwrap_or_else(|| NOTHING.to_owned()),
        text(&bundle.user_id),
        channels,
        storage(bundle),
        if is_encrypted { "yes" } else { "no" }.to_owned(),
        short(&text(&bundle.checksum), SHOWN_DIGITS),
    ]
}

/// The storage provider of the archive and, for an external URL, its host. The query of a URL may be a secret and is
/// not shown.
fn storage(bundle: &RemoteBundle) -> String {
    let provider = bundle.storage_provider.as_deref();
    let host = bundle.external_url.as_deref().and_then(|url| {
        let (_, rest) = url.split_once("://")?;
        rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())
    });
    match (provider, host) {
        (Some(provider), Some(host)) => format!("{provider} {host}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => NOTHING.to_owned(),
    }
}

/// Names of the channels that serve a bundle.
fn serving<'a>(bundle: &RemoteBundle, channels: &'a [RemoteChannel]) -> Vec<&'a str> {
    let serves = |channel: &&RemoteChannel| match channel.bundle_id {
        Some(id) => id == bundle.id,
        None => channel.version.as_deref() == Some(bundle.version.as_str()),
    };
    channels
        .iter()
        .filter(serves)
        .map(|channel| channel.name.as_str())
        .collect()
}

/// Downloads each archive and verifies that it matches its registration.
fn verify(
    args: &BundleListArgs,
    remote: &Remote,
    bundles: &[RemoteBundle],
    output: &Output,
) -> Result<Vec<Option<&'static str>>> {
    let key = key(args)?;
    let (mut proofs, mut found) = (Vec::new(), Vec::<ReportedFinding>::new());
    for bundle in bundles {
        let folder = tempfile::tempdir().map_err(|error| Failure::io("create", &std::env::temp_dir(), &error))?;
        let bar = output.progress();
        let fetched = fetch::fetch(
            bundle,
            key.as_ref(),
            args.checksum_form,
            folder.path(),
            &*remote.transport,
            &bar.control(),
        );
        drop(bar);
        match fetched {
            Ok(fetched) => {
                output.report(format!(
                    "{}: verified, {} ({})",
                    bundle.version,
                    fetched.proof.describe(),
                    output::bytes(fetched.size)
                ))?;
                proofs.push(Some(fetched.proof.as_str()));
            }
            Err(failure) if failure.code == capbundle::ErrorKind::Cancelled.as_str() => return Err(failure),
            Err(failure) => {
                let is_unverifiable = fetch::is_unverifiable(&failure);
                let text = Warning {
                    path: Some(bundle.version.clone()),
                    ..Warning::new(failure.code, failure.message)
                };
                found.push(if is_unverifiable {
                    ReportedFinding::warning(text)
                } else {
                    ReportedFinding::error(text)
                });
                proofs.push(None);
            }
        }
    }
    let broken = found.iter().find(|found| found.is_error());
    let Some(worst) = broken.or(found.first()) else {
        output.say("All archives match their registration");
        return Ok(proofs);
    };
    let exit = if worst.is_error() { BROKEN } else { UNVERIFIABLE };
    let (code, message) = (worst.text.code.clone(), worst.text.to_string());
    Err(Failure::verdict(code, message, found, exit))
}

/// The public key of the app, if one is given or in this folder. Plain bundles are verified without one.
fn key(args: &BundleListArgs) -> Result<Option<FoundKeys>> {
    match key_source::verifying_keys(args.key.as_deref(), args.key_data.as_deref()) {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.code == "missing_public_key" && args.key.is_none() => Ok(None),
        Err(failure) => Err(failure),
    }
}
