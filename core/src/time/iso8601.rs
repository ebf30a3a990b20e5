//! Points in time as text: ISO 8601 in the forms of JavaScript, RFC 3339, Android and iOS.

use super::Timestamp;
use crate::error::{Error, Result};
use crate::path::printable;

const SECONDS_OF_DAY: i64 = 86_400;
/// Days from 1 March of the year 0 to 1970-01-01 in the Gregorian calendar.
const DAYS_BEFORE_1970: i64 = 719_468;
/// The calendar repeats after 400 years.
const DAYS_OF_400_YEARS: i64 = 146_097;

/// How far the local time of a device is from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct UtcOffset {
    seconds_east: i32,
}

impl UtcOffset {
    /// UTC itself.
    pub const UTC: Self = Self { seconds_east: 0 };

    /// An offset in seconds, positive to the east: 3600 is `+01:00`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a day or more.
    pub fn from_seconds_east(seconds: i32) -> Result<Self> {
        if i64::from(seconds).abs() < SECONDS_OF_DAY {
            return Ok(Self { seconds_east: seconds });
        }
        let problem = format!("expected less than a day, which is {SECONDS_OF_DAY} seconds, found {seconds} seconds");
        Err(Error::invalid_input("UTC offset", problem))
    }
}

impl Timestamp {
    /// Parses an ISO 8601 time.
    ///
    /// Accepts `2030-01-31T23:59:59.999Z` as `Date.toISOString()` writes it, and also: no fraction, or one of another
    /// length; no seconds; a space or `t` instead of `T`, `z` instead of `Z`; an offset as `+01:00`, `+0100` or `+01`;
    /// one digit for a month, day, hour, minute or second; years of six digits with a sign.
    ///
    /// As in JavaScript, a date without a time is midnight UTC, and a time without an offset is in local time, for
    /// which the caller passes the offset. A fraction of a second is rounded up, so that the time is not reached early.
    /// A leap second is the second after it, as in POSIX. A time before 1970 is 1970.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), naming the part that is wrong.
    pub fn parse_iso8601(text: &str, local: UtcOffset) -> Result<Self> {
        Self::from_iso8601(text, local).map_err(|problem| Error::invalid_input("date", problem))
    }

    /// The same; the error is a description of the problem.
    pub(crate) fn from_iso8601(text: &str, local: UtcOffset) -> Result<Self, String> {
        let seconds = Parser { rest: text.as_bytes() }.time(local).map_err(|problem| {
            let found = printable(text.as_bytes());
            format!("expected an ISO 8601 date such as 2030-01-31T23:59:59Z, found {found}: {problem}")
        })?;
        Ok(Self(u64::try_from(seconds).unwrap_or(0)))
    }

    /// The time as `Date.toISOString()` writes it: `2030-01-31T23:59:59.000Z`.
    #[must_use]
    pub fn to_iso8601(self) -> String {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        let (year, month, day) = date_of(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let year = if year > 9999 {
            format!("+{year:06}")
        } else {
            format!("{year:04}")
        };
        format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z")
    }
}

struct Parser<'a> {
    rest: &'a [u8],
}

