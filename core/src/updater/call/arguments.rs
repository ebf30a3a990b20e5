//! The arguments of a call.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::error::CallError;
use crate::app_id::AppId;
use crate::error::Error;
use crate::json::shown;
use crate::store::{ApplyCondition, BundleRef};
use crate::time::UtcOffset;
use crate::update::protocol::ManifestEntry;

/// The object that Capacitor passes.
pub(super) struct Arguments<'a> {
    method: &'a str,
    members: Map<String, Value>,
}

impl<'a> Arguments<'a> {
    pub(super) fn parse(method: &'a str, json: &str) -> Result<Self, CallError> {
        let value: Value = if json.trim().is_empty() {
            Value::Null
        } else {
            serde_json::from_str(json)
                .map_err(|error| CallError::new(method, format!("the arguments are not JSON: {error}")))?
        };
        let members = match value {
            Value::Object(members) => members,
            Value::Null => Map::new(),
            other => {
                let problem = format!("expected an object of arguments, found {}", shown(&other));
                return Err(CallError::new(method, problem));
            }
        };
        Ok(Self { method, members })
    }

    /// A required string. It may be empty.
    pub(super) fn text(&self, name: &str) -> Result<String, CallError> {
        match self.find(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            found => Err(self.required(name, "a string", found)),
        }
    }

    /// An optional string; `None` if it is empty.
    pub(super) fn filled(&self, name: &str) -> Result<Option<String>, CallError> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            found => Err(self.invalid(name, "a string", found)),
        }
    }

    /// An optional boolean; `false` if it is absent.
    pub(super) fn flag(&self, name: &str) -> Result<bool, CallError> {
        match self.find(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            found => Err(self.invalid(name, "a boolean", found)),
        }
    }

    /// The bundle `id`.
    pub(super) fn bundle(&self) -> Result<BundleRef, CallError> {
        self.parsed("id", &self.text("id")?)
    }

    pub(super) fn app_id(&self) -> Result<AppId, CallError> {
        self.parsed("appId", &self.text("appId")?)
    }

    /// As in the plugin, spaces around the id are ignored, and an id of spaces is absent.
    pub(super) fn optional_app_id(&self) -> Result<Option<AppId>, CallError> {
        let text = self.filled("appId")?.unwrap_or_default();
        match text.trim() {
            "" => Ok(None),
            id => self.parsed("appId", id).map(Some),
        }
    }

    pub(super) fn conditions(&self, local: UtcOffset) -> Result<Vec<ApplyCondition>, CallError> {
        let name = "delayConditions";
        match self.find(name) {
            Some(array @ Value::Array(_)) => {
                let conditions = ApplyCondition::from_capgo(array, local);
                conditions.map_err(|error| CallError::new(self.method, error.to_string()))
            }
            found => Err(self.required(name, "an array", found)),
        }
    }

    pub(super) fn manifest(&self) -> Result<Vec<ManifestEntry>, CallError> {
        match self.find(MANIFEST) {
            Some(Value::Array(entries)) => self.entries(entries),
            found => Err(self.required(MANIFEST, "an array", found)),
        }
    }

    pub(super) fn optional_manifest(&self) -> Result<Option<Vec<ManifestEntry>>, CallError> {
        match self.find(MANIFEST) {
            None => Ok(None),
            Some(Value::Array(entries)) => self.entries(entries).map(Some),
            found => Err(self.invalid(MANIFEST, "an array", found)),
        }
    }

    fn entries(&self, entries: &[Value]) -> Result<Vec<ManifestEntry>, CallError> {
        let entries = entries.iter().enumerate();
        entries.map(|(index, entry)| self.entry(index, entry)).collect()
    }

    fn entry(&self, index: usize, entry: &Value) -> Result<ManifestEntry, CallError> {
        let place = format!("{MANIFEST}[{index}]");
        let Value::Object(members) = entry else {
            return Err(self.invalid(&place, "an object", Some(entry)));
        };
        let member = |name: &str| match members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            found => Err(self.invalid(&format!("{place}.{name}"), "a string", found)),
        };
        Ok(ManifestEntry {
            file_name: member("file_name")?,
            file_hash: member("file_hash")?,
            download_url: member("download_url")?,
        })
    }

    /// A member that is neither absent nor `null`.
    fn find(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    fn parsed<T: FromStr<Err = Error>>(&self, name: &str, text: &str) -> Result<T, CallError> {
        text.parse()
            .map_err(|error| CallError::new(self.method, format!("{name}: {error}")))
    }

    fn required(&self, name: &str, expected: &str, found: Option<&Value>) -> CallError {
        CallError::required(self.method, name, problem(name, expected, found))
    }

    fn invalid(&self, name: &str, expected: &str, found: Option<&Value>) -> CallError {
        CallError::new(self.method, problem(name, expected, found))
    }
}

const MANIFEST: &str = "manifest";

fn problem(name: &str, expected: &str, found: Option<&Value>) -> String {
    let found = found.map_or_else(|| "nothing".to_owned(), shown);
    format!("{name}: expected {expected}, found {found}")
}
