//! Points in time.

mod iso8601;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

pub use self::iso8601::UtcOffset;

/// Seconds since 1970-01-01 UTC. The device's clock may be wrong and may jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The current time; 0 if the clock is before 1970.
    #[must_use]
    pub fn now() -> Self {
        Self(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
        )
    }

    /// The time since `earlier`; zero if the clock was set back.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}
