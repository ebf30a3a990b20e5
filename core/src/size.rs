//! Sizes for people.

const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];

/// `5 bytes`, `1.5 KiB`: exact below 1 KiB, otherwise with one digit after the point.
#[must_use]
pub fn text(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    #[allow(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn sizes_are_rounded_and_have_a_unit() {
        for (bytes, expected) in [
            (5, "5 bytes"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            (1_048_575, "1.0 MiB"),
            (5 << 30, "5.0 GiB"),
        ] {
            assert_eq!(text(bytes), expected);
        }
    }
}
