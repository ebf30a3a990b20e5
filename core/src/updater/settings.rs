//! The settings of the updater: what the app changed at runtime, and what is remembered between two runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value};

use super::device_log::DeviceLog;
use super::log_entry::LogEvent;
use crate::error::{Error, Result};
use crate::native::NativeApp;
use crate::store::{SideFiles, Store};
use crate::time::Timestamp;

const NAME: &str = "updater.json";
const LOCK: &str = "updater.lock";
/// Far more than the members need. It also bounds what an app can store with a custom id.
const MAX_BYTES: u64 = 64 << 10;
/// A change takes milliseconds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// The settings. `None` is the default, which the app's configuration decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The id of the user or device that the app chose.
    pub(crate) custom_id: Option<String>,
    /// The channel that the app set on this device.
    pub(crate) default_channel: Option<String>,
    /// The app id to send instead of the configured one.
    pub(crate) app_id: Option<String>,
    /// The URL of the update server.
    pub(crate) update_url: Option<String>,
    /// The URL that receives reports. Empty: none are sent.
    pub(crate) stats_url: Option<String>,
    /// The URL for the channel of this device.
    pub(crate) channel_url: Option<String>,
    /// The server must not be contacted before this time.
    pub(crate) retry_after_until: Option<Timestamp>,
    /// When the server last answered a check.
    pub(crate) last_check: Option<Timestamp>,
    /// The native app that the updater last saw.
    pub(crate) native: Option<NativeApp>,
    /// That native app is new, and no check has got an answer since.
    pub(crate) native_is_new: bool,
    /// The channel of this device that the app did not allow at the last check.
    pub(crate) refused_channel: Option<String>,
    /// Members of a later version, which are written again.
    unknown: Map<String, Value>,
}

/// What the app changed at run time and does not keep.
#[derive(Debug, Clone, Default)]
pub(super) struct Overrides {
    pub(super) custom_id: Option<String>,
    pub(super) app_id: Option<String>,
    pub(super) update_url: Option<String>,
    pub(super) stats_url: Option<String>,
    pub(super) channel_url: Option<String>,
}

/// The file with the settings. Threads and processes may change it at the same time.
#[derive(Debug)]
pub(crate) struct SettingsFile {
    files: SideFiles,
    log: DeviceLog,
    /// The generation that is known to be durable.
    durable: AtomicU64,
}

/// The generation and the settings of a file, or what is wrong with it.
type Decoded = std::result::Result<(u64, Settings), String>;

impl SettingsFile {
    /// The settings beside the state of a store.
    pub(crate) fn of(store: &Store, log: &DeviceLog) -> Self {
        Self {
            files: store.side_files(),
            log: log.clone(),
            durable: AtomicU64::new(0),
        }
    }

    /// The settings. A missing file is the defaults.
    ///
    /// A damaged file is set aside as `updater.corrupt-<n>.json`, and the defaults apply. That is a
    /// [warning](Store::take_warnings) and an entry of the log.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) if the file cannot be read, for example before the first unlock of the device.
    pub(crate) fn load(&self) -> Result<Settings> {
        let problem = match self.read()? {
            Ok((_, settings)) => return Ok(settings),
            Err(problem) => problem,
        };
        match self.files.lock(LOCK, LOCK_TIMEOUT) {
            Ok(_lock) => self.load_locked().map(|(_, settings)| settings),
            // Nothing can be set aside now; the next call tries again.
            Err(error) => {
                self.report_damage(&problem, &format!("; the file could not be set aside: {error}"));
                Ok(Settings::default())
            }
        }
    }

