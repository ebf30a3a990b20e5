//! The settings of a policy.

use std::time::Duration;

use crate::updater::check_period::CheckPeriod;
use crate::updater::mode::UpdateMode;

/// The settings of a [`Policy`](super::Policy).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyOptions {
    /// When to check, and when to apply what was installed.
    pub mode: UpdateMode,
    /// The time between two checks while the app is visible; [`OFF`](CheckPeriod::OFF): only when it becomes visible.
    pub period: CheckPeriod,
    /// The longest time that the splash screen stays; zero: as long as it takes. `None`: the policy leaves the splash
    /// screen alone.
    pub splash: Option<Duration>,
    /// Whether JavaScript may mark a bundle as failed, as `allowManualBundleError`.
    pub allow_bundle_error: bool,
    /// Whether JavaScript may preview a bundle, as `allowPreview`.
    pub allow_preview: bool,
}

impl PolicyOptions {
    /// The options of this mode: no period, no splash screen.
    #[must_use]
    pub fn new(mode: UpdateMode) -> Self {
        Self {
            mode,
            period: CheckPeriod::OFF,
            splash: None,
            allow_bundle_error: false,
            allow_preview: false,
        }
    }

    /// Sets the time between two checks.
    #[must_use]
    pub fn with_period(mut self, period: CheckPeriod) -> Self {
        self.period = period;
        self
    }

    /// Sets the longest time that the splash screen stays.
    #[must_use]
    pub fn with_splash(mut self, timeout: Option<Duration>) -> Self {
        self.splash = timeout;
        self
    }

    /// Sets whether JavaScript may mark a bundle as failed.
    #[must_use]
    pub fn with_bundle_error(mut self, is_allowed: bool) -> Self {
        self.allow_bundle_error = is_allowed;
        self
    }

    /// Sets whether JavaScript may preview a bundle.
    #[must_use]
    pub fn with_preview(mut self, is_allowed: bool) -> Self {
        self.allow_preview = is_allowed;
        self
    }
}
