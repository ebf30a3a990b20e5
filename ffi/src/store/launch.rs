//! What to serve.

use capbundle_core::store as core;

use super::Store;
use super::install::path_text;
use super::records::FailedBundle;
use super::types::{BundleRef, NativeApp};
use crate::error::Result;

/// Why a launch serves what it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum LaunchReason {
    /// It was current before.
    Current,
    /// It was next, and its conditions are met.
    NextApplied,
    /// The host made it current in this session.
    SetCurrent,
    /// The host reset to it in this session.
    Reset,
    /// It was served by this session before its store was closed.
    Resumed,
    /// The bundle on trial started as often as it may and never confirmed: it failed, and this is the fallback.
    TrialFailed,
    /// The time to confirm ran out in this session: this is the fallback.
    TrialExpired,
    /// The bundle on trial was launched several times without ever starting: it was given up, not failed.
    TrialNeverStarted,
    /// The bundle on trial proved itself before, and started as often as it may without a confirmation now: it is not failed,
    /// and is offered again after a day or by a new release. This is the fallback.
    SetAside,
    /// The native app changed, by version or build, and brings its own bundle.
    NativeChanged,
    /// The current bundle does not run on this native version.
    OutOfNativeRange,
    /// The native app brings something as new as the current bundle, or newer: see `StoreOptions.builtInSequence`.
    BuiltInIsNewer,
    /// The files of the current bundle were gone or not what was installed.
    Damaged,
    /// The change that the launch needs could not be made durable, so this needs none: see `notDurable`.
    NotDurable,
    /// For a reason that this version of the bindings has no word for.
    Other,
}

impl LaunchReason {
    /// For the log. Not by `Debug`, which is empty in the libraries for phones.
    fn name(self) -> &'static str {
        match self {
            Self::Current => "Current",
            Self::NextApplied => "NextApplied",
            Self::SetCurrent => "SetCurrent",
            Self::Reset => "Reset",
            Self::Resumed => "Resumed",
            Self::TrialFailed => "TrialFailed",
            Self::TrialExpired => "TrialExpired",
            Self::TrialNeverStarted => "TrialNeverStarted",
            Self::SetAside => "SetAside",
            Self::NativeChanged => "NativeChanged",
            Self::OutOfNativeRange => "OutOfNativeRange",
            Self::BuiltInIsNewer => "BuiltInIsNewer",
            Self::Damaged => "Damaged",
            Self::NotDurable => "NotDurable",
            Self::Other => "Other",
        }
    }
}

/// Why nothing could be written at launch.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum NotDurable {
    /// Another process or thread held the lock for 200 ms.
    Busy,
    /// The state could not be read: no permission yet, or an I/O error.
    Unreadable {
        /// What the system says.
        problem: String,
    },
    /// The state could not be written, for example because the disk is full.
    Unwritable {
        /// What the system says.
        problem: String,
    },
}

impl NotDurable {
    fn of(reason: &core::LaunchReason) -> Option<Self> {
        let core::LaunchReason::NotDurable(why) = reason else {
            return None;
        };
        Some(match why {
            core::NotDurable::Busy => Self::Busy,
            core::NotDurable::Unreadable(problem) => Self::Unreadable {
                problem: problem.clone(),
            },
            core::NotDurable::Unwritable(problem) => Self::Unwritable {
                problem: problem.clone(),
            },
            _ => Self::Unwritable {
                problem: "for a reason that this version of the bindings has no word for".to_owned(),
            },
        })
    }

    fn words(&self) -> &str {
        match self {
            Self::Busy => "another process or thread held the lock",
            Self::Unreadable { problem } | Self::Unwritable { problem } => problem,
        }
    }
}

/// What to serve in this session.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Launch {
    /// What is served.
    pub bundle: BundleRef,
    /// The folder with its files; none for the built-in bundle, whose place only the host knows.
    pub folder: Option<String>,
    /// Its version; none for the built-in bundle.
    pub version: Option<String>,
    /// Whether it must confirm.
    pub on_trial: bool,
    /// Why it was chosen.
    pub reason: LaunchReason,
    /// Why nothing could be written, where that is the reason.
    pub not_durable: Option<NotDurable>,
    /// The bundle that this launch found to have failed, if one did.
    pub failed: Option<FailedBundle>,
}

impl Launch {
    pub(super) fn from_core(launch: core::Launch) -> Result<Self> {
        Ok(Self {
            bundle: (&launch.bundle).into(),
            folder: launch.folder.map(path_text).transpose()?,
            version: launch.version,
            on_trial: launch.on_trial,
            not_durable: NotDurable::of(&launch.reason),
            reason: (&launch.reason).into(),
            failed: launch.failed.map(FailedBundle::from),
        })
    }
}

