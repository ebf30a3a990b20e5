#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use proptest::prelude::*;

use super::*;
use crate::ErrorKind;

fn parse(text: &str) -> Result<Timestamp, String> {
    Timestamp::from_iso8601(text, UtcOffset::UTC)
}

#[test]
fn every_common_form_of_a_date_is_parsed() {
    const NEW_YEAR: u64 = 1_893_456_000; // 2030-01-01T00:00:00Z
    for (text, expected) in [
        ("2030-01-01T00:00:00.000Z", NEW_YEAR),
        ("2030-01-01T00:00:00Z", NEW_YEAR),
        ("2030-01-01T00:00:00.000000Z", NEW_YEAR),
        ("2030-01-01T00:00:00.0Z", NEW_YEAR),
        ("2030-01-01T00:00Z", NEW_YEAR),
        ("2030-01-01", NEW_YEAR),
        ("2030-01-01t00:00:00z", NEW_YEAR),
        ("2030-01-01 00:00:00Z", NEW_YEAR),
        ("2030-01-01T00:00:00", NEW_YEAR),
        ("2030-01-01T00:00:00.000", NEW_YEAR),
        ("2030-1-1T0:0:0Z", NEW_YEAR),
        ("+002030-01-01T00:00:00.000Z", NEW_YEAR),
        ("2030-01-01T01:00:00.000+01:00", NEW_YEAR),
        ("2030-01-01T01:00:00.000+0100", NEW_YEAR),
        ("2030-01-01T01:00:00+01", NEW_YEAR),
        ("2029-12-31T18:30:00-05:30", NEW_YEAR),
        ("2030-01-01T00:00:00-00:00", NEW_YEAR),
        ("2030-01-01T05:45:00.000+05:45", NEW_YEAR),
        ("2025-12-31T23:59:59Z", 1_767_225_599),
        ("2024-02-29T12:34:56Z", 1_709_210_096),
        ("2000-02-29T00:00:00Z", 951_782_400),
        ("2000-03-01T00:00:00Z", 951_868_800),
        ("1970-01-01T00:00:00.000Z", 0),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ] {
        assert_eq!(parse(text), Ok(Timestamp(expected)), "{text}");
    }
}

#[test]
fn a_fraction_of_a_second_is_rounded_up() {
    for (text, expected) in [
        ("1970-01-01T00:00:01.000Z", 1),
        ("1970-01-01T00:00:01.001Z", 2),
        ("1970-01-01T00:00:01.999Z", 2),
        ("1970-01-01T00:00:59.5Z", 60),
    ] {
        assert_eq!(parse(text), Ok(Timestamp(expected)), "{text}");
    }
}

#[test]
fn a_time_without_an_offset_is_local_and_a_date_alone_is_utc() {
    let east = UtcOffset::from_seconds_east(2 * 3600).unwrap();
    for (text, expected) in [
        ("1970-01-02T00:00:00", 79_200),
        ("1970-01-02T00:00", 79_200),
        ("1970-01-02T00:00:00Z", 86_400),
        ("1970-01-02T00:00:00-01:00", 90_000),
        ("1970-01-02", 86_400),
    ] {
        let parsed = Timestamp::from_iso8601(text, east);
        assert_eq!(parsed, Ok(Timestamp(expected)), "{text}");
    }
}

#[test]
fn a_time_before_1970_is_1970() {
    for text in [
        "1969-12-31T23:59:59Z",
        "0000-01-01",
        "-000001-01-01",
        "1970-01-01T00:00:00+01:00",
    ] {
        assert_eq!(parse(text), Ok(Timestamp(0)), "{text}");
    }
}

#[test]
fn a_leap_second_is_the_second_after_it() {
    for text in [
        "2016-12-31T23:59:60Z",
        "2017-01-01T00:59:60+01:00",
        "2016-12-31T18:59:60-05:00",
    ] {
        assert_eq!(parse(text), parse("2017-01-01T00:00:00Z"), "{text}");
    }
    for text in [
        "2016-12-31T23:58:60Z",
        "2016-12-31T23:59:60+01:00",
        "2016-12-31T12:00:60Z",
    ] {
        let problem = parse(text).unwrap_err();
        assert!(
            problem.contains("second 60 exists only at the end of a day"),
            "{problem}"
        );
    }
}

