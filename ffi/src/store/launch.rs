//! Launching: which bundle to serve.

use capbundle_core::store as core;

use super::Store;
use super::install::path_text;
use super::records::FailedBundle;
use super::types::{BundleRef, NativeApp};
use crate::error::Result;

/// Why a launch serves its bundle.
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
    /// This session served it before its store was closed.
    Resumed,
    /// The bundle on trial used up its starts without confirming and has failed; this is the fallback.
    TrialFailed,
    /// The time to confirm ran out in this session; this is the fallback.
    TrialExpired,
    /// The bundle on trial was launched several times without starting: it was given up but has not failed.
    TrialNeverStarted,
    /// A bundle that was proven before used up its starts without confirming. It has not failed, and is offered
    /// again after a day or by a new release. This is the fallback.
    SetAside,
    /// The native app changed, by version or build, and includes its own bundle.
    NativeChanged,
    /// The current bundle does not run on this native version.
    OutOfNativeRange,
    /// The built-in bundle is at least as new as the current one: see `StoreOptions.builtInSequence`.
    BuiltInIsNewer,
    /// The files of the current bundle are missing or modified.
    Damaged,
    /// The change that the launch requires could not be made durable, so this bundle requires none: see
    /// `notDurable`.
    NotDurable,
    /// A reason that this version of the bindings does not know.
    Other,
}

impl LaunchReason {
    /// The name for the log. `Debug` output is empty in the libraries for phones.
    pub(crate) fn name(self) -> &'static str {
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

/// Why a launch could write nothing.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum NotDurable {
    /// Another process or thread held the lock for 200 ms.
    Busy,
    /// The state could not be read: no permission yet, or an I/O error.
    Unreadable {
        /// The error of the system.
        problem: String,
    },
    /// The state could not be written, for example because the disk is full.
    Unwritable {
        /// The error of the system.
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
                problem: "unknown to this version of the bindings".to_owned(),
            },
        })
    }

    fn description(&self) -> &str {
        match self {
            Self::Busy => "another process or thread held the lock",
            Self::Unreadable { problem } | Self::Unwritable { problem } => problem,
        }
    }
}

/// The bundle that this session serves.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Launch {
    /// The bundle.
    pub bundle: BundleRef,
    /// The folder with its files; nothing for the built-in bundle, whose location only the host knows.
    pub folder: Option<String>,
    /// Its version; nothing for the built-in bundle.
    pub version: Option<String>,
    /// Whether it must confirm.
    pub on_trial: bool,
    /// Why it was chosen.
    pub reason: LaunchReason,
    /// Why nothing could be written, if `reason` is `NotDurable`.
    pub not_durable: Option<NotDurable>,
    /// The bundle that failed according to this launch, if any.
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
    /// Decides which bundle this session serves. Later calls return the same result and count nothing.
    ///
    /// Waits at most about 200 ms: if the state cannot be read, written or locked, the result is a bundle that
    /// requires no change. It throws only for a bug in this library or a folder whose path is not valid text;
    /// serve the built-in bundle then. With a change a launch takes about ten milliseconds, without one less
    /// than one.
    pub fn launch(&self, native: NativeApp) -> Result<Launch> {
        let launch = self.run("launch", |store| Launch::from_core(store.launch(&native.into())))?;
        self.log_serving("launch", &launch);
        Ok(launch)
    }

    /// The bundle that this session serves; nothing before `launch`.
    pub fn served(&self) -> Result<Option<Launch>> {
        self.run("served", |store| store.served().map(Launch::from_core).transpose())
    }

    /// Makes a bundle current in this session. The host reloads its web view with the result.
    ///
    /// Throws `NotTrusted` if the bundle failed before or does not run on the launched native version,
    /// `NotFound` if it is not installed, `Corrupt` if its files are missing; `Busy`, `Io`, `NoSpace` if the
    /// state cannot be changed.
    pub fn set_current(&self, bundle: BundleRef) -> Result<Launch> {
        let launch = self.run("set current", |store| {
            Launch::from_core(store.set_current(&bundle.to_core()?)?)
        })?;
        self.log_serving("set current", &launch);
        Ok(launch)
    }

    /// Returns to the built-in bundle or, with `toLastProven`, to the last one that confirmed. The next bundle
    /// is cleared. The built-in bundle then becomes the fallback, so that a withdrawn bundle does not return
    /// when its successor fails. The host reloads its web view with the result.
    ///
    /// Throws `Busy`, `Io`, `NoSpace` if the state cannot be changed.
    pub fn reset(&self, to_last_proven: bool) -> Result<Launch> {
        let launch = self.run("reset", |store| Launch::from_core(store.reset(to_last_proven)?))?;
        self.log_serving("reset", &launch);
        Ok(launch)
    }

    /// Applies the next bundle now if its conditions are met. Call it when the app enters the background or the
    /// foreground. The host reloads its web view with the result, if there is one.
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
                "{operation}: serving {what}{trial}, reason {}{failed}",
                launch.reason.name()
            )
        };
        match &launch.not_durable {
            Some(why) => self.log.warn(|| format!("{}: {}", message(), why.description())),
            None => self.log.info(message),
        }
    }
}
