//! `capbundle device update`

use capbundle::Error;
use capbundle::http::download::DownloadOptions;
use capbundle::store::{
    BundleRecord, BundleRef, ChannelOutcome, ChannelSource, ChannelUpdate, RequiredProof, RolloutDecision, Skipped,
    Store,
};
use capbundle::update::channel::Site;
use serde::Serialize;

use super::app::Device;
use super::documents::{self, BundleDocument};
use super::install::current_record;
use super::release::{channel, options};
use crate::args::UpdateArgs;
use crate::commands::server;
use crate::error::{Failure, Result, Subject, Warning};
use crate::output::Output;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<BundleDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    /// The sequence offered by the channel, if it is older.
    #[serde(skip_serializing_if = "Option::is_none")]
    offered: Option<u64>,
    /// The sequence accepted by this device, in the same case.
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout: Option<RolloutDocument>,
    passed_over: Vec<SkippedDocument>,
    ring: u64,
    /// Why the next key ring of the site was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    ring_problem: Option<Problem>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RolloutDocument {
    sequence: u64,
    rollout_bps: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<u16>,
    inside: bool,
}

#[derive(Serialize)]
struct SkippedDocument {
    offer: &'static str,
    sequence: u64,
    #[serde(flatten)]
    problem: Problem,
}

#[derive(Serialize)]
struct Problem {
    code: String,
    message: String,
}

pub(super) fn run(device: &Device<'_>, args: &UpdateArgs, output: &Output) -> Result<()> {
    let transport = server::transport(&args.network)?;
    let source = source(device, args)?;
    let store = device.store_requiring(RequiredProof::Release)?;
    let bar = output.progress();
    let result = store.update_from_channel(&*transport, &source, &DownloadOptions::default(), &bar.control());
    drop(bar);
    device.warn_of(&store);
    let update = result?;
    if let Some(problem) = &update.ring_problem {
        let message = format!("key ring {} was rejected: {problem}", update.ring + 1);
        output.warn(&Warning::new("key_ring", message));
    }
    let refusals: Vec<Failure> = update.passed_over.iter().map(refusal).collect();
    if update.outcome == ChannelOutcome::Refused
        && let Some(last) = refusals.into_iter().reduce(|first, last| last.adding(&first.message))
    {
        return Err(last);
    }
    for skipped in &update.passed_over {
        let refusal = refusal(skipped);
        output.warn(&Warning::new(refusal.code, refusal.message));
    }
    output.say(describe(&update));
    output.document(&document(&store, &update)?)
}

fn source(device: &Device<'_>, args: &UpdateArgs) -> Result<ChannelSource> {
    let (site, channel) = match (&args.channel_url, &args.site, &args.channel) {
        (Some(url), _, _) => Site::from_channel_url(url)?,
        (None, Some(site), Some(name)) => (Site::new(site.clone()), channel(name)?),
        _ => {
            return Err(Failure::missing_argument(
                "no channel: pass --channel-url, or --site and --channel",
            ));
        }
    };
    let release = options(device, &args.trust, channel)?;
    Ok(ChannelSource::new(site, release).with_device_id(args.device_id.clone()))
}

fn refusal(skipped: &Skipped) -> Failure {
    let mut failure = Failure::about(Subject::Other, &skipped.error);
    failure.message = format!(
        "{} release {}: {}",
        skipped.offer.as_str(),
        skipped.sequence,
        failure.message
    );
    failure
}

fn describe(update: &ChannelUpdate) -> String {
    let named = |record: &BundleRecord| documents::named(&BundleRef::Bundle(record.id.clone()), Some(&record.version));
    match &update.outcome {
        ChannelOutcome::Installed(record) => format!("Installed {} as the next bundle", named(record)),
        ChannelOutcome::UpToDate(record) => format!("Up to date: {}", named(record)),
        ChannelOutcome::BuiltInNext { sequence, .. } => {
            format!("Accepted release {sequence}: the built-in bundle is next")
        }
        ChannelOutcome::BuiltInUpToDate { sequence, .. } => {
            format!("Up to date: the built-in bundle (release {sequence})")
        }
        ChannelOutcome::NothingOffered => "The channel offers nothing".to_owned(),
        ChannelOutcome::OutsideRollout => {
            "The channel has a candidate, but this device is not in its rollout".to_owned()
        }
        ChannelOutcome::Older { offered, known } => {
            format!("No newer release: the channel has release {offered}, this device has {known}")
        }
        other => other.as_str().to_owned(),
    }
}

fn document(store: &Store, update: &ChannelUpdate) -> Result<Document> {
    let (bundle, offered, known) = match &update.outcome {
        ChannelOutcome::Installed(record) | ChannelOutcome::UpToDate(record) => (Some(record), None, None),
        ChannelOutcome::Older { offered, known } => (None, Some(*offered), Some(*known)),
        _ => (None, None, None),
    };
    let sequence = match &update.outcome {
        ChannelOutcome::BuiltInNext { sequence, .. } | ChannelOutcome::BuiltInUpToDate { sequence, .. } => {
            Some(*sequence)
        }
        _ => bundle.and_then(|record| record.sequence),
    };
    let bundle = bundle.map(|record| {
        let (record, status) = current_record(store, (**record).clone())?;
        Ok::<_, Failure>(BundleDocument::new(&record, status, &store.folder(&record.id)))
    });
    Ok(Document {
        outcome: update.outcome.as_str(),
        bundle: bundle.transpose()?,
        sequence,
        offered,
        known,
        rollout: update.rollout.map(RolloutDocument::from),
        passed_over: update.passed_over.iter().map(SkippedDocument::from).collect(),
        ring: update.ring,
        ring_problem: update.ring_problem.as_ref().map(Problem::from),
    })
}

impl From<RolloutDecision> for RolloutDocument {
    fn from(rollout: RolloutDecision) -> Self {
        Self {
            sequence: rollout.sequence,
            rollout_bps: rollout.rollout_bps,
            bucket: rollout.bucket,
            inside: rollout.is_inside(),
        }
    }
}

impl From<&Skipped> for SkippedDocument {
    fn from(skipped: &Skipped) -> Self {
        Self {
            offer: skipped.offer.as_str(),
            sequence: skipped.sequence,
            problem: Problem::from(&skipped.error),
        }
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let failure = Failure::about(Subject::Other, error);
        Self {
            code: failure.code.into_owned(),
            message: failure.message,
        }
    }
}
