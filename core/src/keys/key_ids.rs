//! The ids of a set of public keys.

use std::fmt;
use std::iter;

use super::id::KeyId;
use super::signing::VerifyingKey;
use super::verifying_keys::{MAX_KEYS, VerifyingKeys};

/// The ids of one to four public keys, in the order of the keys. Printed with commas between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyIds {
    first: KeyId,
    others: [Option<KeyId>; MAX_KEYS - 1],
}

impl KeyIds {
    /// Each id, in order.
    pub fn iter(&self) -> impl Iterator<Item = &KeyId> {
        iter::once(&self.first).chain(self.others.iter().flatten())
    }

    /// Whether one of the ids is this one.
    #[must_use]
    pub fn contains(&self, id: &KeyId) -> bool {
        self.iter().any(|own| own == id)
    }

    /// For messages: `the key 12ab…`, or `one of the 2 keys 12ab…, 34cd…`.
    pub(crate) fn in_words(&self) -> String {
        match self.iter().count() {
            1 => format!("the key {self}"),
            count => format!("one of the {count} keys {self}"),
        }
    }
}

impl VerifyingKeys {
    /// The id of each key, in order.
    #[must_use]
    pub fn ids(&self) -> KeyIds {
        self.into()
    }
}

impl From<KeyId> for KeyIds {
    fn from(first: KeyId) -> Self {
        let others = [None; MAX_KEYS - 1];
        Self { first, others }
    }
}

impl From<&VerifyingKey> for KeyIds {
    fn from(key: &VerifyingKey) -> Self {
        key.id().into()
    }
}

impl From<&VerifyingKeys> for KeyIds {
    fn from(keys: &VerifyingKeys) -> Self {
        let mut ids = Self::from(keys.first());
        for (id, key) in ids.others.iter_mut().zip(keys.iter().skip(1)) {
            *id = Some(key.id());
        }
        ids
    }
}

impl fmt::Display for KeyIds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.first)?;
        let mut others = self.others.iter().flatten();
        others.try_for_each(|id| write!(formatter, ", {id}"))
    }
}
