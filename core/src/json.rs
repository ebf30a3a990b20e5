//! Strict JSON for signed documents (docs/format.md, "JSON that is read strictly").
//!
//! RFC 8259 does not define the meaning of duplicate members or the precision of numbers, so two readers of the same signed
//! bytes could disagree. This reader refuses duplicate members and every number that is not an integer from 0 to 2^53 - 1.
//! `serde_json` does the lexing.
//!
//! Documents are read through a tree of values, not through derived deserializers, which are larger: see
//! docs/decisions/0020-one-type-per-document.md.

mod object;
mod shown;

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

pub(crate) use self::object::{JsonObject, compact};
pub(crate) use self::shown::shown;
use crate::path::printable;

/// The largest integer that every JSON reader represents exactly (RFC 8259 section 6).
pub const MAX_NUMBER: u64 = (1 << 53) - 1;
/// Our documents are four levels deep. The limit leaves room, and protects the small stacks of phone threads.
const MAX_DEPTH: usize = 32;

/// A value. Strings without escapes borrow from the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(u64),
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    Object(Object<'a>),
}

/// Parses the value in `bytes`. The error is for people.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value<'_>, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = ValueSeed { depth: 0 }.deserialize(&mut deserializer);
    value
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| error.to_string())
}

/// Checks that `bytes` are one JSON object in the strict form of signed documents.
///
/// # Errors
/// A description of the first problem, for people.
pub fn validate(bytes: &[u8]) -> Result<(), String> {
    parse_object(bytes).map(drop)
}

/// Parses the object in `bytes`. The error is for people.
pub(crate) fn parse_object(bytes: &[u8]) -> Result<Object<'_>, String> {
    match parse(bytes)? {
        Value::Object(object) => Ok(object),
        other => Err(other.instead_of("an object")),
    }
}

impl<'a> Value<'a> {
    /// The message for a value of another type.
    fn instead_of(&self, expected: &str) -> String {
        let found = match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        };
        format!("expected {expected}, found {found}")
    }

    pub(crate) fn string(&self) -> Result<&str, String> {
        match self {
            Self::String(text) => Ok(text),
            other => Err(other.instead_of("a string")),
        }
    }

    pub(crate) fn number(&self) -> Result<u64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            other => Err(other.instead_of("a number")),
        }
    }

    pub(crate) fn array(&self) -> Result<&[Value<'a>], String> {
        match self {
            Self::Array(values) => Ok(values),
            other => Err(other.instead_of("an array")),
        }
    }

    pub(crate) fn object(&self) -> Result<&Object<'a>, String> {
        match self {
            Self::Object(object) => Ok(object),
            other => Err(other.instead_of("an object")),
        }
    }
}

/// An object. Members are sorted by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    /// Makes an object; fails if two members have the same name.
    fn of(mut members: Vec<(Cow<'a, str>, Value<'a>)>) -> Result<Self, String> {
        members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        match members.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(format!("duplicate member {}", printable(pair[0].0.as_bytes()))),
            None => Ok(Self(members)),
        }
    }

    /// An optional member. A member that is null is present.
    pub(crate) fn find(&self, name: &str) -> Option<&Value<'a>> {
        let place = self.0.binary_search_by(|(member, _)| (**member).cmp(name)).ok()?;
        Some(&self.0[place].1)
    }

    /// Reads a required member with `read`.
    pub(crate) fn get<'v, T>(
        &'v self,
        name: &str,
        read: impl FnOnce(&'v Value<'a>) -> Result<T, String>,
    ) -> Result<T, String> {
        self.get_if_any(name, read)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// Reads an optional member with `read`.
    pub(crate) fn get_if_any<'v, T>(
        &'v self,
        name: &str,
        read: impl FnOnce(&'v Value<'a>) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        let value = self.find(name).map(read).transpose();
        value.map_err(|problem| format!("{name}: {problem}"))
    }
}

/// Deserializes any value that is at most [`MAX_DEPTH`] levels deep.
struct ValueSeed {
    /// The number of enclosing arrays and objects.
    depth: usize,
}

impl ValueSeed {
    fn inner<E: serde::de::Error>(&self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(E::custom(format_args!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "null, a boolean, a string, an array, an object or an integer below 2^53"
        )
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value<'de>, E> {
        if number > MAX_NUMBER {
            return Err(E::custom(format_args!(
                "expected an integer below 2^53, found {number}"
            )));
        }
        Ok(Value::Number(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self.inner()?)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = object.next_key_seed(Name)? {
            members.push((name, object.next_value_seed(self.inner()?)?));
        }
        Object::of(members).map(Value::Object).map_err(A::Error::custom)
    }
}

/// Deserializes the name of a member.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
