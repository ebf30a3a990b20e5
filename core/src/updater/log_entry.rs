//! The entries of the device log, and their JSON.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::json::compact;
use crate::store::{BundleRef, Launch};
use crate::time::Timestamp;

/// Maximum bytes of a text for people. Longer ones are cut.
const MAX_TEXT: usize = 500;
/// Maximum bytes of a URL.
const MAX_URL: usize = 300;
/// Maximum bytes of a name: a version, a channel, a code.
const MAX_NAME: usize = 120;

/// What an entry of the device log records.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogEvent {
    /// A launch decided what to serve. `reason` is [`LaunchReason::as_str`](crate::store::LaunchReason::as_str).
    Launch,
    /// The server or the channel was checked for an update. `reason` is the kind of the result, such as `offer`,
    /// `up_to_date`, `blocked`, `failed` or `limited`, and `code` the server's code.
    Check,
    /// A download started.
    DownloadStarted,
    /// A download is complete.
    DownloadFinished,
    /// A download failed.
    DownloadFailed,
    /// A bundle was installed.
    Installed,
    /// A bundle is to be served next.
    NextSet,
    /// A bundle became current.
    Applied,
    /// A bundle confirmed that it works.
    Confirmed,
    /// The fallback replaced a bundle, for the `reason`: `page_crashed` if the process of its page ended,
    /// `trial_expired` if its page did not confirm in time, otherwise as for [`Launch`](Self::Launch); `trial_failed`
    /// is a launch that found the starts of the bundle used up. `previous` is the version of the replaced bundle, if
    /// its page ran.
    FellBack,
    /// A bundle failed permanently on this device.
    Failed,
    /// The app went back to the built-in bundle or to the last one that confirmed.
    Reset,
    /// A bundle is previewed in this process.
    PreviewStarted,
    /// The preview of this bundle ended in its process, for the `reason`: `requested`, `page_crashed`,
    /// `page_timed_out`, or `replaced` by a call that made another bundle current. A preview also ends with its
    /// process, without an entry.
    PreviewEnded,
    /// A channel was set on this device.
    ChannelSet,
    /// The channel that was set on this device was removed.
    ChannelUnset,
    /// The app does not allow the channel of this device any more, and the default channel is followed. `channel` is
    /// the channel that is not allowed, `text` names the default one. Written once.
    ChannelRefused,
    /// The native app is another one than at the last launch. `version` is the new one, `previous` the old one.
    NativeAppChanged,
    /// Settings of the updater changed; `text` names them.
    SettingsChanged,
    /// An operation failed that has no entry of its own. `reason` names it.
    OperationFailed,
    /// The settings could not be read back. The defaults apply.
    SettingsDamaged,
    /// The queue of reports was full, and the oldest were dropped.
    ReportsDropped,
    /// A line of the log could not be read, or entries could not be written. `text` is the line, or says why.
    LogDamaged,
    /// An event of a later version. [`LogEntry::json`] has all of its members.
    Unknown(String),
}

/// Every event with its name in the file, which never changes.
const NAMES: [(LogEvent, &str); 23] = [
    (LogEvent::Launch, "launch"),
    (LogEvent::Check, "check"),
    (LogEvent::DownloadStarted, "download_started"),
    (LogEvent::DownloadFinished, "download_finished"),
    (LogEvent::DownloadFailed, "download_failed"),
    (LogEvent::Installed, "installed"),
    (LogEvent::NextSet, "next_set"),
    (LogEvent::Applied, "applied"),
    (LogEvent::Confirmed, "confirmed"),
    (LogEvent::FellBack, "fell_back"),
    (LogEvent::Failed, "failed"),
    (LogEvent::Reset, "reset"),
    (LogEvent::PreviewStarted, "preview_started"),
    (LogEvent::PreviewEnded, "preview_ended"),
    (LogEvent::ChannelSet, "channel_set"),
    (LogEvent::ChannelUnset, "channel_unset"),
    (LogEvent::ChannelRefused, "channel_refused"),
    (LogEvent::NativeAppChanged, "native_app_changed"),
    (LogEvent::SettingsChanged, "settings_changed"),
    (LogEvent::OperationFailed, "operation_failed"),
    (LogEvent::SettingsDamaged, "settings_damaged"),
    (LogEvent::ReportsDropped, "reports_dropped"),
    (LogEvent::LogDamaged, "log_damaged"),
];

