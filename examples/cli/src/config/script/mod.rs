//! Reads the static values of a `capacitor.config.ts` or `.js` without running it.
//!
//! Running the file would need Node, its packages and trust in them. Nearly every config is an object literal with
//! texts in it; those are read, and of everything else it is said which value could not be told, in which line and
//! why. When in doubt the answer is "cannot be told": a wrong app id is worse than a question.

mod binding;
mod change;
mod expression;
mod skip;
mod tokens;
mod value;

#[cfg(test)]
mod tests;

pub(super) use value::{Object, Unknown, Value};

/// The config that `source` exports.
pub(super) fn exported(source: &str) -> Value {
    match tokens::tokenize(source) {
        Ok(tokens) => expression::Script::new(&tokens).exported(),
        Err((line, problem)) => Value::unknown(line, format!("in a script that cannot be read: {problem}")),
    }
}
