//! How often updates are looked for while the app stays open.

use std::time::Duration;

/// The time between two automatic checks while the app stays open: `periodCheckDelay` of Capgo's plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CheckPeriod {
    /// As configured, 0 for no checks.
    seconds: u64,
}

impl CheckPeriod {
    /// The shortest period in seconds, as in Capgo's plugin: a shorter one would load the server and the battery.
    pub const MIN_SECONDS: u64 = 600;

    /// No periodic checks.
    pub const OFF: Self = Self { seconds: 0 };

    /// The configured period in seconds. 0 and less turns the checks off, less than 600 is raised to 600.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        Self { seconds }
    }

    /// The time between two checks; `None` if they are off.
    #[must_use]
    pub fn interval(self) -> Option<Duration> {
        (self.seconds > 0).then(|| Duration::from_secs(self.seconds.max(Self::MIN_SECONDS)))
    }

    /// The configured period if it was too short and was raised, so that the host can log it.
    #[must_use]
    pub fn raised_from(self) -> Option<Duration> {
        let is_raised = (1..Self::MIN_SECONDS).contains(&self.seconds);
        is_raised.then(|| Duration::from_secs(self.seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_off_or_at_least_ten_minutes() {
        for (seconds, interval, raised_from) in [
            (i64::MIN, None, None),
            (-1, None, None),
            (0, None, None),
            (1, Some(600), Some(1)),
            (599, Some(600), Some(599)),
            (600, Some(600), None),
            (601, Some(601), None),
            (86_400, Some(86_400), None),
            (i64::MAX, Some(i64::MAX.unsigned_abs()), None),
        ] {
            let period = CheckPeriod::from_seconds(seconds);
            assert_eq!(period.interval(), interval.map(Duration::from_secs), "{seconds}");
            assert_eq!(period.raised_from(), raised_from.map(Duration::from_secs), "{seconds}");
        }
        assert_eq!(CheckPeriod::default(), CheckPeriod::OFF);
    }
}
