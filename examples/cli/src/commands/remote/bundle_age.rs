//! The age of a bundle.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// Below this age, days are shown, which are easier to compare than years.
const YEARS_FROM: u64 = 1000 * DAY;

/// The time since `created_at` in RFC 3339, the format of servers. `None` if it is not a time; zero if it is in the
/// future.
pub(super) fn since(created_at: &str, now: Timestamp) -> Option<Duration> {
    let created_at: Timestamp = created_at.trim().parse().ok()?;
    let age: SignedDuration = now.duration_since(created_at);
    Some(age.try_into().unwrap_or_default())
}

/// `3 h`, `12 d`.
pub(super) fn text(age: Duration) -> String {
    match age.as_secs() {
        0..MINUTE => "<1 min".to_owned(),
        seconds @ MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        seconds @ HOUR..DAY => format!("{} h", seconds / HOUR),
        seconds @ DAY..YEARS_FROM => format!("{} d", seconds / DAY),
        seconds => format!("{} y", seconds / (365 * DAY)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    #[test]
    fn timestamps_of_all_servers_are_accepted() {
        let now: Timestamp = "2026-07-11T10:00:00Z".parse().unwrap();
        for (created_at, expected) in [
            ("2026-07-01T10:00:00+00:00", "10 d"),
            ("2026-07-11T09:59:30.123Z", "<1 min"),
            ("2026-07-11T08:00:00Z", "2 h"),
            ("2026-07-11 09:30:00+00:00", "30 min"),
            ("2022-07-11T10:00:00Z", "4 y"),
            ("2027-01-01T00:00:00Z", "<1 min"),
        ] {
            assert_eq!(text(since(created_at, now).unwrap()), expected, "{created_at}");
        }
        assert_eq!(since("yesterday", now), None);
    }
}
