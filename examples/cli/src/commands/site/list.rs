//! `capbundle release list`

use capbundle::release::ChannelFile;
use capbundle::time::Timestamp;
use capbundle_publish::site;
use capbundle_publish::site::{Listed, Unreadable};
use serde::Serialize;

use super::document;
use crate::args::SiteListArgs;
use crate::commands::remote::table::{short, table};
use crate::error::{Result, Warning};
use crate::interrupt;
use crate::output::{self, Output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    app_id: &'a str,
    site: String,
    channels: Vec<ChannelDocument<'a>>,
    releases: Vec<ReleaseDocument<'a>>,
    unreadable: Vec<UnreadableDocument<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UnreadableDocument<'a> {
    channel: &'a str,
    sequence: u64,
    offered: bool,
    problem: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChannelDocument<'a> {
    channel: &'a str,
    stable: Option<u64>,
    candidate: Option<u64>,
    rollout_bps: Option<u16>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools, reason = "each is a member of the JSON output")]
struct ReleaseDocument<'a> {
    channel: &'a str,
    sequence: u64,
    version: &'a str,
    stable: bool,
    rollout_bps: Option<u16>,
    created_at: u64,
    expires_at: u64,
    expired: bool,
    /// Devices use the bundle inside the native app, so there is no archive.
    built_in: bool,
    sealed: bool,
    checksum: Option<String>,
    size: Option<u64>,
    /// From how many earlier bundles there is a patch.
    patches: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
}

pub(crate) fn run(args: &SiteListArgs, output: &Output) -> Result<()> {
    let app = document::app_id(args.app_id.as_deref())?;
    let channel = args.channel.as_deref().map(super::channel_name).transpose()?;
    let storage = super::storage(&args.site)?;
    let listing = site::list(&*storage, &app, channel.as_ref(), &interrupt::control())?;
    let now = Timestamp::now();
    let mut rows = vec![
        [
            "CHANNEL",
            "SEQUENCE",
            "VERSION",
            "OFFERED TO",
            "EXPIRES",
            "SEALED",
            "CHECKSUM",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    rows.extend(listing.releases.iter().map(|listed| row(listed, now)));
    if !listing.releases.is_empty() {
        output.report_all(table(&rows, &[6, 2, 0]))?;
    }
    for unreadable in &listing.unreadable {
        output.warn(&Warning::new("unreadable", describe_unreadable(unreadable)));
    }
    output.say(format!(
        "{} in {} of {app} at {}",
        output::counted(listing.releases.len() as u64, "release"),
        output::counted(listing.channels.len() as u64, "channel"),
        storage.place()
    ));
    output.document(&Document {
        app_id: app.as_str(),
        site: storage.place(),
        channels: listing.channels.iter().map(channel_document).collect(),
        releases: listing
            .releases
            .iter()
            .map(|listed| release_document(listed, now))
            .collect(),
        unreadable: listing.unreadable.iter().map(unreadable_document).collect(),
    })
}

fn describe_unreadable(unreadable: &Unreadable) -> String {
    let offered = if unreadable.is_offered {
        ", which the channel offers"
    } else {
        ""
    };
    format!(
        "release {} of {}{offered}: {}",
        unreadable.sequence, unreadable.channel, unreadable.problem
    )
}

fn unreadable_document(unreadable: &Unreadable) -> UnreadableDocument<'_> {
    UnreadableDocument {
        channel: unreadable.channel.as_str(),
        sequence: unreadable.sequence,
        offered: unreadable.is_offered,
        problem: &unreadable.problem,
    }
}

fn row(listed: &Listed, now: Timestamp) -> Vec<String> {
    let release = &listed.release;
    let offered = match (listed.is_stable, listed.rollout_bps) {
        (true, _) => "all".to_owned(),
        (false, Some(bps)) => format!("{} %", f64::from(bps) / 100.0),
        (false, None) => "-".to_owned(),
    };
    let left = release.expires_at.since(now).as_secs();
    let expires = match left {
        0 => "expired".to_owned(),
        left => format!("in {} d", left / (24 * 60 * 60)),
    };
    vec![
        release.channel.to_string(),
        release.sequence.to_string(),
        release.version.clone(),
        offered,
        expires,
        match release.bundle() {
            Some(bundle) if bundle.sealed.is_some() => "yes",
            Some(_) => "no",
            None => "-",
        }
        .to_owned(),
        match release.bundle() {
            Some(bundle) => short(&bundle.archive.digest.to_string(), 12),
            None => "(built-in)".to_owned(),
        },
    ]
}

fn channel_document(file: &ChannelFile) -> ChannelDocument<'_> {
    ChannelDocument {
        channel: file.channel.as_str(),
        stable: file.stable,
        candidate: file.candidate.map(|candidate| candidate.sequence),
        rollout_bps: file.candidate.map(|candidate| candidate.rollout_bps),
    }
}

fn release_document(listed: &Listed, now: Timestamp) -> ReleaseDocument<'_> {
    let release = &listed.release;
    ReleaseDocument {
        channel: release.channel.as_str(),
        sequence: release.sequence,
        version: &release.version,
        stable: listed.is_stable,
        rollout_bps: listed.rollout_bps,
        created_at: release.created_at.0,
        expires_at: release.expires_at.0,
        expired: release.expires_at <= now,
        built_in: release.is_built_in(),
        sealed: release.bundle().is_some_and(|bundle| bundle.sealed.is_some()),
        checksum: release.bundle().map(|bundle| bundle.archive.digest.to_string()),
        size: release.bundle().map(|bundle| bundle.archive.size),
        patches: release.patches.len(),
        comment: release.comment.as_deref(),
    }
}
