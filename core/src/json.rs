//! JSON that has one meaning, for documents that are signed or name what is (docs/format.md, "JSON that is read strictly").
//!
//! RFC 8259 leaves open what two members of one name mean, and how precise numbers are: two readers of the same signed bytes
//! could understand different things. Here the same member twice is refused, and so is every number that is not a whole one
//! below 2^53. What is text, what ends a token and what an escape means is decided by `serde_json`.
//!
//! Read by way of a tree of values, not by readers that serde derives: see `store/json.rs`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::path::printable;

/// The largest number that every reader of JSON keeps exactly (RFC 8259 6).
pub const MAX_NUMBER: u64 = (1 << 53) - 1;
/// Documents of ours are four levels deep; this leaves room and keeps the stack of a phone's thread.
const MAX_DEPTH: usize = 32;

/// A value, its texts borrowed from the document where they hold no escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(u64),
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
    Object(Object<'a>),
}

/// The value in `bytes`, or what is wrong with them.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value<'_>, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = ValueSeed { depth: 0 }.deserialize(&mut deserializer);
    value
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| error.to_string())
}

/// Checks that `bytes` hold one JSON object that is read strictly.
///
/// # Errors
/// What is wrong with the text, for people.
pub fn validate(bytes: &[u8]) -> Result<(), String> {
    parse_object(bytes).map(drop)
}

/// The object in `bytes`, or what is wrong with them.
pub(crate) fn parse_object(bytes: &[u8]) -> Result<Object<'_>, String> {
    match parse(bytes)? {
        Value::Object(object) => Ok(object),
        other => Err(other.instead_of("an object")),
    }
}

impl<'a> Value<'a> {
    /// What was expected, and what is there.
    fn instead_of(&self, expected: &str) -> String {
        let found = match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        };
        format!("expected {expected}, found {found}")
    }

    pub(crate) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(other.instead_of("a text")),
        }
    }

    pub(crate) fn number(&self) -> Result<u64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            other => Err(other.instead_of("a number")),
        }
    }

    pub(crate) fn list(&self) -> Result<&[Value<'a>], String> {
        match self {
            Self::List(values) => Ok(values),
            other => Err(other.instead_of("a list")),
        }
    }

    pub(crate) fn object(&self) -> Result<&Object<'a>, String> {
        match self {
            Self::Object(object) => Ok(object),
            other => Err(other.instead_of("an object")),
        }
    }
}

/// Members, sorted by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    /// The object of these members, or the name that two of them have.
    fn of(mut members: Vec<(Cow<'a, str>, Value<'a>)>) -> Result<Self, String> {
        members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        match members.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(format!("the member {} is there twice", printable(pair[0].0.as_bytes()))),
            None => Ok(Self(members)),
        }
    }

    /// A member that may be absent. One that is null is not absent.
    pub(crate) fn find(&self, name: &str) -> Option<&Value<'a>> {
        let place = self.0.binary_search_by(|(member, _)| (**member).cmp(name)).ok()?;
        Some(&self.0[place].1)
    }

    /// What `read` makes of a member that must be there.
    pub(crate) fn get<'v, T>(
        &'v self,
        name: &str,
        read: impl FnOnce(&'v Value<'a>) -> Result<T, String>,
    ) -> Result<T, String> {
        self.get_if_any(name, read)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// What `read` makes of a member that may be absent.
    pub(crate) fn get_if_any<'v, T>(
        &'v self,
        name: &str,
        read: impl FnOnce(&'v Value<'a>) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        let value = self.find(name).map(read).transpose();
        value.map_err(|problem| format!("{name}: {problem}"))
    }
}

/// Takes any value, at most [`MAX_DEPTH`] levels deep.
struct ValueSeed {
    /// Lists and objects around it.
    depth: usize,
}

impl ValueSeed {
    fn inner<E: serde::de::Error>(&self) -> Result<Self, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            return Err(E::custom(format_args!("it is more than {MAX_DEPTH} levels deep")));
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
            "null, a truth value, a text, a list, an object or a whole number below 2^53"
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
                "expected a whole number below 2^53, found {number}"
            )));
        }
        Ok(Value::Number(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self.inner()?)? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = object.next_key_seed(Name)? {
            members.push((name, object.next_value_seed(self.inner()?)?));
        }
        Object::of(members).map(Value::Object).map_err(A::Error::custom)
    }
}

/// Takes the name of a member.
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
