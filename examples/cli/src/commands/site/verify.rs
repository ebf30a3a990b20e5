//! `capbundle release verify`

use capbundle::ChannelName;
use capbundle::http::Url;
use capbundle::keys::ContentKey;
use capbundle::update::channel::Site;
use capbundle_publish::site::verify;
use capbundle_publish::site::verify::{Problem, ProblemSeverity, VerifyOptions, VerifyReport};
use serde::Serialize;

use super::document;
use crate::args::SiteVerifyArgs;
use crate::commands::server;
use crate::error::{About, Failure, ReportedFinding, Result, Subject, Warning};
use crate::output::{self, Output};

/// Exit codes of a check that found problems.
const BROKEN: u8 = 3;
const WARNED: u8 = 4;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    site: String,
    ring: Option<u64>,
    releases: Vec<ReleaseDocument>,
    full: bool,
    notes: Vec<Warning>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReleaseDocument {
    channel: String,
    sequence: u64,
    version: String,
    /// Devices use the bundle inside the native app.
    built_in: bool,
    expires_at: u64,
}

pub(crate) fn run(args: &SiteVerifyArgs, output: &Output) -> Result<()> {
    let ring = args.ring.as_deref().map(document::read_envelope).transpose()?;
    let app = document::app_id_or_ring(args.app_id.as_deref(), ring.as_deref())?;
    let (site, channels) = parse_address(args)?;
    let keys = args
        .content_key
        .iter()
        .map(|file| ContentKey::read(file).about(Subject::PrivateKey));
    let keys: Vec<ContentKey> = keys.collect::<Result<_>>()?;
    let keys: Vec<&ContentKey> = keys.iter().collect();
    let transport = server::transport(&args.network)?;
    let staging = tempfile::tempdir().map_err(|error| Failure::io("create", &std::env::temp_dir(), &error))?;

    let options = VerifyOptions::new(&app, &channels, staging.path().to_owned())
        .with_ring(ring.as_deref())
        .with_expires_within(args.expires_within)
        .with_full(args.full)
        .with_content_keys(&keys);
    let bar = output.progress();
    let report = verify::verify(&*transport, &site, &options, &bar.control())?;
    drop(bar);
    print_report(args, &site, &report, output)
}

/// The site and the channels of the command line.
fn parse_address(args: &SiteVerifyArgs) -> Result<(Site, Vec<ChannelName>)> {
    let refuse = |error: capbundle::Error| Failure::usage("invalid_argument", error.to_string());
    let url: Url = args.url.parse().map_err(refuse)?;
    let named = args.channel.iter().map(|name| super::channel_name(name));
    let mut channels: Vec<ChannelName> = Vec::new();
    for name in named {
        let name = name?;
        if !channels.contains(&name) {
            channels.push(name);
        }
    }
    // The URL of a channel file always ends with `.json`.
    if url.without_query().strip_suffix(".json").is_none() {
        if channels.is_empty() {
            channels.push(super::channel_name("production")?);
        }
        return Ok((Site::new(url), channels));
    }
    let (site, channel) = Site::from_channel_url(&url).map_err(refuse)?;
    if !channels.contains(&channel) {
        channels.insert(0, channel);
    }
    Ok((site, channels))
}

fn print_report(args: &SiteVerifyArgs, site: &Site, report: &VerifyReport, output: &Output) -> Result<()> {
    let warning = |problem: &Problem| Warning {
        path: Some(problem.path.clone()),
        ..Warning::new(problem.code, problem.message.clone())
    };
    let of = |severity: ProblemSeverity| {
        report
            .problems
            .iter()
            .filter(move |problem| problem.severity == severity)
    };
    let notes: Vec<Warning> = of(ProblemSeverity::Note).map(warning).collect();
    for note in &notes {
        output.say(format!("Note: {note}"));
    }
    for release in &report.releases {
        let bundle = if release.is_built_in() {
            "the built-in bundle".to_owned()
        } else {
            format!("version {}", release.version)
        };
        output.say(format!(
            "Devices in {} get release {}, {bundle}",
            release.channel, release.sequence
        ));
    }
    let found: Vec<ReportedFinding> = of(ProblemSeverity::Broken)
        .map(|problem| ReportedFinding::error(warning(problem)))
        .chain(of(ProblemSeverity::Warning).map(|problem| ReportedFinding::warning(warning(problem))))
        .collect();
    let first = of(ProblemSeverity::Broken).chain(of(ProblemSeverity::Warning)).next();
    if let Some(first) = first {
        let exit = if first.severity == ProblemSeverity::Broken {
            BROKEN
        } else {
            WARNED
        };
        return Err(Failure::verdict(first.code, first.to_string(), found, exit));
    }
    output.say(format!(
        "{} valid at {}",
        output::counted(report.releases.len() as u64, "release"),
        site.base
    ));
    output.document(&Document {
        site: site.base.to_string(),
        ring: report.ring,
        releases: report
            .releases
            .iter()
            .map(|release| ReleaseDocument {
                channel: release.channel.to_string(),
                sequence: release.sequence,
                version: release.version.clone(),
                built_in: release.is_built_in(),
                expires_at: release.expires_at.0,
            })
            .collect(),
        full: args.full,
        notes,
    })
}
