//! Parsers for durations, sizes and percentages.

use std::time::Duration;

/// `90s`, `15m`, `36h` or `7d`. The unit is required, because the meaning of a bare number is ambiguous.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        _ => return Err("expected a number and s, m, h or d".to_owned()),
    };
    times(&text[..text.len() - 1], seconds).map(Duration::from_secs)
}

/// `1000`, `64K`, `200M` or `2G`, in powers of 1024.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.chars().last() {
        Some('K') => (&text[..text.len() - 1], 1 << 10),
        Some('M') => (&text[..text.len() - 1], 1 << 20),
        Some('G') => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    times(number, unit)
}

/// A share of the devices, `5%` or `0.25%`, in hundredths of a percent. The sign is optional.
pub(super) fn share(text: &str) -> Result<u16, String> {
    let refuse = || "expected 0% to 100% with at most two decimal digits".to_owned();
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    let (whole, rest) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(rest) || rest.len() > 2 {
        return Err(refuse());
    }
    let hundredths: u16 = format!("{rest:0<2}").parse().map_err(|_| refuse())?;
    let whole: u16 = whole.parse().map_err(|_| refuse())?;
    let share = whole.checked_mul(100).and_then(|share| share.checked_add(hundredths));
    share.filter(|share| *share <= 10_000).ok_or_else(refuse)
}

fn times(number: &str, unit: u64) -> Result<u64, String> {
    let count: u64 = number
        .parse()
        .map_err(|_| format!("{number:?} is not a whole number"))?;
    count
        .checked_mul(unit)
        .ok_or_else(|| "the value is too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_require_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2d"), Ok(Duration::from_secs(172_800)));
        for wrong in ["", "7", "d", "-1d", "1.5h", "7w", "7µ", "999999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares_are_percentages_with_up_to_two_decimal_digits() {
        for (text, bps) in [
            ("5%", 500),
            ("5", 500),
            ("0.25%", 25),
            ("0.5 %", 50),
            ("100%", 10_000),
            ("0%", 0),
        ] {
            assert_eq!(share(text), Ok(bps), "{text}");
        }
        for wrong in [
            "",
            "%",
            "-1%",
            "100.01%",
            "101%",
            "0.125%",
            "5.%",
            ".5%",
            "five",
            "99999999%",
        ] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_accept_an_optional_unit() {
        assert_eq!(bytes("1000"), Ok(1000));
        assert_eq!(bytes("2M"), Ok(2 << 20));
        for wrong in ["", "M", "-1", "1.5G", "2T", "99999999999G"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
