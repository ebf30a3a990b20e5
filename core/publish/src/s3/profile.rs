//! The files in `~/.aws`: sections of names and values.
//!
//! The grammar is that of Python's `configparser`, with which boto3 and the AWS command line read these files: a line that is
//! indented deeper than the name before it continues that value, and any other line is a name of its own, indented or not.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::{Error, IoContext, Result};

/// Larger than any such file.
const MAX_SIZE: u64 = 1 << 20;
const DEFAULT: &str = "default";

/// One file. Values are secrets.
pub(super) struct ProfileFile {
    path: PathBuf,
    /// The headers and their sections.
    sections: Vec<(String, Section)>,
}

impl ProfileFile {
    /// Reads the file; empty if it does not exist.
    ///
    /// # Errors
    /// [`Io`](capbundle::ErrorKind::Io) if it cannot be read; [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a line that is
    /// neither a comment, a section header nor a name with a value. Messages never contain values.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let none = Self {
            path: path.to_owned(),
            sections: Vec::new(),
        };
        let size = match std::fs::metadata(path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(none),
            Err(error) => return Err(Error::io("read", path, error)),
        };
        if size > MAX_SIZE {
            let problem = format!("expected at most {MAX_SIZE} bytes, found {size}");
            return Err(Error::invalid_input(path.display().to_string(), problem));
        }
        let text = Zeroizing::new(std::fs::read_to_string(path).with_path("read", path)?);
        let sections = sections(&text).map_err(|(line, problem)| {
            Error::invalid_input(path.display().to_string(), format!("line {line}: {problem}"))
        })?;
        Ok(Self { sections, ..none })
    }

    /// The section of a profile in `~/.aws/credentials`, where the header is the name alone.
    pub(super) fn bare(&self, name: &str) -> Option<Section> {
        self.merged(|header| header == name)
    }

    /// The section of a profile in `~/.aws/config`: `[profile name]`, and `[default]` for that of this name.
    pub(super) fn profile(&self, name: &str) -> Option<Section> {
        self.merged(|header| (name == DEFAULT && header == DEFAULT) || is_named(header, "profile", name))
    }

    /// The section `[services name]` of `~/.aws/config`.
    pub(super) fn services(&self, name: &str) -> Option<Section> {
        self.merged(|header| is_named(header, "services", name))
    }

    /// All sections with such a header, merged. Later values win.
    fn merged(&self, wanted: impl Fn(&str) -> bool) -> Option<Section> {
        let mut found: Option<Section> = None;
        for (_, section) in self.sections.iter().filter(|(header, _)| wanted(header)) {
            let merged = found.get_or_insert_with(|| Section {
                path: self.path.clone(),
                values: Vec::new(),
            });
            merged.values.extend(section.values.iter().cloned());
        }
        found
    }
}

/// The values below one header, in order.
pub(super) struct Section {
    path: PathBuf,
    values: Vec<(String, Value)>,
}

#[derive(Clone, Default)]
struct Value {
    /// On the line of the name.
    first: Zeroizing<String>,
    /// Lines that are indented deeper than the name.
    more: Vec<Zeroizing<String>>,
}

impl Section {
    /// The value of this name; `None` if it is missing or empty.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a value of several lines.
    pub(super) fn get(&self, name: &str) -> Result<Option<&str>> {
        let Some(value) = self.last(name) else { return Ok(None) };
        if value.more.is_empty() {
            return Ok(Some(value.first.as_str()));
        }
        let problem = format!(
            "the lines below `{name}` are indented deeper, so they belong to its value: indent them as far as `{name}`"
        );
        Err(Error::invalid_input(self.path.display().to_string(), problem))
    }

    /// Whether the section has a value of this name, in any form.
    pub(super) fn has(&self, name: &str) -> bool {
        self.last(name).is_some()
    }

    /// The value of `name` among the indented lines below `group`; `None` if either is missing.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a group with a value of its own, and for a line in it without a
    /// name and value.
    pub(super) fn nested(&self, group: &str, name: &str) -> Result<Option<&str>> {
        let Some(value) = self.last(group) else { return Ok(None) };
        let refuse = |problem: String| Err(Error::invalid_input(self.path.display().to_string(), problem));
        if !value.first.is_empty() {
            return refuse(format!(
                "expected `{group} =` with indented lines below it, found a value on its line"
            ));
        }
        let mut found = None;
        for line in &value.more {
            let Some((key, value)) = line.split_once('=') else {
                return refuse(format!("expected `name = value` in each line below `{group} =`"));
            };
            if key.trim().eq_ignore_ascii_case(name) && !value.trim().is_empty() {
                found = Some(value.trim());
            }
        }
        Ok(found)
    }

    fn last(&self, name: &str) -> Option<&Value> {
        let mut values = self.values.iter().rev().filter(|(found, _)| found == name);
        values
            .find(|(_, value)| !value.first.is_empty() || !value.more.is_empty())
            .map(|(_, value)| value)
    }
}

/// Parses the sections. An error is the number of the invalid line, and the reason.
fn sections(text: &str) -> Result<Vec<(String, Section)>, (usize, &'static str)> {
    let mut sections: Vec<(String, Section)> = Vec::new();
    // The indentation of the name whose value may continue.
    let mut indent: Option<usize> = None;
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        let depth = line.len() - line.trim_start().len();
        if indent.is_some_and(|indent| depth > indent)
            && let Some((_, section)) = sections.last_mut()
            && let Some((_, value)) = section.values.last_mut()
        {
            value.more.push(Zeroizing::new(content.to_owned()));
            continue;
        }
        if let Some(header) = content.strip_prefix('[') {
            let Some((header, _)) = header.split_once(']') else {
                return Err((at + 1, "a section has no closing bracket"));
            };
            let section = Section {
                path: PathBuf::new(),
                values: Vec::new(),
            };
            sections.push((header.trim().to_owned(), section));
            indent = None;
            continue;
        }
        // A colon also separates. Without an equals sign, a URL is therefore split after its scheme.
        let parts = content.split_once(['=', ':']);
        let Some((name, value)) = parts.filter(|(name, _)| !name.trim().contains(char::is_whitespace)) else {
            return Err((at + 1, "expected `name = value`"));
        };
        let Some((_, section)) = sections.last_mut() else {
            return Err((at + 1, "expected a section such as [default] before the first value"));
        };
        let value = Value {
            first: Zeroizing::new(value.trim().to_owned()),
            more: Vec::new(),
        };
        section.values.push((name.trim().to_ascii_lowercase(), value));
        indent = Some(depth);
    }
    Ok(sections)
}

/// Whether a header is `kind name`, the name in quotes if it contains spaces.
fn is_named(header: &str, kind: &str, name: &str) -> bool {
    words(header).is_some_and(|words| words == [kind, name])
}

/// Splits words as a shell does; `None` for an unclosed quote.
fn words(header: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = header.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            (found, Some(open)) if found == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().push(characters.next()?),
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (blank, None) if blank.is_whitespace() => words.extend(word.take()),
            (found, _) => word.get_or_insert_default().push(found),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}
