//! Reads the static values of a `capacitor.config.ts` or `.js` without running it.
//!
//! Running the file would need Node.js, its packages and trust in them. Nearly every config is an object literal of
//! strings: those are read, together with the constants, spreads and functions of the same file that make them. Every other
//! value is reported as unknown, with its place and the reason. In doubt a value is unknown: a wrong app id is worse than a
//! question.

mod evaluate;
mod export;
mod scope;
mod source;
mod value;

#[cfg(test)]
mod tests;

use std::env;
use std::thread;

pub(super) use source::Source;
pub(super) use value::{Object, Text, UsedDefault, Value};

/// A usual config has a few kilobytes. The parser takes quadratic time for some unusual forms.
const MAX_SOURCE: usize = 64 * 1024;

/// Brackets in brackets: no config comes near it, and the parser's time grows with its square.
const MAX_NESTING: usize = 200;

/// The stack of the parser, which recurses: at most 1.7 kB for each byte of source (measured over 28 forms of nesting),
/// so twice what [`MAX_SOURCE`] can need. Only pages that are used take memory.
const STACK: usize = 256 * 1024 * 1024;

/// The config that `source` exports.
pub(super) fn exported(source: &str) -> Value {
    exported_with(source, &|variable| env::var_os(variable).is_some())
}

/// [`exported`], where `is_set` tells which environment variables are set.
fn exported_with(text: &str, is_set: &(dyn Fn(&str) -> bool + Sync)) -> Value {
    let source = Source::new(text);
    let refused = |why: String| Value::unknown(source.start(), why);
    if text.len() > MAX_SOURCE {
        return refused(format!("the file is not read: it is larger than {MAX_SOURCE} bytes"));
    }
    if nesting(text) > MAX_NESTING {
        return refused(format!(
            "the file is not read: its brackets are nested more than {MAX_NESTING} deep"
        ));
    }
    let value = thread::scope(|scope| {
        let reader = thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || export::exported(&source, is_set));
        reader.map(thread::ScopedJoinHandle::join)
    });
    match value {
        Ok(Ok(value)) => value,
        Ok(Err(_)) => refused("the file is not read: the parser failed".to_owned()),
        Err(error) => refused(format!("the file is not read: no thread could be started: {error}")),
    }
}

/// How deep brackets are nested, and angle brackets. Those in strings and comments count too, which only errs for texts that
/// are no configs.
fn nesting(text: &str) -> usize {
    let (mut brackets, mut angles, mut deepest, mut before) = (0_usize, 0_usize, 0, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => brackets += 1,
            b')' | b']' | b'}' => brackets = brackets.saturating_sub(1),
            b'<' => angles += 1,
            b'>' if before != b'=' => angles = angles.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(brackets).max(angles);
        before = byte;
    }
    deepest
}