#[test]
fn anything_else_is_refused_with_the_part_that_is_wrong() {
    for (text, expected) in [
        ("", "expected 4 digits for the year, found 0"),
        ("tomorrow", "expected 4 digits for the year, found 0"),
        ("1767225599000", "expected 4 digits for the year, found 13"),
        ("30-01-01", "expected 4 digits for the year, found 2"),
        ("+2030-01-01", "expected 6 digits for the year, found 4"),
        ("2030", "expected \"-\", found the end"),
        ("2030/01/01", "expected \"-\", found \"/01/01\""),
        ("2030-01", "expected \"-\", found the end"),
        ("2030-13-01", "expected 1 to 12 for the month, found 13"),
        ("2030-00-01", "expected 1 to 12 for the month, found 0"),
        ("2030-01-00", "expected 1 to 31 for the day, found 0"),
        ("2030-01-32", "expected 1 to 31 for the day, found 32"),
        ("2030-04-31", "month 4 of 2030 has 30 days"),
        ("2030-02-29", "month 2 of 2030 has 28 days"),
        ("2100-02-29", "month 2 of 2100 has 28 days"),
        ("2024-02-30", "month 2 of 2024 has 29 days"),
        ("2030-01-01T24:00:00Z", "expected 0 to 23 for the hour, found 24"),
        ("2030-01-01T00:60:00Z", "expected 0 to 59 for the minute, found 60"),
        ("2030-01-01T00:00:61Z", "expected 0 to 60 for the second, found 61"),
        ("2030-01-01T00Z", "expected \":\", found \"Z\""),
        ("2030-01-01T", "expected 1 or 2 digits for the hour, found 0"),
        (
            "2030-01-01T00:00:00.Z",
            "expected digits after the decimal point, found \"Z\"",
        ),
        ("2030-01-01T00:00:00,5Z", "expected the end, found \",5Z\""),
        ("2030-01-01T00:00:00+1", "expected 2 digits for the offset, found 1"),
        ("2030-01-01T00:00:00+01:0", "expected 2 digits for the offset, found 1"),
        (
            "2030-01-01T00:00:00+24:00",
            "expected 0 to 23 for the hours of the offset, found 24",
        ),
        (
            "2030-01-01T00:00:00+01:60",
            "expected 0 to 59 for the minutes of the offset, found 60",
        ),
        ("2030-01-01T00:00:00Z ", "expected the end, found \" \""),
        (" 2030-01-01", "expected 4 digits for the year, found 0"),
        ("2030-01-01T00:00:00 GMT", "expected the end, found \" GMT\""),
        (
            "Tue, 01 Jan 2030 00:00:00 GMT",
            "expected 4 digits for the year, found 0",
        ),
    ] {
        let problem = parse(text).unwrap_err();
        assert!(problem.ends_with(expected), "{text}: {problem}");
    }
}

#[test]
fn the_error_names_the_date_and_shows_an_example() {
    let error = Timestamp::parse_iso8601("next week", UtcOffset::UTC).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        "date: expected an ISO 8601 date such as 2030-01-31T23:59:59Z, found \"next week\": expected 4 digits for the \
         year, found 0"
    );
}

#[test]
fn an_offset_is_less_than_a_day() {
    for seconds in [0, 3600, -12 * 3600, 14 * 3600, 86_399, -86_399] {
        assert!(UtcOffset::from_seconds_east(seconds).is_ok(), "{seconds}");
    }
    for seconds in [86_400, -86_400, i32::MAX, i32::MIN] {
        let error = UtcOffset::from_seconds_east(seconds).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{seconds}");
    }
}

#[test]
fn times_are_written_as_javascript_writes_them() {
    for (seconds, expected) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_400, "2000-02-29T00:00:00.000Z"),
        (1_709_210_096, "2024-02-29T12:34:56.000Z"),
        (1_767_225_599, "2025-12-31T23:59:59.000Z"),
        (4_107_542_399, "2100-02-28T23:59:59.000Z"),
        (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        (253_402_300_799, "9999-12-31T23:59:59.000Z"),
        (253_402_300_800, "+010000-01-01T00:00:00.000Z"),
        (8_640_000_000_000, "+275760-09-13T00:00:00.000Z"),
    ] {
        assert_eq!(Timestamp(seconds).to_iso8601(), expected);
    }
}

proptest! {
    /// Up to the last moment that JavaScript can represent.
    #[test]
    fn a_written_time_is_parsed_back(seconds in 0u64..=8_640_000_000_000) {
        prop_assert_eq!(parse(&Timestamp(seconds).to_iso8601()), Ok(Timestamp(seconds)));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}", numeric in "[-+0-9T:.Z ]{0,40}") {
        let _ = parse(&text);
        let _ = parse(&numeric);
    }

    #[test]
    fn the_day_after_a_date_is_one_day_later(days in 0u64..3_000_000) {
        let at = |days| Timestamp(days * 86_400).to_iso8601();
        let (this, next) = (parse(&at(days)).unwrap(), parse(&at(days + 1)).unwrap());
        prop_assert_eq!(next.0 - this.0, 86_400);
    }
}
