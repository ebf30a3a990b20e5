//! Reading the types of the store from JSON, through a tree of values.
//!
//! Written by hand: the code that serde derives for these types adds 30 kB to the library on a phone. Unknown members
//! are ignored. An absent member is an error unless it is optional.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::digest::Sha256Digest;
use crate::error::Error;
use crate::native::{NativeRange, NativeVersion};
use crate::time::Timestamp;

/// A type that is read from JSON. The error is a description of the problem.
pub(in crate::store) trait FromJson: Sized {
    fn from_json(value: &Value) -> Result<Self, String>;
}

/// Parses `bytes`.
pub(in crate::store) fn read<T: FromJson>(bytes: &[u8]) -> Result<T, String> {
    T::from_json(&parse(bytes)?)
}

/// Parses `bytes` as a tree of values. Not generic, so that all types share it.
#[inline(never)]
pub(super) fn parse(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// An object whose members are read one by one.
pub(in crate::store) struct Object<'a>(&'a Map<String, Value>);

impl<'a> Object<'a> {
    pub(in crate::store) fn of(value: &'a Value) -> Result<Self, String> {
        value.as_object().map(Self).ok_or_else(|| expected("an object", value))
    }

    pub(in crate::store) fn members(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.0.iter()
    }

    /// A required member.
    pub(in crate::store) fn get<T: FromJson>(&self, name: &str) -> Result<T, String> {
        T::from_json(self.find(name)?).map_err(|problem| within(name, &problem))
    }

    #[inline(never)]
    fn find(&self, name: &str) -> Result<&'a Value, String> {
        self.0.get(name).ok_or_else(|| format!("{name} is missing"))
    }

    /// An optional member.
    pub(in crate::store) fn get_or_default<T: FromJson + Default>(&self, name: &str) -> Result<T, String> {
        if self.0.contains_key(name) {
            self.get(name)
        } else {
            Ok(T::default())
        }
    }
}

/// A string that is parsed.
pub(in crate::store) fn parsed<T: FromStr<Err: Into<Error>>>(value: &Value) -> Result<T, String> {
    text(value)?.parse().map_err(|error: T::Err| message(&error.into()))
}

#[cold]
#[inline(never)]
fn message(error: &Error) -> String {
    error.to_string()
}

pub(in crate::store) fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| expected("a string", value))
}

#[cold]
#[inline(never)]
pub(in crate::store) fn within(name: &str, problem: &str) -> String {
    format!("{name}: {problem}")
}

#[cold]
#[inline(never)]
fn expected(what: &str, found: &Value) -> String {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    format!("expected {what}, found {found}")
}

impl FromJson for Value {
    fn from_json(value: &Value) -> Result<Self, String> {
        Ok(value.clone())
    }
}

impl FromJson for String {
    fn from_json(value: &Value) -> Result<Self, String> {
        text(value).map(str::to_owned)
    }
}

impl FromJson for u64 {
    fn from_json(value: &Value) -> Result<Self, String> {
        value.as_u64().ok_or_else(|| expected("a whole number", value))
    }
}

impl FromJson for u32 {
    fn from_json(value: &Value) -> Result<Self, String> {
        let number = u64::from_json(value)?;
        number
            .try_into()
            .map_err(|_| format!("expected a number below 2^32, found {number}"))
    }
}

impl FromJson for bool {
    fn from_json(value: &Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| expected("a boolean", value))
    }
}

impl FromJson for Sha256Digest {
    fn from_json(value: &Value) -> Result<Self, String> {
        parsed(value)
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(value: &Value) -> Result<Self, String> {
        if value.is_null() {
            Ok(None)
        } else {
            T::from_json(value).map(Some)
        }
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: &Value) -> Result<Self, String> {
        let list = value.as_array().ok_or_else(|| expected("an array", value))?;
        let mut items = Vec::with_capacity(list.len());
        for item in list {
            items.push(T::from_json(item)?);
        }
        Ok(items)
    }
}

impl FromJson for Timestamp {
    fn from_json(value: &Value) -> Result<Self, String> {
        u64::from_json(value).map(Self)
    }
}

impl FromJson for NativeVersion {
    fn from_json(value: &Value) -> Result<Self, String> {
        text(value).map(Self::new)
    }
}

impl FromJson for NativeRange {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            min: object.get_or_default("min")?,
            max: object.get_or_default("max")?,
        })
    }
}

#[cfg(test)]
mod tests;
