//! What can be said about a value without running the script.

/// A value, as far as the text of the script tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Object(Object),
    /// `undefined`, `null` or not there.
    Absent,
    /// Known only when the script runs, or no text; where, and why.
    Unknown(Unknown),
}

/// Why a value cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// Counted from 1.
    pub(crate) line: u64,
    /// Completes "… is".
    pub(crate) why: String,
}

impl Value {
    pub(crate) fn unknown(line: u64, why: impl Into<String>) -> Self {
        Self::Unknown(Unknown { line, why: why.into() })
    }

    /// The value at `path` below this one.
    pub(crate) fn at(&self, path: &[&str]) -> Value {
        let Some((first, rest)) = path.split_first() else {
            return self.clone();
        };
        match self {
            Self::Object(object) => object.get(first).at(rest),
            Self::Unknown(_) => self.clone(),
            Self::Text(_) | Self::Absent => Self::Absent,
        }
    }

    /// The value when it is this one or `other`, as `line` decides when it runs: known as far as both agree.
    pub(crate) fn or(self, other: Self, line: u64) -> Self {
        let differs = || Self::unknown(line, "one of several, chosen when it runs");
        match (self, other) {
            (one, two) if one == two => one,
            (unknown @ Self::Unknown(_), _) | (_, unknown @ Self::Unknown(_)) => unknown,
            (Self::Object(one), Self::Object(two)) => Self::Object(one.or(&two, line)),
            // Where an object may be missing, so may each of its members.
            (Self::Object(object), Self::Absent) | (Self::Absent, Self::Object(object)) => {
                Self::Object(object.or(&Object::new(line), line))
            }
            _ => differs(),
        }
    }

    /// Forgets what is at `path`, because something else in the script may change it.
    pub(crate) fn forget(&mut self, path: &[String], because: &Unknown) {
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

/// An object literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) line: u64,
    members: Vec<(String, Value)>,
    /// Set when members that cannot be told were mixed in, by a spread or a computed name.
    open: Option<Unknown>,
}

impl Object {
    pub(crate) fn new(line: u64) -> Self {
        Self {
            line,
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

    /// Mixes another value in, as `...value` does.
    pub(crate) fn spread(&mut self, value: Value, line: u64) {
        match value {
            Value::Object(other) => {
                if let Some(unknown) = other.open {
                    self.forget_all(&unknown);
                }
                for (name, value) in other.members {
                    self.set(name, value);
                }
            }
            Value::Absent => {}
            Value::Text(_) => self.forget_all(&Unknown {
                line,
                why: "mixed with something that is no object".into(),
            }),
            Value::Unknown(unknown) => self.forget_all(&unknown),
        }
    }

    fn or(self, other: &Self, line: u64) -> Self {
        let open = self.open.clone().or_else(|| other.open.clone());
        let mut both = Self {
            line: self.line,
            members: Vec::new(),
            open,
        };
        for (name, value) in &self.members {
            both.set(name.clone(), value.clone().or(other.get(name), line));
        }
        for (name, value) in &other.members {
            if both.members.iter().all(|(known, _)| known != name) {
                both.set(name.clone(), self.get(name).or(value.clone(), line));
            }
        }
        both
    }

    /// Any member may be another one from here on.
    pub(crate) fn forget_all(&mut self, because: &Unknown) {
        self.members.clear();
        self.open = Some(because.clone());
    }
}