impl LogEvent {
    /// The event in snake case, as in the file. Stable.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if let Self::Unknown(name) = self {
            return name;
        }
        let known = NAMES.iter().find(|(event, _)| event == self);
        known.map_or("log_damaged", |(_, name)| name)
    }

    fn of_name(name: &str) -> Self {
        let known = NAMES.iter().find(|(_, known)| *known == name);
        known.map_or_else(|| Self::Unknown(name.to_owned()), |(event, _)| event.clone())
    }

    /// Whether an entry must survive a power cut: it says why the device serves another bundle than before. A launch is
    /// not one of them, since it must not wait for the disk.
    pub(super) fn is_important(&self) -> bool {
        matches!(
            self,
            Self::Installed | Self::Applied | Self::Confirmed | Self::FellBack | Self::Failed | Self::Reset
        )
    }
}

/// An entry of the device log.
///
/// Texts are cut to a few hundred bytes, and URLs have no query, since it may contain a secret. Members that the event
/// does not need are absent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEntry {
    /// When it was written, by the device's clock. Entries are in the order in which they were written, even if the
    /// clock was set back. 0 for a line that could not be read.
    pub at: Timestamp,
    /// What happened.
    pub event: LogEvent,
    /// The version of the bundle; for [`LogEvent::NativeAppChanged`], of the native app.
    pub version: Option<String>,
    /// The bundle.
    pub bundle: Option<BundleRef>,
    /// The version that was served before.
    pub previous: Option<String>,
    /// Why, as a stable word.
    pub reason: Option<String>,
    /// The server's code.
    pub code: Option<String>,
    /// The kind of the error: [`ErrorKind::as_str`](crate::ErrorKind::as_str).
    pub error: Option<String>,
    /// Details for people.
    pub text: Option<String>,
    /// The URL, without its query.
    pub url: Option<String>,
    /// The channel.
    pub channel: Option<String>,
    /// A size in bytes or a number of things, as the event says.
    pub count: Option<u64>,
    /// Members that this version does not know.
    more: Map<String, Value>,
}

impl LogEntry {
    pub(crate) fn new(at: Timestamp, event: LogEvent) -> Self {
        Self {
            at,
            event,
            version: None,
            bundle: None,
            previous: None,
            reason: None,
            code: None,
            error: None,
            text: None,
            url: None,
            channel: None,
            count: None,
            more: Map::new(),
        }
    }

    /// The bundle, its version and the reason of a launch.
    pub(crate) fn with_launch(self, launch: &Launch) -> Self {
        let entry = self
            .with_bundle(launch.bundle.clone())
            .with_reason(launch.reason.as_str());
        match &launch.version {
            Some(version) => entry.with_version(version),
            None => entry,
        }
    }

    pub(crate) fn with_bundle(mut self, bundle: impl Into<BundleRef>) -> Self {
        self.bundle = Some(bundle.into());
        self
    }

    pub(crate) fn with_version(mut self, version: &str) -> Self {
        self.version = Some(cut(version, MAX_NAME));
        self
    }

    pub(crate) fn with_previous(mut self, version: &str) -> Self {
        self.previous = Some(cut(version, MAX_NAME));
        self
    }

    pub(crate) fn with_reason(mut self, reason: &str) -> Self {
        self.reason = Some(cut(reason, MAX_NAME));
        self
    }

    pub(crate) fn with_code(mut self, code: &str) -> Self {
        self.code = Some(cut(code, MAX_NAME));
        self
    }

    /// The kind and the text of an error.
    pub(crate) fn with_error(mut self, error: &Error) -> Self {
        self.error = Some(error.kind().as_str().to_owned());
        self.with_text(&error.to_string())
    }

    pub(crate) fn with_text(mut self, text: &str) -> Self {
        self.text = Some(cut(&without_queries(text), MAX_TEXT));
        self
    }

    pub(crate) fn with_url(mut self, url: &str) -> Self {
        self.url = Some(cut(&without_queries(url), MAX_URL));
        self
    }