    /// Changes the settings and returns the new ones, durable when it returns. Nothing is written if `change` changes
    /// nothing. After a crash the file has the old or the new settings.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) if another process is changing them for longer than two seconds,
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if they are longer than 64 KiB,
    /// [`NoSpace`](crate::ErrorKind::NoSpace), [`Io`](crate::ErrorKind::Io); otherwise as [`load`](Self::load). The
    /// old settings are kept after an error, or the new ones are visible and not durable.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Settings)) -> Result<Settings> {
        let _lock = self.files.lock(LOCK, LOCK_TIMEOUT)?;
        let (generation, before) = self.load_locked()?;
        let mut settings = before.clone();
        change(&mut settings);
        if settings == before {
            // Another process may have ended between its rename and its sync.
            if self.durable.load(Ordering::Relaxed) != generation {
                self.files.sync_names()?;
                self.durable.store(generation, Ordering::Relaxed);
            }
            return Ok(settings);
        }
        let generation = generation + 1;
        let bytes = self
            .files
            .encode(NAME, generation, &Value::Object(settings.to_members()))?;
        if bytes.len() as u64 > MAX_BYTES {
            let problem = format!("at most {MAX_BYTES} bytes can be stored, found {}", bytes.len());
            return Err(Error::invalid_input("settings of the updater", problem));
        }
        self.files.replace(NAME, &bytes)?;
        self.durable.store(generation, Ordering::Relaxed);
        let names = settings.overrides_changed_since(&before);
        if !names.is_empty() {
            // Without the values: they may be secret.
            let entry = self.log.entry(LogEvent::SettingsChanged);
            self.log.write(&entry.with_text(&names.join(", ")));
        }
        Ok(settings)
    }

    /// As [`load`](Self::load), under the lock. Also returns the generation.
    fn load_locked(&self) -> Result<(u64, Settings)> {
        let problem = match self.read()? {
            Ok(settings) => return Ok(settings),
            Err(problem) => problem,
        };
        match self.files.set_aside(NAME) {
            Ok(place) => self.report_damage(&problem, &format!("; the file is kept as {place}")),
            Err(error) => self.report_damage(&problem, &format!("; the file could not be set aside: {error}")),
        }
        Ok((0, Settings::default()))
    }

    fn read(&self) -> Result<Decoded> {
        let bytes = match self.files.read(NAME, MAX_BYTES) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Ok((0, Settings::default()))),
            Err(Error::Corrupt { problem, .. }) => return Ok(Err(problem)),
            Err(error) => return Err(error),
        };
        let decoded = self.files.decode(NAME, &bytes);
        Ok(decoded.and_then(|(generation, contents)| Ok((generation, Settings::of_json(contents)?))))
    }

    fn report_damage(&self, problem: &str, place: &str) {
        let problem = format!("the settings of the updater cannot be read, the defaults apply: {problem}{place}");
        let entry = self.log.entry(LogEvent::SettingsDamaged);
        self.log.write(&entry.with_text(&problem));
        let path = self.files.path(NAME);
        self.files.warn(Error::Corrupt { path, problem });
    }
}

impl Settings {
    /// The names of the members that the app can set and that differ.
    fn overrides_changed_since(&self, before: &Self) -> Vec<&'static str> {
        let (old, new) = (before.texts(), self.texts());
        let changed = new.iter().zip(old).filter(|((_, new), (_, old))| new != old);
        changed.map(|((name, _), _)| *name).collect()
    }

    fn texts(&self) -> [(&'static str, &Option<String>); 6] {
        [
            ("custom_id", &self.custom_id),
            ("default_channel", &self.default_channel),
            ("app_id", &self.app_id),
            ("update_url", &self.update_url),
            ("stats_url", &self.stats_url),
            ("channel_url", &self.channel_url),
        ]
    }

    fn to_members(&self) -> Map<String, Value> {
        let mut members = self.unknown.clone();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), value);
            }
        };
        for (name, text) in self.texts() {
            set(name, text.as_deref().map(Value::from));
        }
        set("retry_after_until", self.retry_after_until.map(|at| at.0.into()));
        set("last_check", self.last_check.map(|at| at.0.into()));
        let native = self.native.as_ref();
        set("native_version", native.map(|native| native.version.as_str().into()));
        set("native_build", native.map(|native| native.build.as_str().into()));
        set("refused_channel", self.refused_channel.as_deref().map(Value::from));
        set("native_is_new", self.native_is_new.then(|| true.into()));
        members
    }

    fn of_json(contents: Value) -> Result<Self, String> {
        let Value::Object(mut members) = contents else {
            return Err("expected an object".to_owned());
        };
        let native_version = take_text(&mut members, "native_version")?;
        let native_build = take_text(&mut members, "native_build")?;
        Ok(Self {
            custom_id: take_text(&mut members, "custom_id")?,
            default_channel: take_text(&mut members, "default_channel")?,
            app_id: take_text(&mut members, "app_id")?,
            update_url: take_text(&mut members, "update_url")?,
            stats_url: take_text(&mut members, "stats_url")?,
            channel_url: take_text(&mut members, "channel_url")?,
            retry_after_until: take_time(&mut members, "retry_after_until")?,
            last_check: take_time(&mut members, "last_check")?,
            native: (native_version.zip(native_build)).map(|(version, build)| NativeApp::new(version, build)),
            native_is_new: take_flag(&mut members, "native_is_new")?,
            refused_channel: take_text(&mut members, "refused_channel")?,
            unknown: members,
        })
    }
}

fn take_text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name}: expected a string")),
    }
}

fn take_flag(members: &mut Map<String, Value>, name: &str) -> Result<bool, String> {
    match members.remove(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(_) => Err(format!("{name}: expected a boolean")),
    }
}

fn take_time(members: &mut Map<String, Value>, name: &str) -> Result<Option<Timestamp>, String> {
    let Some(value) = members.remove(name) else {
        return Ok(None);
    };
    let seconds = value
        .as_u64()
        .ok_or_else(|| format!("{name}: expected a whole number"))?;
    Ok(Some(Timestamp(seconds)))
}

#[cfg(test)]
mod tests;
