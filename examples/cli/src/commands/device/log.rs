//! `capbundle device log`

use capbundle::updater::{DeviceLog, LogEntry, LogEvent};
use jiff::Timestamp;
use serde::Serialize;

use super::app::Device;
use super::documents;
use crate::error::Result;
use crate::output::Output;

#[derive(Serialize)]
struct Document<'a> {
    entries: &'a [LogEntry],
}

pub(super) fn run(device: &Device<'_>, output: &Output) -> Result<()> {
    let store = device.store()?;
    let entries = DeviceLog::of(&store).entries()?;
    if entries.is_empty() {
        output.report("The log has no entries")?;
    }
    output.report_all(entries.iter().map(line))?;
    output.document(&Document { entries: &entries })
}

pub(super) fn line(entry: &LogEntry) -> String {
    format!("{}  {}", time(entry), without_time(entry))
}

pub(super) fn without_time(entry: &LogEntry) -> String {
    if let LogEvent::Unknown(_) = entry.event {
        // Its members are those of a later version.
        return entry.json();
    }
    let event = entry.event.as_str().replace('_', " ");
    let details = details(entry).join(", ");
    format!("{event:<18}  {details}").trim_end().to_owned()
}

fn time(entry: &LogEntry) -> String {
    let seconds = i64::try_from(entry.at.0).ok().filter(|seconds| *seconds > 0);
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "time unknown        ".to_owned(), |time| time.to_string())
}

fn details(entry: &LogEntry) -> Vec<String> {
    let mut details = Vec::new();
    match (&entry.bundle, &entry.version) {
        (Some(bundle), version) => details.push(documents::named(bundle, version.as_deref())),
        (None, Some(version)) => details.push(version.clone()),
        (None, None) => {}
    }
    let count = entry.count.map(|count| count.to_string());
    let members = [
        ("before ", &entry.previous),
        ("", &entry.reason),
        ("code ", &entry.code),
        ("channel ", &entry.channel),
        ("error ", &entry.error),
        ("count ", &count),
        ("from ", &entry.url),
        ("", &entry.text),
    ];
    details.extend(
        members
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}{value}"))),
    );
    details
}
