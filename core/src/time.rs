//! Points in time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// Seconds since 1970-01-01 UTC, by the device's clock, which may be wrong and may jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The device's clock now; 0 if it stands before 1970.
    #[must_use]
    pub fn now() -> Self {
        Self(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
        )
    }

    /// How long ago `earlier` was; nothing if the clock was set back since.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}
