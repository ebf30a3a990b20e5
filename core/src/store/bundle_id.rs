//! The names of bundles.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::{Error, Result};

/// Length of an id, the same as in Capgo's plugins, whose lists accept no other names.
const ID_LENGTH: usize = 10;
const ID_ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The id of an installed bundle on this device: ten letters and digits, chosen at random at installation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct BundleId(Box<str>);

impl BundleId {
    /// The id as a string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The error for an id that no installed bundle has.
    pub(super) fn unknown(&self) -> Error {
        Error::UnknownBundle { id: self.to_string() }
    }

    pub(crate) fn random() -> Result<Self> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(Error::random)?;
        let mut number = u64::from_le_bytes(bytes);
        let mut id = String::with_capacity(ID_LENGTH);
        for _ in 0..ID_LENGTH {
            let digit = number % ID_ALPHABET.len() as u64;
            number /= ID_ALPHABET.len() as u64;
            // The remainder is below 62, so the index is in bounds and the conversion cannot fail.
            id.push(char::from(ID_ALPHABET[usize::try_from(digit).unwrap_or(0)]));
        }
        Ok(Self(id.into_boxed_str()))
    }
}

impl FromStr for BundleId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() == ID_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(text.into()))
        } else {
            Err(Error::invalid_input(
                "bundle id",
                format!("expected {ID_LENGTH} letters and digits, found \"{text}\""),
            ))
        }
    }
}

impl From<BundleId> for String {
    fn from(id: BundleId) -> Self {
        id.0.into()
    }
}

impl fmt::Display for BundleId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A bundle that can be served: the one inside the native app, or an installed one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(into = "String")]
pub enum BundleRef {
    /// An installed bundle.
    Bundle(BundleId),
    /// The bundle inside the native app. It always exists.
    #[default]
    BuiltIn,
}

impl BundleRef {
    /// Capgo's name for the built-in bundle, as id and as version.
    pub const BUILT_IN: &'static str = "builtin";

    /// The installed bundle, if it is one.
    #[must_use]
    pub fn bundle(&self) -> Option<&BundleId> {
        match self {
            Self::Bundle(id) => Some(id),
            Self::BuiltIn => None,
        }
    }

    pub(super) fn is(&self, id: &BundleId) -> bool {
        self.bundle() == Some(id)
    }
}

impl From<BundleRef> for String {
    fn from(slot: BundleRef) -> Self {
        slot.to_string()
    }
}

impl FromStr for BundleRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == Self::BUILT_IN {
            Ok(Self::BuiltIn)
        } else {
            text.parse().map(Self::Bundle)
        }
    }
}

impl fmt::Display for BundleRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle(id) => id.fmt(formatter),
            Self::BuiltIn => formatter.write_str(Self::BUILT_IN),
        }
    }
}

impl From<BundleId> for BundleRef {
    fn from(id: BundleId) -> Self {
        Self::Bundle(id)
    }
}
