//! Finds its way between tokens: where expressions, types and brackets end.

use super::expression::Script;
use super::tokens::{Kind, Token};

impl Script<'_> {
    /// Whether an expression may end before the token at `at`.
    pub(super) fn expression_ends(&self, at: usize) -> bool {
        match self.tokens.get(at) {
            None
            | Some(Token {
                kind: Kind::Sign("," | "}" | ")" | "]" | ";" | ":"),
                ..
            }) => true,
            // Without a semicolon, a new line ends it unless it starts with an operator.
            Some(token) => token.starts_line && matches!(token.kind, Kind::Word(_) | Kind::Sign("@")),
        }
    }

    /// Skips `as const`, `satisfies CapacitorConfig` and `!`.
    pub(super) fn skip_annotations(&self, mut at: usize) -> usize {
        loop {
            let annotation = self.is_word(at, "as") || self.is_word(at, "satisfies");
            if annotation && !self.tokens[at].starts_line {
                at = self.skip_type(at + 1);
            } else if self.is(at, "!") {
                at += 1;
            } else {
                return at;
            }
        }
    }

    /// The place behind the type that starts at `at`.
    pub(super) fn skip_type(&self, at: usize) -> usize {
        let mut next = at;
        let mut angles = 0_usize;
        while let Some(token) = self.tokens.get(next) {
            match &token.kind {
                Kind::Sign("<") => angles += 1,
                Kind::Sign(">") => {
                    angles = angles.saturating_sub(1);
                    // A cast `<T>` ends here; a type argument list may go on, as in `A<B>[]` or `A<B> | C`.
                    if angles == 0 && self.is(at, "<") {
                        return next + 1;
                    }
                }
                Kind::Sign("{" | "(" | "[") => {
                    next = self.skip_bracket(next);
                    continue;
                }
                Kind::Sign("," | "}" | ")" | "]" | ";" | "=") if angles == 0 => return next,
                Kind::Word(word) if angles == 0 && next > at => {
                    let ends = token.starts_line || matches!(word.as_str(), "as" | "satisfies");
                    if ends && !matches!(self.kind(next - 1), Some(Kind::Sign("|" | "&" | "." | "=>"))) {
                        return next;
                    }
                }
                _ => {}
            }
            next += 1;
        }
        next
    }

    /// The end of the expression around `at`: a comma or bracket that closes what is around it.
    pub(super) fn skip_expression(&self, at: usize) -> usize {
        let mut next = at;
        while let Some(token) = self.tokens.get(next) {
            match token.kind {
                Kind::Sign("{" | "(" | "[") => next = self.skip_bracket(next),
                Kind::Sign("," | "}" | ")" | "]" | ";" | ":") => return next,
                _ => next = self.skip_type_arguments(next).unwrap_or(next + 1),
            }
        }
        next
    }

    /// The place behind the bracket that closes the one at `at`.
    pub(super) fn skip_bracket(&self, at: usize) -> usize {
        let Some(depth) = self.depths.get(at) else { return at };
        let closing = self.depths[at + 1..]
            .iter()
            .zip(&self.tokens[at + 1..])
            .position(|(inner, token)| inner == depth && matches!(token.kind, Kind::Sign("}" | ")" | "]")));
        closing.map_or(self.tokens.len(), |offset| at + offset + 2)
    }

    pub(super) fn opens(&self, at: usize) -> bool {
        matches!(self.kind(at), Some(Kind::Sign("{" | "(" | "[")))
    }

    pub(super) fn kind(&self, at: usize) -> Option<&Kind> {
        self.tokens.get(at).map(|token| &token.kind)
    }

    pub(super) fn is(&self, at: usize, sign: &str) -> bool {
        matches!(self.kind(at), Some(Kind::Sign(found)) if *found == sign)
    }

    pub(super) fn is_word(&self, at: usize, word: &str) -> bool {
        matches!(self.kind(at), Some(Kind::Word(found)) if found == word)
    }

    pub(super) fn line(&self, at: usize) -> u64 {
        self.tokens.get(at).or(self.tokens.last()).map_or(1, |token| token.line)
    }

    /// The `{` of the body behind a method's result type. A result type in braces is not told from a body.
    pub(super) fn skip_type_to_body(&self, at: usize) -> usize {
        (at..self.tokens.len())
            .find(|next| self.is(*next, "{"))
            .unwrap_or(self.tokens.len())
    }

    /// The `(` behind the type arguments at `at`, as in `f<A, B>(…)`.
    pub(super) fn skip_type_arguments(&self, at: usize) -> Option<usize> {
        let mut angles = 0_usize;
        for next in at..self.tokens.len() {
            match self.kind(next)? {
                Kind::Sign("<") => angles += 1,
                Kind::Sign(">") => angles = angles.checked_sub(1)?,
                Kind::Word(_) | Kind::Text(_) | Kind::Sign("," | "." | "|" | "&" | "[" | "]") if angles > 0 => {}
                _ => return None,
            }
            if angles == 0 {
                return self.is(next + 1, "(").then_some(next + 1);
            }
        }
        None
    }
}