impl Parser<'_> {
    /// Seconds since 1970.
    fn time(mut self, local: UtcOffset) -> Result<i64, String> {
        let days = self.date()?;
        if self.rest.is_empty() {
            return Ok(days * SECONDS_OF_DAY);
        }
        if !self.skip(b"Tt ") {
            return Err(self.unexpected("T"));
        }
        let hour = self.part("hour", 0, 23)?;
        self.expect(b':')?;
        let minute = self.part("minute", 0, 59)?;
        let second = if self.skip(b":") {
            self.part("second", 0, 60)?
        } else {
            0
        };
        let fraction = if self.skip(b".") { self.fraction()? } else { 0 };
        let offset = self.offset()?.unwrap_or(i64::from(local.seconds_east));
        if !self.rest.is_empty() {
            return Err(self.unexpected("the end"));
        }
        let start_of_minute = days * SECONDS_OF_DAY + hour * 3600 + minute * 60 - offset;
        if second == 60 && (start_of_minute + 60) % SECONDS_OF_DAY != 0 {
            return Err("second 60 exists only at the end of a day in UTC".to_owned());
        }
        Ok(start_of_minute + second + fraction)
    }

    /// Days since 1970.
    fn date(&mut self) -> Result<i64, String> {
        let year = match self.sign() {
            Some(sign) => sign * self.digits("year", 6, 6)?,
            None => self.digits("year", 4, 4)?,
        };
        self.expect(b'-')?;
        let month = self.part("month", 1, 12)?;
        self.expect(b'-')?;
        let day = self.part("day", 1, 31)?;
        let length = length_of_month(year, month);
        if day > length {
            return Err(format!("month {month} of {year} has {length} days"));
        }
        Ok(days_since_1970(year, month, day))
    }

    /// 1 if there is a part of a second, else 0.
    fn fraction(&mut self) -> Result<i64, String> {
        let count = self.count_digits();
        if count == 0 {
            return Err(self.unexpected("digits after the decimal point"));
        }
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        Ok(i64::from(digits.iter().any(|digit| *digit != b'0')))
    }

    /// Seconds to the east; `None` for local time.
    fn offset(&mut self) -> Result<Option<i64>, String> {
        if self.skip(b"Zz") {
            return Ok(Some(0));
        }
        let Some(sign) = self.sign() else {
            return Ok(None);
        };
        let (hours, minutes) = if self.count_digits() == 4 {
            let digits = self.digits("offset", 4, 4)?;
            (digits / 100, digits % 100)
        } else {
            let hours = self.digits("offset", 2, 2)?;
            let minutes = if self.skip(b":") {
                self.digits("offset", 2, 2)?
            } else {
                0
            };
            (hours, minutes)
        };
        let hours = in_range("hours of the offset", hours, 0, 23)?;
        let minutes = in_range("minutes of the offset", minutes, 0, 59)?;
        Ok(Some(sign * (hours * 3600 + minutes * 60)))
    }

    fn part(&mut self, name: &str, least: i64, most: i64) -> Result<i64, String> {
        in_range(name, self.digits(name, 1, 2)?, least, most)
    }

    fn digits(&mut self, name: &str, least: usize, most: usize) -> Result<i64, String> {
        let found = self.count_digits();
        if !(least..=most).contains(&found) {
            let expected = if least == most {
                format!("{least}")
            } else {
                format!("{least} or {most}")
            };
            return Err(format!("expected {expected} digits for the {name}, found {found}"));
        }
        let (digits, rest) = self.rest.split_at(found);
        self.rest = rest;
        Ok(digits
            .iter()
            .fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }

    fn count_digits(&self) -> usize {
        self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    fn sign(&mut self) -> Option<i64> {
        if self.skip(b"+") {
            Some(1)
        } else if self.skip(b"-") {
            Some(-1)
        } else {
            None
        }
    }

    /// Skips one of these bytes, if it is next.
    fn skip(&mut self, any_of: &[u8]) -> bool {
        match self.rest {
            [first, rest @ ..] if any_of.contains(first) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.skip(&[byte]) {
            return Ok(());
        }
        Err(self.unexpected(&format!("\"{}\"", char::from(byte))))
    }

    fn unexpected(&self, expected: &str) -> String {
        match self.rest {
            [] => format!("expected {expected}, found the end"),
            rest => format!("expected {expected}, found {}", printable(rest)),
        }
    }
}

fn in_range(name: &str, number: i64, least: i64, most: i64) -> Result<i64, String> {
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    Err(format!("expected {least} to {most} for the {name}, found {number}"))
}

fn length_of_month(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a date in the Gregorian calendar.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that a leap day is the last day of its year.
    let (year, month) = if month < 3 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let (cycle, year) = (year.div_euclid(400), year.rem_euclid(400));
    // From March on, months have 31, 30, 31, 30, 31 days, and again.
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    cycle * DAYS_OF_400_YEARS + year * 365 + year / 4 - year / 100 + day_of_year - DAYS_BEFORE_1970
}

/// The year, month and day that is so many days after 1970-01-01.
fn date_of(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_BEFORE_1970.unsigned_abs();
    let cycle = DAYS_OF_400_YEARS.unsigned_abs();
    let (cycles, day) = (days / cycle, days % cycle);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (year * 365 + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = cycles * 400 + year;
    // Back to years that begin in January.
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

#[cfg(test)]
mod tests;
