//! What is known about a value without running the script.

use std::fmt::{self, Display};

/// Where an expression is, and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Counted from 1.
    pub(crate) line: u64,
    /// Counted from 1, in characters.
    pub(crate) column: u64,
    /// The source of the expression, shortened to one line.
    pub(crate) source: String,
}

/// A value, as far as the script tells without running.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Text(Text),
    Boolean(bool, Place),
    Number(f64, Place),
    Array(Vec<Value>, Place),
    Object(Object),
    /// `undefined`, `null`, or missing.
    Absent,
    Unknown(Unknown),
}

/// A string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) value: String,
    /// The defaults it was made with, in place of environment variables.
    pub(crate) defaults: Vec<UsedDefault>,
}

/// The default that stands in for environment variables, as in `process.env.APP_ID ?? 'com.example.app'`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsedDefault {
    pub(crate) place: Place,
    pub(crate) variables: Vec<String>,
}

/// A value that only a run of the script gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unknown {
    pub(crate) place: Place,
    /// Completes a sentence whose subject is the expression.
    why: String,
    /// The environment variables that are the whole value; empty for every other value.
    variables: Vec<String>,
}

impl From<&str> for Text {
    fn from(value: &str) -> Self {
        Self {
            value: value.to_owned(),
            defaults: Vec::new(),
        }
    }
}

impl Text {
    /// Puts `other` behind this string.
    pub(super) fn append(&mut self, other: &Self) {
        self.value.push_str(&other.value);
        self.merge_defaults(other);
    }

    fn merge_defaults(&mut self, other: &Self) {
        for used in &other.defaults {
            if !self.defaults.contains(used) {
                self.defaults.push(used.clone());
            }
        }
    }
}

impl Unknown {
    pub(crate) fn new(place: Place, why: impl Into<String>) -> Self {
        Self {
            place,
            why: why.into(),
            variables: Vec::new(),
        }
    }

    /// The value of environment variables, the first of those that are set.
    pub(super) fn environment(place: Place, variables: Vec<String>) -> Self {
        Self {
            variables,
            ..Self::new(place, "comes from the environment")
        }
    }

    /// The environment variables that are the whole value, if there are any.
    pub(super) fn variables(&self) -> &[String] {
        &self.variables
    }

    /// The same for a value that is made of this one.
    fn into_part(self) -> Self {
        Self {
            variables: Vec::new(),
            ..self
        }
    }
}

impl Display for Unknown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.source.is_empty() {
            write!(formatter, "`{}` ", self.place.source)?;
        }
        formatter.write_str(&self.why)
    }
}

impl Value {
    pub(crate) fn unknown(place: Place, why: impl Into<String>) -> Self {
        Self::Unknown(Unknown::new(place, why))
    }

    /// The string, or `None` if the value is absent.
    ///
    /// # Errors
    /// If the value is unknown, or no string.
    pub(crate) fn text(self) -> Result<Option<Text>, Unknown> {
        match self {
            Self::Text(text) => Ok(Some(text)),
            Self::Absent => Ok(None),
            Self::Unknown(unknown) => Err(unknown),
            Self::Boolean(_, place)
            | Self::Number(_, place)
            | Self::Array(_, place)
            | Self::Object(Object { place, .. }) => Err(Unknown::new(place, "is not a string")),
        }
    }

    /// The value at `path` below this one.
    pub(crate) fn at(&self, path: &[&str]) -> Value {
        let Some((first, rest)) = path.split_first() else {
            return self.clone();
        };
        match self {
            Self::Object(object) => object.get(first).at(rest),
            Self::Array(items, _) => first
                .parse()
                .ok()
                .and_then(|index: usize| items.get(index))
                .map_or(Self::Absent, |item| item.at(rest)),
            Self::Unknown(unknown) => Self::Unknown(unknown.clone().into_part()),
            Self::Text(_) | Self::Boolean(..) | Self::Number(..) | Self::Absent => Self::Absent,
        }
    }

    /// Whether a condition takes the value for true; `None` if only a run tells.
    ///
    /// A default in place of an environment variable decides nothing: another value takes the other branch.
    pub(super) fn is_truthy(&self) -> Option<bool> {
        match self {
            Self::Text(text) if text.defaults.is_empty() => Some(!text.value.is_empty()),
            Self::Text(_) | Self::Unknown(_) => None,
            Self::Boolean(value, _) => Some(*value),
            Self::Number(value, _) => Some(*value != 0.0 && !value.is_nan()),
            Self::Array(..) | Self::Object(_) => Some(true),
            Self::Absent => Some(false),
        }
    }

