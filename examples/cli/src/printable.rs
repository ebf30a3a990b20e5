//! Escapes text so that it cannot control the terminal or CI system that shows it.
//!
//! File and entry names are untrusted, and so is every message that quotes one. Terminals interpret control characters,
//! bidirectional characters disguise a name, and CI systems interpret log lines as commands.

/// One line of text with all control characters escaped.
///
/// Line breaks are escaped too: print several lines with several calls.
pub(crate) fn line(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut before = None;
    for character in text.chars() {
        if is_control(character) {
            safe.extend(character.escape_default());
        } else if before == Some('#') && character == '#' {
            // `##[…]` and `##vso[…]` are commands anywhere in a line of a GitHub or Azure log.
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
        before = Some(character);
    }
    safe
}

/// Control characters, bidirectional format characters, and the two separators that some programs treat as line breaks.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_file_name_cannot_control_the_terminal() {
        assert_eq!(line("a\u{1b}[31mb\rc\td\u{9b}"), "a\\u{1b}[31mb\\rc\\td\\u{9b}");
    }

    #[test]
    fn a_file_name_cannot_start_a_new_line() {
        assert_eq!(line("a\n::error::b\u{2028}c\u{85}"), "a\\n::error::b\\u{2028}c\\u{85}");
    }

    #[test]
    fn a_file_name_cannot_contain_a_ci_command() {
        assert_eq!(line("a##[error]b"), "a#\\u{23}[error]b");
        assert_eq!(line("a #1"), "a #1");
    }

    #[test]
    fn bidirectional_characters_are_escaped() {
        assert_eq!(
            line("a\u{202e}gpj.\u{2066}\u{200f}"),
            "a\\u{202e}gpj.\\u{2066}\\u{200f}"
        );
        assert_eq!(line("ünï \u{5d0}\u{1f600}"), "ünï \u{5d0}\u{1f600}");
    }
}
