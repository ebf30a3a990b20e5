//! Evaluates the few kinds of expression whose value stands in the text: literals, constants, object literals.

use std::cell::{Cell, RefCell};

use super::tokens::{Kind, Token};
use super::value::{Object, Unknown, Value};

/// Objects in objects: no real config comes near it.
const MAX_DEPTH: usize = 64;
/// Constants that are looked up in all: no real config comes near it, and names of names could multiply.
const MAX_LOOKUPS: usize = 1_000;

/// The tokens of a script, with the nesting depth of each.
pub(super) struct Script<'a> {
    pub(super) tokens: &'a [Token],
    pub(super) depths: Vec<usize>,
    lookups: Cell<usize>,
    /// The names that are being looked up, each with what is known of it so far.
    pub(super) pending: RefCell<Vec<(String, Option<Value>)>>,
}

impl<'a> Script<'a> {
    pub(super) fn new(tokens: &'a [Token]) -> Self {
        let mut depth = 0_usize;
        let depths = tokens.iter().map(|token| match token.kind {
            Kind::Sign("{" | "(" | "[") => {
                depth += 1;
                depth - 1
            }
            Kind::Sign("}" | ")" | "]") => {
                depth = depth.saturating_sub(1);
                depth
            }
            _ => depth,
        });
        Self {
            depths: depths.collect(),
            tokens,
            lookups: Cell::new(0),
            pending: RefCell::default(),
        }
    }

    /// The value of the expression that starts at `at`, and where it ends.
    pub(super) fn expression(&self, at: usize, depth: usize) -> (Value, usize) {
        let line = self.line(at);
        if depth > MAX_DEPTH {
            return (Value::unknown(line, "nested too deeply"), self.skip_expression(at));
        }
        let (mut value, mut next) = self.operand(at, depth);
        next = self.skip_annotations(next);
        while self.is(next, "+") {
            let (right, after) = self.operand(next + 1, depth);
            value = match (value, right) {
                (Value::Text(left), Value::Text(right)) => Value::Text(left + &right),
                (unknown @ Value::Unknown(_), _) | (_, unknown @ Value::Unknown(_)) => unknown,
                _ => Value::unknown(line, "an expression"),
            };
            next = self.skip_annotations(after);
        }
        if self.expression_ends(next) {
            return (value, next);
        }
        self.conditional(next, depth).unwrap_or_else(|| {
            let told = matches!(value, Value::Unknown(_));
            let value = if told {
                value
            } else {
                Value::unknown(line, "an expression")
            };
            (value, self.skip_expression(next))
        })
    }

    /// The value of `… ? a : b` or `… && a`, whose condition goes on at `at`, as far as both outcomes agree.
    fn conditional(&self, at: usize, depth: usize) -> Option<(Value, usize)> {
        let mut condition = None;
        let mut next = at;
        while !self.expression_ends(next) {
            match self.kind(next) {
                Some(Kind::Sign("?")) => return self.ternary(next, depth),
                Some(Kind::Sign("&&")) => condition = Some(next),
                Some(Kind::Sign("||" | "??")) => return None,
                _ => {}
            }
            next = if self.opens(next) {
                self.skip_bracket(next)
            } else {
                next + 1
            };
        }
        let (value, end) = self.expression(condition? + 1, depth + 1);
        Some((value.or(Value::Absent, self.line(at)), end))
    }

    fn ternary(&self, question: usize, depth: usize) -> Option<(Value, usize)> {
        let (yes, colon) = self.expression(question + 1, depth + 1);
        if !self.is(colon, ":") {
            return None;
        }
        let (no, end) = self.expression(colon + 1, depth + 1);
        Some((yes.or(no, self.line(question)), end))
    }

    fn operand(&self, at: usize, depth: usize) -> (Value, usize) {
        let line = self.line(at);
        match self.kind(at) {
            Some(Kind::Text(text)) => (Value::Text(text.clone()), at + 1),
            Some(Kind::Template) => (Value::unknown(line, "a template with ${…}"), at + 1),
            Some(Kind::Other) => (Value::unknown(line, "not a text"), at + 1),
            Some(Kind::Sign("{")) => self.object(at, depth),
            Some(Kind::Sign("[")) => (Value::unknown(line, "not a text"), self.skip_bracket(at)),
            Some(Kind::Sign("(")) => self.parenthesised(at, depth),
            // A cast in front, `<CapacitorConfig>{…}`.
            Some(Kind::Sign("<")) => self.operand(self.skip_type(at), depth),
            Some(Kind::Word(word)) => self.word(word, at, depth),
            _ => (Value::unknown(line, "an expression"), at + 1),
        }
    }

    fn parenthesised(&self, at: usize, depth: usize) -> (Value, usize) {
        let after = self.skip_bracket(at);
        if self.is(after, "=>") {
            return (function(self.line(at)), self.skip_expression(after));
        }
        match self.expression(at + 1, depth + 1) {
            (value, end) if end + 1 == after => (value, after),
            _ => (Value::unknown(self.line(at), "an expression"), after),
        }
    }

    /// The first argument of the call whose `(` is at `at`.
    fn first_argument(&self, at: usize, depth: usize) -> (Value, usize) {
        (self.expression(at + 1, depth + 1).0, self.skip_bracket(at))
    }