    pub(crate) fn with_channel(mut self, channel: &str) -> Self {
        self.channel = Some(cut(channel, MAX_NAME));
        self
    }

    pub(crate) fn with_count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// The entry as one JSON object, as in the file, with the members that this version does not know.
    #[must_use]
    pub fn json(&self) -> String {
        compact(&Value::Object(self.members()))
    }

    fn members(&self) -> Map<String, Value> {
        let mut members = self.more.clone();
        members.insert("at".to_owned(), self.at.0.into());
        members.insert("event".to_owned(), self.event.as_str().into());
        let bundle = self.bundle.as_ref().map(BundleRef::to_string);
        let texts = [
            ("version", &self.version),
            ("bundle", &bundle),
            ("previous", &self.previous),
            ("reason", &self.reason),
            ("code", &self.code),
            ("error", &self.error),
            ("text", &self.text),
            ("url", &self.url),
            ("channel", &self.channel),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                members.insert(name.to_owned(), text.as_str().into());
            }
        }
        if let Some(count) = self.count {
            members.insert("count".to_owned(), count.into());
        }
        members
    }

    /// The entry in a line of the file. Every line is an entry: an unreadable one is [`LogEvent::LogDamaged`].
    pub(super) fn of_line(line: &[u8]) -> Self {
        Self::of_json(line).unwrap_or_else(|| Self::unreadable(&String::from_utf8_lossy(line)))
    }

    pub(super) fn unreadable(text: &str) -> Self {
        Self::new(Timestamp::default(), LogEvent::LogDamaged).with_text(text)
    }

    /// A member with another type than this version knows is kept like an unknown one.
    fn of_json(line: &[u8]) -> Option<Self> {
        let Ok(Value::Object(mut members)) = serde_json::from_slice(line) else {
            return None;
        };
        let at = Timestamp(members.remove("at")?.as_u64()?);
        let event = LogEvent::of_name(members.remove("event")?.as_str()?);
        let mut entry = Self::new(at, event);
        for (name, value) in members {
            entry.read(name, value);
        }
        Some(entry)
    }

    fn read(&mut self, name: String, value: Value) {
        let member = match name.as_str() {
            "version" => &mut self.version,
            "previous" => &mut self.previous,
            "reason" => &mut self.reason,
            "code" => &mut self.code,
            "error" => &mut self.error,
            "text" => &mut self.text,
            "url" => &mut self.url,
            "channel" => &mut self.channel,
            "bundle" if self.read_bundle(&value) => return,
            "count" if value.is_u64() => {
                self.count = value.as_u64();
                return;
            }
            _ => {
                self.more.insert(name, value);
                return;
            }
        };
        match value {
            Value::String(text) => *member = Some(text),
            other => {
                self.more.insert(name, other);
            }
        }
    }

    fn read_bundle(&mut self, value: &Value) -> bool {
        self.bundle = value.as_str().and_then(|text| text.parse().ok());
        self.bundle.is_some()
    }
}

/// As in the file.
impl Serialize for LogEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.members().serialize(serializer)
    }
}

/// At most `max` bytes, without control characters, whose JSON is six times as long.
fn cut(text: &str, max: usize) -> String {
    let mut cut = String::with_capacity(text.len().min(max));
    for character in text.chars() {
        let character = if character.is_control() { ' ' } else { character };
        if cut.len() + character.len_utf8() > max {
            cut.push('…');
            break;
        }
        cut.push(character);
    }
    cut
}

/// Removes the credentials, the query and the fragment of each URL in a text.
fn without_queries(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(scheme) = rest.find("://") {
        let (before, url) = rest.split_at(scheme + 3);
        let is_end = |character: char| character.is_whitespace() || "\"'<>`".contains(character);
        let (url, after) = url.split_at(url.find(is_end).unwrap_or(url.len()));
        let kept = &url[..url.find(['?', '#']).unwrap_or(url.len())];
        let host = kept.find('/').unwrap_or(kept.len());
        let credentials = kept[..host].rfind('@').map_or(0, |at| at + 1);
        clean.push_str(before);
        clean.push_str(&kept[credentials..]);
        // The punctuation of the text around the URL.
        clean.push_str(&url[url.trim_end_matches([':', ',', '.', ')']).len().max(kept.len())..]);
        rest = after;
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests;
