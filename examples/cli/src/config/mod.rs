//! Reads `capacitor.config.{ts,js,json}`, and sets members of the JSON form.

mod edit;
mod script;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use crate::error::{Failure, Result, Warning};
use crate::output;
use script::{Object, Source, Text, UsedDefault, Value};

pub(crate) use edit::{Change, with_public_key};

/// In the order in which Capacitor itself, and so Capgo, looks for them.
const FILE_NAMES: [&str; 3] = ["capacitor.config.ts", "capacitor.config.js", "capacitor.config.json"];

/// The plugin's own settings.
const UPDATER: [&str; 2] = ["plugins", "CapacitorUpdater"];

/// A Capacitor config that was read.
#[derive(Debug)]
pub(crate) struct CapacitorConfig {
    path: PathBuf,
    value: Value,
    /// The defaults that a warning has named.
    warned: RefCell<Vec<UsedDefault>>,
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
            warned: RefCell::default(),
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

    /// The address from which installed apps update.
    pub(crate) fn update_url(&self) -> Result<Option<String>> {
        self.text(
            &[&UPDATER[..], &["updateUrl"]].concat(),
            "pass the address with --update-url",
        )
    }

    /// The channel from which installed apps update.
    pub(crate) fn default_channel(&self) -> Result<Option<String>> {
        self.text(
            &[&UPDATER[..], &["defaultChannel"]].concat(),
            "pass the channel with --channel",
        )
    }

    /// The version that Capgo's command publishes, and that the plugin reports in place of the native app's own.
    pub(crate) fn updater_version(&self, advice: &str) -> Result<Option<String>> {
        self.text(&[&UPDATER[..], &["version"]].concat(), advice)
    }

    fn text(&self, path: &[&str], advice: &str) -> Result<Option<String>> {
        let member = path.join(".");
        match self.value.at(path).text() {
            Ok(text) => Ok(text.map(|text| {
                self.warn_of_defaults(&member, &text);
                text.value
            })),
            Err(unknown) => Err(Failure::refused(
                "unreadable_config",
                format!(
                    "{}:{}:{}: cannot read `{member}`: {unknown}; {advice}",
                    self.path.display(),
                    unknown.place.line,
                    unknown.place.column,
                ),
            )),
        }
    }

    /// Names each default that stands in for an environment variable, once.
    fn warn_of_defaults(&self, member: &str, text: &Text) {
        for used in &text.defaults {
            if self.warned.borrow().contains(used) {
                continue;
            }
            self.warned.borrow_mut().push(used.clone());
            let message = format!(
                "{}:{}:{}: `{member}` is {:?}, the default of `{}`: {} not set here",
                self.path.display(),
                used.place.line,
                used.place.column,
                text.value,
                used.place.source,
                match &used.variables[..] {
                    [one] => format!("{one} is"),
                    several => format!("{} are", several.join(" and ")),
                },
            );
            output::warn_of_config(Warning::new("config_default", message));
        }
    }
}

/// Whether the config is a program and not data.
pub(crate) fn is_script(path: &Path) -> bool {
    path.extension()
        .is_none_or(|extension| !extension.eq_ignore_ascii_case("json"))
}

/// The text of a project file, with its byte order mark.
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
    Ok(value.map_or(Value::Absent, |value| from_json(&value, &Source::new(text))))
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// The JSON `value` in the form of the script reader.
fn from_json(value: &ast::Value<'_>, source: &Source<'_>) -> Value {
    let place = source.place_of(value.range().start, value.range().end);
    match value {
        ast::Value::StringLit(literal) => Value::Text(Text::from(literal.value.as_ref())),
        ast::Value::NullKeyword(_) => Value::Absent,
        ast::Value::Object(members) => {
            let mut object = Object::new(place);
            for member in &members.properties {
                object.set(member.name.as_str().to_owned(), from_json(&member.value, source));
            }
            Value::Object(object)
        }
        _ => Value::unknown(place, "is not a string"),
    }
}

#[cfg(test)]
mod tests;