    fn word(&self, word: &str, at: usize, depth: usize) -> (Value, usize) {
        let line = self.line(at);
        match word {
            "undefined" | "null" => (Value::Absent, at + 1),
            "true" | "false" => (Value::unknown(line, "not a text"), at + 1),
            "function" | "async" | "class" => (function(line), self.skip_expression(at)),
            "Object" if self.is(at + 1, ".") && self.is_word(at + 2, "freeze") && self.is(at + 3, "(") => {
                self.first_argument(at + 3, depth)
            }
            // `defineConfig({…})` and its like give back what they get; of another function nothing is known.
            _ if self.is(at + 1, "(") && word.starts_with("define") => self.first_argument(at + 1, depth),
            _ if self.is(at + 1, "(") => (
                Value::unknown(line, format!("the result of {word}(…)")),
                self.skip_bracket(at + 1),
            ),
            _ if self.is(at + 1, "=>") => (function(line), self.skip_expression(at + 1)),
            "process" if self.is(at + 1, ".") => (
                Value::unknown(line, "taken from the environment (process.…)"),
                self.member_chain(at + 1).1,
            ),
            _ => self.members_of(self.lookup(word, line, depth), at + 1),
        }
    }

    /// The member of `value` that the `.a.b` at `at` names.
    fn members_of(&self, mut value: Value, at: usize) -> (Value, usize) {
        let mut next = at;
        while let (true, Some(Kind::Word(name))) = (self.is(next, "."), self.kind(next + 1)) {
            if matches!(value, Value::Text(_) | Value::Absent) || self.is(next + 2, "(") {
                break;
            }
            value = value.at(&[name]);
            next += 2;
        }
        (value, next)
    }

    /// The value of the name at `line`, unless names refer to names without end.
    fn lookup(&self, name: &str, line: u64, depth: usize) -> Value {
        self.lookups.set(self.lookups.get() + 1);
        if self.lookups.get() > MAX_LOOKUPS {
            return Value::unknown(line, "defined in a circle");
        }
        self.binding(name, line, depth)
    }

    /// The object literal that starts at `at`.
    fn object(&self, at: usize, depth: usize) -> (Value, usize) {
        let mut object = Object::new(self.line(at));
        let end = self.skip_bracket(at);
        let mut next = at + 1;
        while next + 1 < end {
            next = if self.is(next, ",") {
                next + 1
            } else {
                self.member(next, depth, &mut object)
            };
        }
        (Value::Object(object), end)
    }

    /// Reads the member at `at` into `object`; gives the place behind it.
    fn member(&self, at: usize, depth: usize, object: &mut Object) -> usize {
        let line = self.line(at);
        if self.is(at, "...") {
            let (value, next) = self.expression(at + 1, depth + 1);
            object.spread(value, line);
            return next;
        }
        if let Some((name, after)) = self.method(at) {
            object.set(name, function(line));
            return after;
        }
        let (name, after) = match self.kind(at) {
            Some(Kind::Word(name) | Kind::Text(name)) => (name.clone(), at + 1),
            Some(Kind::Other) => (String::new(), at + 1),
            Some(Kind::Sign("[")) => match self.kind(at + 1) {
                Some(Kind::Text(name)) if self.is(at + 2, "]") => (name.clone(), at + 3),
                _ => {
                    object.forget_all(&Unknown {
                        line,
                        why: "possibly set by a computed name".into(),
                    });
                    let after = self.skip_bracket(at);
                    return self.skip_expression(if self.is(after, ":") { after + 1 } else { after });
                }
            },
            _ => return self.untold(at, object),
        };
        if self.is(after, ":") {
            let (value, next) = self.expression(after + 1, depth + 1);
            object.set(name, value);
            next
        } else if self.is(after, ",") || self.is(after, "}") {
            let value = self.lookup(&name, line, depth);
            object.set(name, value);
            after
        } else {
            self.untold(at, object)
        }
    }

    /// Skips what is no member that the reader knows: it may have misread where the one before ends.
    fn untold(&self, at: usize, object: &mut Object) -> usize {
        let why = "in an object whose members cannot be told apart".into();
        object.forget_all(&Unknown {
            line: self.line(at),
            why,
        });
        self.skip_expression(at + 1)
    }

    /// The method or accessor at `at`, if there is one: its name, and the place behind its body.
    fn method(&self, at: usize) -> Option<(String, usize)> {
        let modifiers = ["async", "get", "set", "*"];
        let mut name_at = at;
        while modifiers
            .iter()
            .any(|modifier| self.is_word(name_at, modifier) || self.is(name_at, modifier))
            && matches!(
                self.kind(name_at + 1),
                Some(Kind::Word(_) | Kind::Text(_) | Kind::Sign("*"))
            )
        {
            name_at += 1;
        }
        let Some(Kind::Word(name) | Kind::Text(name)) = self.kind(name_at) else {
            return None;
        };
        let parameters = self.skip_type_arguments(name_at + 1).unwrap_or(name_at + 1);
        if !self.is(parameters, "(") {
            return None;
        }
        let mut body = self.skip_bracket(parameters);
        if self.is(body, ":") {
            body = self.skip_type_to_body(body + 1);
        }
        self.is(body, "{").then(|| (name.clone(), self.skip_bracket(body)))
    }
}

fn function(line: u64) -> Value {
    Value::unknown(line, "a function, whose result is known only when it runs")
}
