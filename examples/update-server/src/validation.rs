//! Validates names, versions and checksums of requests.

use capbundle::capgo::{ChecksumForm, SignedChecksum};
use capbundle::digest::Sha256Digest;

/// Longer than any id in use, and short enough for the name of a folder.
const MAX_APP_ID: usize = 150;
/// Longer than any signed URL.
pub(crate) const MAX_URL: usize = 16 << 10;
/// Longer than any version in use.
const MAX_VERSION: usize = 128;
/// Longer than any name in use.
const MAX_CHANNEL: usize = 100;

/// Describes an app id in error messages.
pub(crate) const EXPECTED_APP_ID: &str = "an app id of letters, digits, dots, dashes and underscores that begins with a letter or \
                                          digit, such as com.example.app";

/// Whether this is a valid app id: parts of letters, digits, `_` and `-`, separated by dots, beginning with a letter or digit.
/// Usually a reverse domain; the documentation of the API also has ids such as `app_123`. Safe as the name of a folder, since no
/// part is empty or contains a path separator.
pub(crate) fn is_app_id(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    text.len() <= MAX_APP_ID
        && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && text.split('.').all(|part| !part.is_empty() && part.bytes().all(word))
}

/// Whether this is a strict semantic version.
pub(crate) fn is_version(text: &str) -> bool {
    text.len() <= MAX_VERSION && semver::Version::parse(text).is_ok()
}

/// Whether this is a valid channel name: printable and not only spaces.
pub(crate) fn is_channel_name(text: &str) -> bool {
    text.chars().count() <= MAX_CHANNEL && !text.trim().is_empty() && !text.chars().any(char::is_control)
}

/// Whether this is a UUID, in upper or lower case.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether this is the name of a stored archive: its SHA-256 in lower-case hexadecimal, then `.zip`.
pub(crate) fn is_archive_name(text: &str) -> bool {
    text.strip_suffix(".zip").is_some_and(is_digest)
}

/// Whether this is the name of a stored file of a manifest: its SHA-256 in lower-case hexadecimal, then `.bin`.
pub(crate) fn is_file_name(text: &str) -> bool {
    text.strip_suffix(".bin").is_some_and(is_digest)
}

/// Whether this is the name of a stored archive or file.
pub(crate) fn is_stored_name(text: &str) -> bool {
    is_archive_name(text) || is_file_name(text)
}

fn is_digest(text: &str) -> bool {
    let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 64 && text.bytes().all(lower_hex)
}

/// A checksum in one of the forms that devices accept.
pub(crate) enum Checksum {
    /// SHA-256 of the archive, 64 hexadecimal digits.
    Plain(Sha256Digest),
    /// The SHA-256 signed with an RSA key of 2048, 3072 or 4096 bits, in hexadecimal (Capgo's V3) or base64 (V2).
    Signed(SignedChecksum),
}

impl Checksum {
    /// Parses a checksum; `None` if it has none of these forms.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Ok(digest) = text.to_ascii_lowercase().parse() {
            return Some(Self::Plain(digest));
        }
        let (form, bytes) = if text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            (ChecksumForm::V3, text.len() / 2)
        } else {
            let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
            (ChecksumForm::V2, (text.len() / 4 * 3).saturating_sub(padding))
        };
        let signed = SignedChecksum::parse(text, form).ok()?;
        matches!(bytes, 256 | 384 | 512).then_some(Self::Signed(signed))
    }
}

/// Parses a version in which minor and patch may be missing: `1.2` is 1.2.0, like `semver.coerce` of npm.
pub(crate) fn coerce_version(text: &str) -> Option<semver::Version> {
    if let Ok(version) = semver::Version::parse(text) {
        return Some(version);
    }
    let (numbers, rest) = match text.find(['-', '+']) {
        Some(index) => text.split_at(index),
        None => (text, ""),
    };
    let parts: Option<Vec<u64>> = numbers.split('.').map(|number| number.parse().ok()).collect();
    let parts = parts.filter(|parts| parts.len() <= 3)?;
    let part = |index: usize| parts.get(index).copied().unwrap_or(0);
    semver::Version::parse(&format!("{}.{}.{}{rest}", part(0), part(1), part(2))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reverse_domains_and_documented_ids_are_app_ids() {
        for good in [
            "com.example.app",
            "io.x",
            "Com.Ex-ample.my_app",
            "app_123",
            "com",
            "c-m.app",
        ] {
            assert!(is_app_id(good), "{good}");
        }
        for bad in [
            "", "com.", ".com", "com..app", "..", "../etc", "com.a/b", "com.a\0", "-x", "_x", "com.ä", "a b",
        ] {
            assert!(!is_app_id(bad), "{bad}");
        }
        assert!(!is_app_id(&format!("com.{}", "a".repeat(200))));
    }

    #[test]
    fn checksums_are_sha256_or_signed() {
        let plain = |text: &str| matches!(Checksum::parse(text), Some(Checksum::Plain(_)));
        assert!(plain(&"0a".repeat(32)) && plain(&"0A".repeat(32)));
        let signed = |text: &str| matches!(Checksum::parse(text), Some(Checksum::Signed(_)));
        assert!(signed(&"0a".repeat(256)) && signed(&"0a".repeat(512)));
        // 256 and 384 bytes in base64.
        assert!(signed(&format!("{}Ag==", "+/Ab".repeat(85))) && signed(&"+/Ab".repeat(128)));
        for bad in [
            "",
            "abc",
            "abc123...",
            "0a0b0c0d",
            &"0a".repeat(31),
            &"0a".repeat(33),
            &"0g".repeat(32),
            &"0a".repeat(255),
            &"+/Ab".repeat(85),
            " 0a",
        ] {
            assert!(Checksum::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn missing_minor_and_patch_numbers_are_zero() {
        for (text, version) in [
            ("1", "1.0.0"),
            ("1.2", "1.2.0"),
            ("1.2.3", "1.2.3"),
            ("1.2-beta", "1.2.0-beta"),
        ] {
            assert_eq!(
                coerce_version(text).map(|version| version.to_string()).as_deref(),
                Some(version)
            );
        }
        for bad in ["", "x", "1.2.3.4", "1..2", "-1"] {
            assert_eq!(coerce_version(bad), None, "{bad}");
        }
    }

    #[test]
    fn archive_names_have_one_form() {
        assert!(is_archive_name(&format!("{}.zip", "0a".repeat(32))));
        for bad in [
            "",
            ".zip",
            "../a.zip",
            &format!("{}.zip", "0A".repeat(32)),
            &"0a".repeat(32),
        ] {
            assert!(!is_archive_name(bad), "{bad}");
        }
    }

    #[test]
    fn uuids_are_valid_in_either_case() {
        assert!(is_uuid("0f4f5a3e-7c0a-4d3c-9D7E-2b1d6c6f0a11"));
        for bad in [
            "",
            "0f4f5a3e7c0a4d3c9d7e2b1d6c6f0a11",
            "0f4f5a3e-7c0a-4d3c-9d7e-2b1d6c6f0a1g",
        ] {
            assert!(!is_uuid(bad), "{bad}");
        }
    }
}
