//! Reading responses through a tree of values, as the derived readers of [`lenient`](super::lenient) do: those are larger,
//! and a phone reads only responses (docs/decisions/0022-what-the-updater-costs-on-phones.md).

use serde_json::{Map, Value};

use crate::json::shown;

/// A response, or a part of one, that is read from JSON. The error is a description of the problem, for people.
pub trait FromResponse: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// What does not follow the protocol.
    fn from_response(value: &Value) -> Result<Self, String>;
}

/// Parses a body.
pub(in crate::update) fn read<T: FromResponse>(body: &[u8]) -> Result<T, String> {
    T::from_response(&parse(body)?)
}

#[inline(never)]
pub(super) fn parse(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

impl<T: FromResponse> FromResponse for Vec<T> {
    fn from_response(value: &Value) -> Result<Self, String> {
        let list = value.as_array().ok_or_else(|| expected("an array", value))?;
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            items.push(T::from_response(item)?);
        }
        Ok(items)
    }
}

/// The members of an object. `null` is an absent member.
#[derive(Clone, Copy)]
pub(super) struct Members<'a>(&'a Map<String, Value>);

impl<'a> Members<'a> {
    pub(super) fn of(value: &'a Value) -> Result<Self, String> {
        value
            .as_object()
            .map(Self)
            .ok_or_else(|| expected("a JSON object", value))
    }

    #[inline(never)]
    pub(super) fn find(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A required string.
    #[inline(never)]
    pub(super) fn string(self, name: &str) -> Result<String, String> {
        self.string_if_any(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// An optional string.
    #[inline(never)]
    pub(super) fn string_if_any(self, name: &str) -> Result<Option<String>, String> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(within(name, &expected("a string", other))),
        }
    }

    /// A string, or an integer as a string; an absent one is empty.
    #[inline(never)]
    pub(super) fn text(self, name: &str) -> Result<String, String> {
        match self.find(name) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) if number.is_i64() => Ok(number.to_string()),
            Some(other) => Err(within(name, &expected("a string", other))),
        }
    }

    /// As [`text`](Self::text), if it is not empty.
    #[inline(never)]
    pub(super) fn filled(self, name: &str) -> Result<Option<String>, String> {
        self.text(name).map(|text| Some(text).filter(|text| !text.is_empty()))
    }

    #[inline(never)]
    pub(super) fn flag(self, name: &str) -> Result<Option<bool>, String> {
        match self.find(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(within(name, &expected("a boolean", other))),
        }
    }

    /// An optional list.
    pub(super) fn list<T: FromResponse>(self, name: &str) -> Result<Option<Vec<T>>, String> {
        let list = self.find(name).map(Vec::from_response).transpose();
        list.map_err(|problem| within(name, &problem))
    }
}

#[inline(never)]
pub(super) fn within(name: &str, problem: &str) -> String {
    format!("{name}: {problem}")
}

#[inline(never)]
pub(super) fn expected(what: &str, found: &Value) -> String {
    format!("expected {what}, found {}", shown(found))
}
