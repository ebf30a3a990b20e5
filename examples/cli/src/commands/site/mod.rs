//! Static sites: `capbundle release publish …`, `capbundle keyring publish`.

pub(crate) mod candidate;
pub(crate) mod gc;
pub(crate) mod list;
mod patches;
pub(crate) mod publish;
pub(crate) mod publish_ring;
pub(crate) mod reissue;
mod signing;
pub(crate) mod verify;

use capbundle::AppId;
use capbundle::ChannelName;
use capbundle_publish::site::{BucketSite, ExecutionOptions, FolderSite, Outcome, Publisher, Report, SiteStorage};
use serde::Serialize;

use super::release::document;
use super::{s3, server};
use crate::args::{SiteArgs, SiteChannelArgs};
use crate::error::{Aftermath, Failure, Result, Warning};
use crate::output::Output;

const BUCKET: &str = "s3://";

/// The storage selected by `--to`.
fn storage(args: &SiteArgs) -> Result<Box<dyn SiteStorage>> {
    if let Some(place) = args.to.strip_prefix(BUCKET) {
        s3::check(&args.access)?;
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        server::begin(&args.network)?;
        let bucket = s3::bucket(&args.access, bucket, false, server::s3_transport(&args.network)?)?;
        return Ok(Box::new(BucketSite::new(bucket, prefix)));
    }
    if args.to.contains("://") {
        return Err(Failure::usage(
            "invalid_argument",
            format!(
                "--to {}: expected a folder or s3://bucket/prefix; a URL that only accepts PUT cannot be listed, so concurrent \
                publishers could not be detected",
                args.to
            ),
        ));
    }
    if args.access.any() {
        return Err(Failure::usage(
            "conflicting_arguments",
            "--s3-… needs --to s3://bucket/prefix, but --to is a folder",
        ));
    }
    Ok(Box::new(FolderSite::new(&args.to)))
}

/// The channel to change.
struct TargetChannel {
    storage: Box<dyn SiteStorage>,
    app: AppId,
    name: ChannelName,
    dry_run: bool,
}

impl TargetChannel {
    fn find(args: &SiteChannelArgs) -> Result<Self> {
        Ok(Self {
            app: document::app_id(args.app_id.as_deref())?,
            name: channel_name(&args.channel)?,
            storage: storage(&args.site)?,
            dry_run: args.dry_run,
        })
    }

    /// Runs an operation and prints its result.
    fn execute(
        &self,
        warnings: &[Warning],
        output: &Output,
        act: impl FnOnce(Publisher<'_>, &mut ExecutionOptions<'_>) -> Outcome,
    ) -> Result<()> {
        let publisher = Publisher::new(&*self.storage, &self.app, &self.name);
        let done = run(self.dry_run, output, |run| act(publisher, run))?;
        self.report(&done, warnings, output)
    }

    fn report(&self, done: &Report, warnings: &[Warning], output: &Output) -> Result<()> {
        let mut warnings = warnings.to_vec();
        warnings.extend(notes(done, output));
        let offered = done.channel.as_ref();
        if let Some(offered) = offered {
            let candidate = offered.candidate.map(|candidate| {
                let share = f64::from(candidate.rollout_bps) / 100.0;
                format!(", candidate {} for {share} % of the devices", candidate.sequence)
            });
            output.say(format!(
                "{} {}: stable {}{}",
                if self.dry_run { "Would offer on" } else { "Offered on" },
                self.name,
                offered
                    .stable
                    .map_or("none".to_owned(), |sequence| sequence.to_string()),
                candidate.unwrap_or_default()
            ));
        }
        if !done.costs.is_empty() {
            output.report_all(patches::lines(&done.costs))?;
        }
        output.document(&Document {
            app_id: self.app.as_str(),
            channel: self.name.as_str(),
            site: self.storage.place(),
            changed: done.changed,
            dry_run: self.dry_run,
            sequences: &done.sequences,
            stable: offered.and_then(|offered| offered.stable),
            candidate: offered
                .and_then(|offered| offered.candidate)
                .map(|candidate| CandidateDocument {
                    sequence: candidate.sequence,
                    rollout_bps: candidate.rollout_bps,
                }),
            steps: &done.steps,
            downloads: patches::documents(&done.costs),
            notes: &warnings,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    app_id: &'a str,
    channel: &'a str,
    site: String,
    changed: bool,
    dry_run: bool,
    sequences: &'a [u64],
    stable: Option<u64>,
    candidate: Option<CandidateDocument>,
    steps: &'a [String],
    /// What devices with earlier bundles download.
    downloads: Vec<patches::DownloadDocument<'a>>,
    notes: &'a [Warning],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CandidateDocument {
    sequence: u64,
    rollout_bps: u16,
}

fn channel_name(text: &str) -> Result<ChannelName> {
    text.parse()
        .map_err(|error: capbundle::Error| Failure::usage("invalid_channel", error.to_string()))
}

/// Runs an operation and prints its steps, during the run or, for a dry run, after it.
fn run(dry_run: bool, output: &Output, act: impl FnOnce(&mut ExecutionOptions<'_>) -> Outcome) -> Result<Report> {
    let bar = output.progress();
    let mut before = |step: &str| bar.aside(|| output.say(format!("- {step}")));
    let control = bar.control();
    let outcome = act(&mut ExecutionOptions::new(&control, &mut before).with_dry_run(dry_run));
    let done = outcome.map_err(|unfinished| {
        let left = unfinished
            .left
            .iter()
            .map(|path| format!("{path} (the next run resumes from it)"));
        let aftermath = Aftermath {
            undone: Vec::new(),
            left: left.collect(),
        };
        Failure::from(unfinished.problem).after(aftermath)
    })?;
    drop(bar);
    if dry_run {
        for (at, step) in done.steps.iter().enumerate() {
            output.say(format!("{}. {step}", at + 1));
        }
        output.say("Dry run: nothing was changed");
    }
    Ok(done)
}

fn notes(done: &Report, output: &Output) -> Vec<Warning> {
    let mut noticed = Vec::new();
    for note in &done.notes {
        let warning = Warning::new(note.as_str(), note.to_string());
        if note.is_warning() {
            output.warn(&warning);
        } else {
            output.say(format!("Note: {note}"));
        }
        noticed.push(warning);
    }
    noticed
}
