//! Finds what the script exports, and what a name stands for.

use super::expression::Script;
use super::tokens::Kind;
use super::value::Value;

impl Script<'_> {
    /// The value the script exports as its config.
    pub(super) fn exported(&self) -> Value {
        let mut statements = (0..self.tokens.len()).rev().filter(|at| self.depths[*at] == 0);
        // Compiled modules first say `exports.default = void 0`: the last export counts.
        match statements.find_map(|at| self.export_at(at)) {
            Some(start) => self.expression(start, 0).0,
            None => Value::unknown(1, "not exported by `export default` or `module.exports`"),
        }
    }

    /// Where the exported expression starts, if the statement at `at` exports one.
    fn export_at(&self, at: usize) -> Option<usize> {
        let words = |names: &[&str]| {
            names.iter().enumerate().all(|(offset, name)| {
                if name.chars().all(char::is_alphabetic) {
                    self.is_word(at + offset, name)
                } else {
                    self.is(at + offset, name)
                }
            })
        };
        let assignments: [&[&str]; 5] = [
            &["export", "default"],
            &["export", "="],
            &["module", ".", "exports", "="],
            &["module", ".", "exports", ".", "default", "="],
            &["exports", ".", "default", "="],
        ];
        // `module.exports.default =` is also found at its `exports`: the same expression, so nothing is lost.
        let assigned = assignments
            .iter()
            .find(|names| words(names))
            .map(|names| at + names.len());
        assigned.or_else(|| {
            // `export { config as default }`
            let listed = words(&["export", "{"]).then(|| at + 2..self.skip_bracket(at + 1))?;
            listed
                .into_iter()
                .find(|name| self.is_word(name + 1, "as") && self.is_word(name + 2, "default"))
        })
    }

    /// The value of the name that is used in `line`: what all its assignments agree on.
    pub(super) fn binding(&self, name: &str, line: u64, depth: usize) -> Value {
        let pending = self
            .pending
            .borrow()
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone());
        if let Some(so_far) = pending {
            // `config = { ...config, … }` means what was assigned before.
            return so_far.unwrap_or_else(|| Value::unknown(line, "defined in a circle"));
        }
        let declared: Vec<usize> = (0..self.tokens.len()).filter(|at| self.declares(*at, name)).collect();
        let [declared] = declared[..] else {
            let why = format!("taken from `{name}`, which is no plain constant of this file");
            return Value::unknown(line, why);
        };
        self.pending.borrow_mut().push((name.to_owned(), None));
        for at in self.assigned(name, declared) {
            let assigned = self.expression(at, depth).0;
            if let Some((_, so_far)) = self.pending.borrow_mut().iter_mut().find(|(known, _)| known == name) {
                *so_far = Some(match so_far.take() {
                    Some(before) => before.or(assigned, self.line(at)),
                    None => assigned,
                });
            }
        }
        let mut value = self
            .pending
            .borrow_mut()
            .pop()
            .and_then(|(_, value)| value)
            .unwrap_or(Value::Absent);
        for (path, because) in self.changes(name, declared, matches!(value, Value::Object(_))) {
            value.forget(&path, &because);
        }
        value
    }

    /// Where the expressions start that are assigned to `name` as a whole, its declaration first.
    fn assigned(&self, name: &str, declared: usize) -> Vec<usize> {
        let sign = if self.is(declared + 1, ":") {
            self.skip_type(declared + 2)
        } else {
            declared + 1
        };
        let first = self.is(sign, "=").then_some(sign + 1);
        let later = (declared + 1..self.tokens.len())
            .filter(|at| self.is_assignment(*at, name))
            .map(|at| at + 2);
        first.into_iter().chain(later).collect()
    }

    /// Whether `name = …` is a statement at `at`.
    pub(super) fn is_assignment(&self, at: usize, name: &str) -> bool {
        let starts = match at.checked_sub(1).and_then(|before| self.kind(before)) {
            Some(Kind::Sign(sign)) => matches!(*sign, ";" | "{" | "}" | ":" | ")") || self.tokens[at].starts_line,
            Some(_) => self.tokens[at].starts_line,
            None => true,
        };
        // In brackets, a name at the start of a line may be a parameter with a default.
        let inside = (0..at).rev().find(|before| self.depths[*before] + 1 == self.depths[at]);
        let in_block = inside.is_none_or(|opening| self.is(opening, "{"));
        starts && in_block && self.is_word(at, name) && self.is(at + 1, "=")
    }

    /// Whether `name` is declared at `at`, at the top level.
    fn declares(&self, at: usize, name: &str) -> bool {
        if !self.is_word(at, name) || self.depths[at] != 0 || at == 0 {
            return false;
        }
        match self.kind(at - 1) {
            Some(Kind::Word(keyword)) => matches!(keyword.as_str(), "const" | "let" | "var"),
            // `const a = 1, b = 2`
            Some(Kind::Sign(",")) => self.is(at + 1, "=") || self.is(at + 1, ":"),
            _ => false,
        }
    }
}
