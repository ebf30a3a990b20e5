//! The text of a script, and where in it an expression is.

use oxc_span::Span;

use super::value::Place;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Longer excerpts are cut: an error is a sentence.
const MAX_EXCERPT: usize = 60;

/// The text of a config file.
pub(crate) struct Source<'a> {
    pub(super) text: &'a str,
}

impl<'a> Source<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text: text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text),
        }
    }

    /// The place of the expression at `span`.
    pub(super) fn place(&self, span: Span) -> Place {
        self.place_of(span.start as usize, span.end as usize)
    }

    /// The place of what is between two offsets.
    pub(crate) fn place_of(&self, start: usize, end: usize) -> Place {
        Place {
            source: excerpt(self.text.get(start..end).unwrap_or_default()),
            ..self.point(start)
        }
    }

    /// The place of the character at `offset`, without an excerpt.
    pub(super) fn point(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            line: 1 + before.matches('\n').count() as u64,
            column: 1 + before[line_start..].chars().count() as u64,
            source: String::new(),
        }
    }

    /// The start of the file.
    pub(super) fn start(&self) -> Place {
        self.point(0)
    }
}

/// `text` in one line, and cut if it is long.
fn excerpt(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_EXCERPT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