impl From<&core::LaunchReason> for LaunchReason {
    fn from(reason: &core::LaunchReason) -> Self {
        match reason {
            core::LaunchReason::Current => Self::Current,
            core::LaunchReason::NextApplied => Self::NextApplied,
            core::LaunchReason::SetCurrent => Self::SetCurrent,
            core::LaunchReason::Reset => Self::Reset,
            core::LaunchReason::Resumed => Self::Resumed,
            core::LaunchReason::TrialFailed => Self::TrialFailed,
            core::LaunchReason::TrialExpired => Self::TrialExpired,
            core::LaunchReason::TrialNeverStarted => Self::TrialNeverStarted,
            core::LaunchReason::SetAside => Self::SetAside,
            core::LaunchReason::NativeChanged => Self::NativeChanged,
            core::LaunchReason::OutOfNativeRange => Self::OutOfNativeRange,
            core::LaunchReason::BuiltInIsNewer => Self::BuiltInIsNewer,
            core::LaunchReason::Damaged => Self::Damaged,
            core::LaunchReason::NotDurable(_) => Self::NotDurable,
            _ => Self::Other,
        }
    }
}

#[uniffi::export]
impl Store {
    /// Decides what this session serves. Asked again, it gives the same answer and counts nothing.
    ///
    /// Waits no longer than about 200 ms: when the state cannot be read, written or locked, the answer is one that needs no
    /// change. It throws only for a fault in this library, or a folder whose path is no text: serve the built-in bundle
    /// then. Of a second, a change takes about ten milliseconds; without one it takes less than one.
    pub fn launch(&self, native: NativeApp) -> Result<Launch> {
        let launch = self.run("launch", |store| Launch::from_core(store.launch(&native.into())))?;
        self.log_serving("launch", &launch);
        Ok(launch)
    }

    /// What this session serves; nothing before `launch`.
    pub fn served(&self) -> Result<Option<Launch>> {
        self.run("served", |store| store.served().map(Launch::from_core).transpose())
    }

    /// Makes a bundle current in this session: the host reloads its web view with what this returns.
    ///
    /// Throws `NotTrusted` if it failed before or does not run on the native version that launched, `NotFound` if it is not
    /// installed, `Corrupt` if its files are gone; `Busy`, `Io`, `NoSpace` if the state cannot be changed.
    pub fn set_current(&self, bundle: BundleRef) -> Result<Launch> {
        let launch = self.run("set current", |store| {
            Launch::from_core(store.set_current(&bundle.to_core()?)?)
        })?;
        self.log_serving("set current", &launch);
        Ok(launch)
    }

    /// Goes back to the built-in bundle or, with `toLastProven`, to the last one that confirmed. What was to come next is
    /// dropped. The built-in bundle is then what later ones fall back to: a bundle that was withdrawn does not come back
    /// because its successor fails. The host reloads its web view with what this returns.
    ///
    /// Throws `Busy`, `Io`, `NoSpace` if the state cannot be changed.
    pub fn reset(&self, to_last_proven: bool) -> Result<Launch> {
        let launch = self.run("reset", |store| Launch::from_core(store.reset(to_last_proven)?))?;
        self.log_serving("reset", &launch);
        Ok(launch)
    }

    /// Applies the next bundle now if its conditions are met: to be asked when the app goes to the background or comes back.
    /// The host reloads its web view with the answer, if there is one.
    ///
    /// Throws `Busy`, `Io`, `NoSpace` if the state cannot be changed.
    pub fn apply_next(&self, native: NativeApp) -> Result<Option<Launch>> {
        let launch = self.run("apply next", |store| {
            store.apply_next(&native.into())?.map(Launch::from_core).transpose()
        })?;
        if let Some(launch) = &launch {
            self.log_serving("apply next", launch);
        }
        Ok(launch)
    }
}

impl Store {
    pub(super) fn log_serving(&self, operation: &str, launch: &Launch) {
        let message = || {
            let what = match &launch.bundle {
                BundleRef::BuiltIn => "the built-in bundle".to_owned(),
                BundleRef::Bundle { id } => format!("{id} ({})", launch.version.as_deref().unwrap_or("?")),
            };
            let trial = if launch.on_trial { ", on trial" } else { "" };
            let failed = launch
                .failed
                .as_ref()
                .map_or(String::new(), |failed| format!("; {} failed", failed.id));
            format!(
                "{operation}: serving {what}{trial} because of {}{failed}",
                launch.reason.name()
            )
        };
        match &launch.not_durable {
            Some(why) => self.log.warn(|| format!("{}: {}", message(), why.words())),
            None => self.log.info(message),
        }
    }
}