    /// Whether `===` holds between two values; `None` if only a run tells.
    pub(super) fn equals(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) if one.defaults.is_empty() && two.defaults.is_empty() => {
                Some(one.value == two.value)
            }
            (Self::Boolean(one, _), Self::Boolean(two, _)) => Some(one == two),
            #[allow(clippy::float_cmp, reason = "`===` compares exactly")]
            (Self::Number(one, _), Self::Number(two, _)) => Some(one == two),
            _ => None,
        }
    }

    /// The value as a template or `+` makes it part of a string.
    ///
    /// # Errors
    /// If the value is unknown or an object, or JavaScript may write the number in another way.
    pub(super) fn into_text(self, place: impl FnOnce() -> Place) -> Result<Text, Unknown> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Boolean(value, _) => Ok(Text::from(value.to_string().as_str())),
            // Rust and JavaScript write these alike.
            Self::Number(value, _) if value.abs() < 1e15 && value.fract() == 0.0 => {
                Ok(Text::from((value + 0.0).to_string().as_str()))
            }
            Self::Unknown(unknown) => Err(unknown.into_part()),
            _ => Err(Unknown::new(place(), "is not a string")),
        }
    }

    /// The value when it is this one or `other`, as only a run decides: known as far as both agree.
    pub(super) fn or(self, other: Self, place: &Place) -> Self {
        match (self, other) {
            (unknown @ Self::Unknown(_), _) | (_, unknown @ Self::Unknown(_)) => unknown.into_part(),
            (Self::Text(mut one), Self::Text(two)) if one.value == two.value => {
                one.merge_defaults(&two);
                Self::Text(one)
            }
            (Self::Absent, Self::Absent) => Self::Absent,
            (Self::Object(one), Self::Object(two)) => Self::Object(one.or(&two, place)),
            // Where an object may be missing, so may each of its members.
            (Self::Object(object), Self::Absent) | (Self::Absent, Self::Object(object)) => {
                let missing = Object::new(object.place.clone());
                Self::Object(object.or(&missing, place))
            }
            (one, two) if one.equals(&two) == Some(true) => one,
            _ => Self::unknown(place.clone(), "is one of several values, chosen when the script runs"),
        }
    }

    /// The same for a value that is made of this one.
    pub(super) fn into_part(self) -> Self {
        match self {
            Self::Unknown(unknown) => Self::Unknown(unknown.into_part()),
            known => known,
        }
    }

    /// Makes what is at `path` unknown.
    pub(super) fn forget(&mut self, path: &[String], because: &Unknown) {
        match (self, path.split_first()) {
            (Self::Object(object), Some((first, rest))) => {
                let mut inner = object.get(first);
                inner.forget(rest, because);
                object.set(first.clone(), inner);
            }
            (value, _) => *value = Self::Unknown(because.clone()),
        }
    }
}

/// An object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    place: Place,
    members: Vec<(String, Value)>,
    /// Set when members that are unknown were mixed in, by a spread or a computed name.
    open: Option<Unknown>,
}

impl Object {
    pub(crate) fn new(place: Place) -> Self {
        Self {
            place,
            members: Vec::new(),
            open: None,
        }
    }

    pub(crate) fn set(&mut self, name: String, value: Value) {
        self.members.retain(|(known, _)| *known != name);
        self.members.push((name, value));
    }

    fn get(&self, name: &str) -> Value {
        let known = self
            .members
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone());
        known
            .or_else(|| self.open.clone().map(Value::Unknown))
            .unwrap_or(Value::Absent)
    }

    /// Mixes another value in, as `...value` at `place` does.
    pub(super) fn spread(&mut self, value: Value, place: impl FnOnce() -> Place) {
        match value {
            Value::Object(other) => {
                if let Some(unknown) = other.open {
                    self.forget_all(unknown);
                }
                for (name, value) in other.members {
                    self.set(name, value);
                }
            }
            Value::Absent | Value::Boolean(..) | Value::Number(..) => {}
            Value::Text(_) | Value::Array(..) => self.forget_all(Unknown::new(place(), "is not an object")),
            Value::Unknown(unknown) => self.forget_all(unknown.into_part()),
        }
    }

    fn or(self, other: &Self, place: &Place) -> Self {
        let mut both = Self {
            place: self.place.clone(),
            members: Vec::new(),
            open: self.open.clone().or_else(|| other.open.clone()),
        };
        for (name, value) in &self.members {
            both.set(name.clone(), value.clone().or(other.get(name), place));
        }
        for (name, value) in &other.members {
            if both.members.iter().all(|(known, _)| known != name) {
                both.set(name.clone(), self.get(name).or(value.clone(), place));
            }
        }
        both
    }

    /// Any member may have any value from here on.
    pub(super) fn forget_all(&mut self, because: Unknown) {
        self.members.clear();
        self.open = Some(because);
    }
}
