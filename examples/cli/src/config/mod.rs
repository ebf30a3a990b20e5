//! What `capacitor.config.{ts,js,json}` says about the app.

mod edit;
mod script;

use std::fs;
use std::path::{Path, PathBuf};

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use crate::error::{Failure, Result};
use script::{Unknown, Value};

pub(crate) use edit::{Change, with_public_key};

/// In the order in which Capacitor itself, and so Capgo, looks for them.
const FILE_NAMES: [&str; 3] = ["capacitor.config.ts", "capacitor.config.js", "capacitor.config.json"];

/// Where the plugin's own settings are.
const UPDATER: [&str; 2] = ["plugins", "CapacitorUpdater"];

/// A Capacitor config that was read.
#[derive(Debug)]
pub(crate) struct CapacitorConfig {
    path: PathBuf,
    value: Value,
}

impl CapacitorConfig {
    /// The config file of `folder`, if there is one.
    pub(crate) fn find(folder: &Path) -> Option<PathBuf> {
        FILE_NAMES
            .iter()
            .map(|name| folder.join(name))
            .find(|path| path.is_file())
    }

    /// Reads the config of the current folder, if there is one.
    pub(crate) fn here() -> Result<Option<Self>> {
        Self::find(Path::new("")).map(|path| Self::read(&path)).transpose()
    }

    /// Reads the config at `path`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = read_text(path)?;
        let value = if is_script(path) {
            script::exported(&text)
        } else {
            json_value(path, &text)?
        };
        Ok(Self {
            path: path.to_path_buf(),
            value,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The id bundles are made for: the plugin's own, else the app's.
    pub(crate) fn app_id(&self) -> Result<Option<String>> {
        const ADVICE: &str = "pass the app id as the first argument";
        match self.text(&[&UPDATER[..], &["appId"]].concat(), ADVICE)? {
            Some(id) => Ok(Some(id)),
            None => self.text(&["appId"], ADVICE),
        }
    }

    /// The folder of the built web app.
    pub(crate) fn web_dir(&self) -> Result<Option<String>> {
        self.text(&["webDir"], "pass the folder with --path")
    }

    /// The public key installed apps verify with.
    pub(crate) fn public_key(&self) -> Result<Option<String>> {
        self.text(
            &[&UPDATER[..], &["publicKey"]].concat(),
            "pass the public key with --key or --key-data",
        )
    }

    /// Where installed apps ask for updates.
    pub(crate) fn update_url(&self) -> Result<Option<String>> {
        self.text(
            &[&UPDATER[..], &["updateUrl"]].concat(),
            "pass the address with --update-url",
        )
    }

    /// The channel that installed apps ask for.
    pub(crate) fn default_channel(&self) -> Result<Option<String>> {
        self.text(
            &[&UPDATER[..], &["defaultChannel"]].concat(),
            "pass the channel with --channel",
        )
    }

    /// The version that Capgo's command publishes, and that the plugin states in place of the native app's own.
    pub(crate) fn updater_version(&self, advice: &str) -> Result<Option<String>> {
        self.text(&[&UPDATER[..], &["version"]].concat(), advice)
    }

    fn text(&self, path: &[&str], advice: &str) -> Result<Option<String>> {
        let (line, why) = match self.value.at(path) {
            Value::Text(text) => return Ok(Some(text)),
            Value::Absent => return Ok(None),
            Value::Object(object) => (object.line, "not a text".to_owned()),
            Value::Unknown(Unknown { line, why }) => (line, why),
        };
        Err(Failure::refused(
            "unreadable_config",
            format!(
                "{}:{line}: `{}` cannot be read from the file: it is {why}; {advice}",
                self.path.display(),
                path.join(".")
            ),
        ))
    }
}

/// Whether the config is a program and not data.
pub(crate) fn is_script(path: &Path) -> bool {
    path.extension()
        .is_none_or(|extension| !extension.eq_ignore_ascii_case("json"))
}

/// The text of a project file; a byte order mark is left in it.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| Failure::io("read", path, &error))
}

/// JSON as Capacitor reads it: strict, but for a byte order mark.
fn parse_json<'a>(path: &Path, text: &'a str) -> Result<Option<ast::Value<'a>>> {
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    match parse_to_ast(text, &CollectOptions::default(), &strict) {
        Ok(parsed) => Ok(parsed.value),
        Err(error) => Err(Failure::refused(
            "invalid_config",
            format!(
                "{}:{}: not valid JSON: {}",
                path.display(),
                error.line_display(),
                error.kind()
            ),
        )),
    }
}

fn json_value(path: &Path, text: &str) -> Result<Value> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let value = parse_json(path, text)?;
    Ok(value.map_or(Value::Absent, |value| told(&value, text)))
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The same picture of a JSON value that the script reader gives of a script.
fn told(value: &ast::Value<'_>, text: &str) -> Value {
    let line = 1 + text[..value.range().start].matches('\n').count() as u64;
    match value {
        ast::Value::StringLit(literal) => Value::Text(literal.value.to_string()),
        ast::Value::NullKeyword(_) => Value::Absent,
        ast::Value::Object(members) => {
            let mut object = script::Object::new(line);
            for member in &members.properties {
                object.set(member.name.as_str().to_owned(), told(&member.value, text));
            }
            Value::Object(object)
        }
        _ => Value::unknown(line, "not a text"),
    }
}

#[cfg(test)]
mod tests;
