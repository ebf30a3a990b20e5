//! Web pages in place of a file: captive portals and login pages.

/// This many bytes suffice to recognise a web page.
const INSPECTED: usize = 256;

/// The problem with a web page where a JSON document was expected.
pub const WEB_PAGE: &str = "expected a JSON document, found an HTML page (a captive portal or login page?)";

/// Whether the bytes are the start of HTML or XML. Zip archives and sealed files start with other bytes.
#[must_use]
pub fn is_markup(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(INSPECTED)];
    start.trim_ascii_start().starts_with(b"<")
        && start
            .iter()
            .all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_not_a_web_page() {
        assert!(is_markup(b"<html>"));
        assert!(is_markup(
            "\n <!doctype html><title>Bienvenue \u{e0} l'h\u{f4}tel".as_bytes()
        ));
        assert!(!is_markup(b"PK\x03\x04"));
        assert!(!is_markup(b"<\x00\x01\x02"));
    }
}
