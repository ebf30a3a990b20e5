//! What may change a variable's value after it was set, member by member.

use super::expression::Script;
use super::tokens::Kind;
use super::value::Unknown;

/// What stands before `(` without changing the object inside.
const READERS: [&str; 12] = [
    "default",
    "if",
    "while",
    "switch",
    "for",
    "return",
    "typeof",
    "log",
    "debug",
    "info",
    "stringify",
    "freeze",
];

impl Script<'_> {
    /// Every place that may change a part of what `name` (declared at `declared`) holds: which part of it, and why.
    pub(super) fn changes(&self, name: &str, declared: usize, is_object: bool) -> Vec<(Vec<String>, Unknown)> {
        let uses =
            (0..self.tokens.len()).filter(|at| *at != declared && self.is_word(*at, name) && !self.is_member(*at));
        let changes = uses.filter_map(|at| {
            // Those are values of the name, not changes; a declaration in a function is another variable.
            if self.is_assignment(at, name) || self.is_declaration(at) {
                return None;
            }
            let because = |why: String| Unknown {
                line: self.line(at),
                why,
            };
            let (path, after) = self.member_chain(self.behind_grouping(at));
            let shown = std::iter::once(name)
                .chain(path.iter().map(String::as_str))
                .collect::<Vec<_>>()
                .join(".");
            if self.assigns(after) || (at > 0 && self.is_word(at - 1, "delete")) {
                return Some((path, because(format!("changed afterwards (`{shown}`)"))));
            }
            let callee = self.receives(at).filter(|_| is_object && after == at + 1)?;
            Some((Vec::new(), because(format!("possibly changed by {callee}(…)"))))
        });
        changes.collect()
    }

    fn is_declaration(&self, at: usize) -> bool {
        at > 0
            && ["const", "let", "var"]
                .iter()
                .any(|keyword| self.is_word(at - 1, keyword))
    }

    /// The place behind the variable at `at`, or behind `(variable as Type)`.
    fn behind_grouping(&self, at: usize) -> usize {
        let grouped = at > 0 && self.is(at - 1, "(") && self.is_word(at + 1, "as");
        if grouped { self.skip_bracket(at - 1) } else { at + 1 }
    }

    /// Whether the word at `at` is a member's name (`x.name`, `{ name: … }`) and not the variable.
    fn is_member(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else { return false };
        let accessed = self.is(before, ".") || self.is(before, "?.");
        accessed || (self.is(at + 1, ":") && (self.is(before, "{") || self.is(before, ",")))
    }

    /// The names in `.a.b!['c']` at `at`, up to the first that is computed, and the place behind the chain.
    pub(super) fn member_chain(&self, at: usize) -> (Vec<String>, usize) {
        let (mut path, mut next, mut computed) = (Vec::new(), at, false);
        loop {
            let name = match (self.kind(next), self.kind(next + 1)) {
                (Some(Kind::Sign("!")), Some(Kind::Sign("." | "[" | "?."))) => {
                    next += 1;
                    continue;
                }
                (Some(Kind::Sign("." | "?.")), Some(Kind::Word(name))) => {
                    next += 2;
                    Some(name)
                }
                (Some(Kind::Sign("[")), inner) => {
                    next = self.skip_bracket(next);
                    inner.and_then(|kind| if let Kind::Text(name) = kind { Some(name) } else { None })
                }
                _ => return (path, next),
            };
            computed |= name.is_none();
            path.extend(name.filter(|_| !computed).cloned());
        }
    }

    fn assigns(&self, at: usize) -> bool {
        const ASSIGNMENTS: [&str; 16] = [
            "=", "+=", "-=", "*=", "/=", "%=", "**=", "<<=", ">>=", ">>>=", "&=", "|=", "^=", "&&=", "||=", "??=",
        ];
        ASSIGNMENTS.iter().any(|sign| self.is(at, sign))
    }

    /// The function that gets the variable at `at` as an argument and may change it.
    fn receives(&self, at: usize) -> Option<&str> {
        let opening = (0..at)
            .rev()
            .find(|before| self.depths[*before] + 1 == self.depths[at])?;
        if !self.is(opening, "(") {
            return None;
        }
        match self.kind(opening.checked_sub(1)?)? {
            Kind::Word(callee) if READERS.contains(&callee.as_str()) || callee.starts_with("define") => None,
            Kind::Word(callee) => Some(callee),
            _ => None,
        }
    }
}
