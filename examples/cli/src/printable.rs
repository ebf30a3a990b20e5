//! Text that cannot steer what shows it.
//!
//! File and entry names come from others, and so does every message that quotes one. A terminal obeys control
//! characters, bidirectional ones show another name than there is, and a CI system takes a log line for a command.

/// One line of text, in which whatever is more than a character to be read is spelled out.
///
/// Line breaks as well: what is meant to be several lines is printed as several.
pub(crate) fn line(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut before = None;
    for character in text.chars() {
        if steers(character) {
            safe.extend(character.escape_default());
        } else if before == Some('#') && character == '#' {
            // `##[…]` and `##vso[…]` are commands wherever they stand in a line of a GitHub or Azure log.
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
        before = Some(character);
    }
    safe
}

/// Controls, the bidirectional ones among the format characters, and the two separators that some take for line breaks.
fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_file_name_cannot_steer_the_terminal() {
        assert_eq!(line("a\u{1b}[31mb\rc\td\u{9b}"), "a\\u{1b}[31mb\\rc\\td\\u{9b}");
    }

    #[test]
    fn a_file_name_cannot_begin_a_line() {
        assert_eq!(line("a\n::error::b\u{2028}c\u{85}"), "a\\n::error::b\\u{2028}c\\u{85}");
    }

    #[test]
    fn a_file_name_cannot_be_a_command_within_a_line() {
        assert_eq!(line("a##[error]b"), "a#\\u{23}[error]b");
        assert_eq!(line("a #1"), "a #1");
    }

    #[test]
    fn a_file_name_is_shown_in_the_order_it_is_written() {
        assert_eq!(
            line("a\u{202e}gpj.\u{2066}\u{200f}"),
            "a\\u{202e}gpj.\\u{2066}\\u{200f}"
        );
        assert_eq!(line("ünï \u{5d0}\u{1f600}"), "ünï \u{5d0}\u{1f600}");
    }
}
