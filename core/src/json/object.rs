//! JSON objects that are made member by member.
//!
//! The macro `json!` and derived serializers are repeated for each use, which a phone pays for: see
//! docs/decisions/0022-what-the-updater-costs-on-phones.md.

use serde_json::{Map, Value};

/// An object that is being made.
#[derive(Default)]
pub(crate) struct JsonObject(Map<String, Value>);

impl JsonObject {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    #[inline(never)]
    pub(crate) fn value(&mut self, name: &str, value: Value) -> &mut Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    #[inline(never)]
    pub(crate) fn text(&mut self, name: &str, text: &str) -> &mut Self {
        self.value(name, Value::String(text.to_owned()))
    }

    /// A text, or `null`.
    pub(crate) fn text_or_null(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        self.value(name, text.map_or(Value::Null, Value::from))
    }

    /// A text, if there is one.
    pub(crate) fn text_if_any(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    pub(crate) fn flag(&mut self, name: &str, flag: bool) -> &mut Self {
        self.value(name, Value::Bool(flag))
    }

    pub(crate) fn number(&mut self, name: &str, number: u64) -> &mut Self {
        self.value(name, Value::from(number))
    }

    /// The object. This one is empty afterwards.
    #[inline(never)]
    pub(crate) fn done(&mut self) -> Value {
        Value::Object(std::mem::take(&mut self.0))
    }
}

/// The compact text of a value, by the one writer that a phone has anyway.
#[inline(never)]
pub(crate) fn compact(value: &Value) -> String {
    // A tree of values has no member that cannot be written.
    serde_json::to_string(value).unwrap_or_default()
}
