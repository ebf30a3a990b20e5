//! Types of the store: bundle references, native apps, conditions and statuses.

use capbundle_core::store as core;

use crate::convert::{signed, unsigned};
use crate::error::Result;

/// A bundle that can be served: the one built into the native app, or an installed one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum BundleRef {
    /// The bundle inside the native app. It always exists.
    BuiltIn,
    /// An installed bundle.
    Bundle {
        /// Its id: ten letters and digits.
        id: String,
    },
}

impl BundleRef {
    pub(super) fn to_core(&self) -> Result<core::BundleRef> {
        Ok(match self {
            Self::BuiltIn => core::BundleRef::BuiltIn,
            Self::Bundle { id } => core::BundleRef::Bundle(id.parse()?),
        })
    }
}

impl From<&core::BundleRef> for BundleRef {
    fn from(bundle: &core::BundleRef) -> Self {
        match bundle {
            core::BundleRef::BuiltIn => Self::BuiltIn,
            core::BundleRef::Bundle(id) => Self::Bundle { id: id.to_string() },
        }
    }
}

/// The running native app.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NativeApp {
    /// The version that users see: `versionName` on Android, `CFBundleShortVersionString` on iOS.
    pub version: String,
    /// The build number: `versionCode` on Android, `CFBundleVersion` on iOS.
    pub build: String,
}

impl From<NativeApp> for core::NativeApp {
    fn from(app: NativeApp) -> Self {
        Self::new(app.version, app.build)
    }
}

/// The native versions that a bundle runs on, inclusive and optionally open at either end. Versions are
/// compared number by number.
#[derive(Debug, Clone, PartialEq, Eq, Default, uniffi::Record)]
pub struct NativeRange {
    /// The oldest version.
    #[uniffi(default = None)]
    pub min: Option<String>,
    /// The newest version.
    #[uniffi(default = None)]
    pub max: Option<String>,
}

impl From<NativeRange> for core::NativeRange {
    fn from(range: NativeRange) -> Self {
        Self {
            min: range.min.map(core::NativeVersion::new),
            max: range.max.map(core::NativeVersion::new),
        }
    }
}

impl From<&core::NativeRange> for NativeRange {
    fn from(range: &core::NativeRange) -> Self {
        let text = |version: &core::NativeVersion| version.as_str().to_owned();
        Self {
            min: range.min.as_ref().map(text),
            max: range.max.as_ref().map(text),
        }
    }
}

/// A condition for applying the next bundle. All conditions must be met; a condition that was met once stays
/// met.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum ApplyCondition {
    /// The app was in the background for this long without interruption.
    Background {
        /// The duration.
        milliseconds: i64,
    },
    /// The process ended and the app was started again.
    Kill,
    /// The native app has this version or a later one.
    NativeVersion {
        /// The version.
        version: String,
    },
    /// This time has passed, by the device's clock.
    Date {
        /// Seconds since 1970-01-01 UTC.
        seconds: i64,
    },
}

impl ApplyCondition {
    pub(super) fn all_to_core(conditions: &[Self]) -> Result<Vec<core::ApplyCondition>> {
        conditions.iter().map(Self::to_core).collect()
    }

    fn to_core(&self) -> Result<core::ApplyCondition> {
        Ok(match self {
            Self::Background { milliseconds } => core::ApplyCondition::Background(unsigned("delay", *milliseconds)?),
            Self::Kill => core::ApplyCondition::Kill,
            Self::NativeVersion { version } => core::ApplyCondition::NativeVersion(core::NativeVersion::new(version)),
            Self::Date { seconds } => core::ApplyCondition::Date(core::Timestamp(unsigned("delay", *seconds)?)),
        })
    }

    /// `None` for a condition that only a newer version knows.
    pub(super) fn from_core(condition: &core::ApplyCondition) -> Option<Self> {
        Some(match condition {
            core::ApplyCondition::Background(milliseconds) => Self::Background {
                milliseconds: signed(*milliseconds),
            },
            core::ApplyCondition::Kill => Self::Kill,
            core::ApplyCondition::NativeVersion(version) => Self::NativeVersion {
                version: version.as_str().to_owned(),
            },
            core::ApplyCondition::Date(time) => Self::Date {
                seconds: signed(time.0),
            },
            _ => return None,
        })
    }
}

/// The status of an installed bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum BundleStatus {
    /// Installed, never proven on this device.
    Installed,
    /// Will be served when its conditions are met.
    Next,
    /// Current, not yet proven.
    Trial,
    /// It confirmed that it works.
    Proven,
    /// A status that this version of the bindings does not know.
    Other,
}

impl From<core::Status> for BundleStatus {
    fn from(status: core::Status) -> Self {
        match status {
            core::Status::Installed => Self::Installed,
            core::Status::Next => Self::Next,
            core::Status::Trial => Self::Trial,
            core::Status::Proven => Self::Proven,
            _ => Self::Other,
        }
    }
}

/// Why a bundle has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum FailureCause {
    /// It used up the starts of its trial without confirming.
    NeverConfirmed,
    /// The host marked it as failed.
    Marked,
    /// Capgo's plugin had recorded the failure before its bundles were migrated.
    Adopted,
    /// A cause that this version of the bindings does not know.
    Other,
}

impl From<core::FailureCause> for FailureCause {
    fn from(cause: core::FailureCause) -> Self {
        match cause {
            core::FailureCause::NeverConfirmed => Self::NeverConfirmed,
            core::FailureCause::Marked => Self::Marked,
            core::FailureCause::Adopted => Self::Adopted,
            _ => Self::Other,
        }
    }
}
