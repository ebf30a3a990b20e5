//! Sets `plugins.CapacitorUpdater.publicKey` in a `capacitor.config.json` and keeps every other byte.
//!
//! The file is written by people: its order, indentation, line ends, one-line objects and byte order mark stay. Text is
//! only cut out and inserted, at the positions of the parsed document; nothing is printed again.

use std::path::Path;

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged;

use super::{BYTE_ORDER_MARK, UPDATER, parse_json};
use crate::error::{Failure, Result};

const MEMBER: &str = "publicKey";
/// Where Capgo's first encryption kept the private key. It must never ship inside an app.
const OLD_PRIVATE_KEY: &str = "privateKey";

/// A config with its new key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) text: String,
    /// The file had another key.
    pub(crate) replaced: bool,
    /// An old private key was removed.
    pub(crate) removed_private_key: bool,
}

/// The config `text` of the file at `path`, with `pem` as the public key.
pub(crate) fn with_public_key(path: &Path, text: &str, pem: &str) -> Result<Change> {
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let document = parse_json(path, body)?;
    let Some(Value::Object(root)) = &document else {
        return Err(Failure::refused(
            "invalid_config",
            format!("{}: not a JSON object", path.display()),
        ));
    };
    let (mut object, mut missing) = (root, Vec::from(UPDATER));
    while let Some(name) = missing.first() {
        match last(object, name).map(|member| &member.value) {
            Some(Value::Object(inner)) => object = inner,
            None => break,
            Some(_) => {
                let problem = format!("{}: `{name}` is not an object", path.display());
                return Err(Failure::refused("invalid_config", problem));
            }
        }
        missing.remove(0);
    }
    let style = Style::of(body, root);
    let key = quoted(pem)?;
    let mut splices = Vec::new();
    let here = |name| missing.is_empty().then(|| last(object, name)).flatten();
    let (old, private) = (here(MEMBER), here(OLD_PRIVATE_KEY));
    match (old, private) {
        (Some(old), _) => splices.push((old.value.range().start..old.value.range().end, key)),
        // The private key is replaced: without it, there may be no member to insert behind.
        (None, Some(private)) => splices.push((private.range.start..private.range.end, style.member(&[], &key, None))),
        (None, None) => splices.push(style.appended(body, object, &missing, &key)),
    }
    if let (Some(_), Some(private)) = (old, private) {
        splices.push((without(body, object, private), String::new()));
    }
    splices.sort_by_key(|(range, _)| range.start);
    let mut edited = body.to_owned();
    for (range, replacement) in splices.into_iter().rev() {
        edited.replace_range(range, &replacement);
    }
    let mark = &text[..text.len() - body.len()];
    Ok(Change {
        text: format!("{mark}{edited}"),
        replaced: old.is_some_and(|member| {
            member
                .value
                .as_string_lit()
                .is_none_or(|text| text.value.trim() != pem.trim())
        }),
        removed_private_key: private.is_some(),
    })
}

/// The member `name`; of two, the last, as JSON readers do.
fn last<'a, 'b>(object: &'b Object<'a>, name: &str) -> Option<&'b ObjectProp<'a>> {
    object
        .properties
        .iter()
        .rev()
        .find(|member| member.name.as_str() == name)
}

fn quoted(text: &str) -> Result<String> {
    serde_json::to_string(text)
        .map_err(|error| Failure::refused("io", format!("cannot write the key as JSON: {error}")))
}

/// How the file breaks and indents its lines.
struct Style {
    newline: &'static str,
    /// One level of indentation; `None` when the file is one line.
    indent: Option<String>,
}

impl Style {
    fn of(text: &str, root: &Object<'_>) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let first = root
            .properties
            .first()
            .map(|member| line_start(text, member.range.start));
        let indent = match first {
            Some(Some(indent)) => Some(indent.to_owned()),
            // A file of one line stays one line. An empty object has no style yet.
            Some(None) => None,
            None => Some("  ".to_owned()),
        };
        Self { newline, indent }
    }

    /// The text that adds the key to `object`, inside the objects named in `missing`, and where it goes.
    fn appended(
        &self,
        text: &str,
        object: &Object<'_>,
        missing: &[&str],
        key: &str,
    ) -> (std::ops::Range<usize>, String) {
        let Some(neighbour) = object.properties.last() else {
            let outer = self.indent.as_ref().map(|_| indent_of_line(text, object.range.start));
            let inside = object.range.start + 1..object.range.end - 1;
            let Some((outer, unit)) = outer.zip(self.indent.as_ref()) else {
                return (inside, self.member(missing, key, None));
            };
            let inner = format!("{outer}{unit}");
            let member = self.member(missing, key, Some(&inner));
            return (inside, format!("{0}{inner}{member}{0}{outer}", self.newline));
        };
        let place = neighbour.range.end..neighbour.range.end;
        if let Some(indent) = line_start(text, neighbour.range.start) {
            let member = self.member(missing, key, self.indent.as_ref().map(|_| indent));
            return (place, format!(",{}{indent}{member}", self.newline));
        }
        let space = if text[object.range.start..].starts_with("{\"") {
            ""
        } else {
            " "
        };
        (place, format!(",{space}{}", self.member(missing, key, None)))
    }

    /// `"CapacitorUpdater": { "publicKey": … }` for the objects in `missing`, at `indent`, or in one line.
    fn member(&self, missing: &[&str], key: &str, indent: Option<&str>) -> String {
        let Some((name, rest)) = missing.split_first() else {
            return format!("\"{MEMBER}\": {key}");
        };
        let (Some(indent), Some(unit)) = (indent, &self.indent) else {
            return format!("\"{name}\": {{ {} }}", self.member(rest, key, None));
        };
        let inner = format!("{indent}{unit}");
        format!(
            "\"{name}\": {{{0}{inner}{1}{0}{indent}}}",
            self.newline,
            self.member(rest, key, Some(&inner))
        )
    }
}

/// The white space before `at`, if its line has nothing else before it.
fn line_start(text: &str, at: usize) -> Option<&str> {
    let start = text[..at].rfind('\n')? + 1;
    let before = &text[start..at];
    before.trim().is_empty().then_some(before)
}

/// The indentation of the line of `at`.
fn indent_of_line(text: &str, at: usize) -> &str {
    let line = &text[text[..at].rfind('\n').map_or(0, |newline| newline + 1)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The range of `member` with its comma.
fn without(text: &str, object: &Object<'_>, member: &ObjectProp<'_>) -> std::ops::Range<usize> {
    let after = &text[member.range.end..object.range.end];
    if let Some(comma) = after.trim_start().strip_prefix(',') {
        let next = comma.trim_start();
        return member.range.start..object.range.end - next.len();
    }
    let before = text[object.range.start + 1..member.range.start].trim_end();
    object.range.start + 1 + before.strip_suffix(',').unwrap_or(before).len()..member.range.end
}
