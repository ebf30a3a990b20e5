//! Credentials of an S3 store.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// An access key, its secret and, for temporary ones, the session token. Wiped from memory when dropped. Only
/// the access key is printed, which is not a secret.
#[derive(Clone)]
pub struct Credentials {
    key: String,
    secret: Zeroizing<String>,
    token: Option<Zeroizing<String>>,
}

impl Credentials {
    /// Credentials from their parts. Surrounding whitespace is removed.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if one is empty, or contains whitespace, control characters or
    /// non-ASCII characters.
    pub fn new(key: &str, secret: &str, token: Option<&str>) -> Result<Self> {
        let wiped = |text: &str| Zeroizing::new(text.to_owned());
        let found = Self {
            key: check("the access key", key)?.to_owned(),
            secret: wiped(check("the secret of the access key", secret)?),
            token: token
                .map(|token| check("the session token", token).map(wiped))
                .transpose()?,
        };
        if found.key.contains('/') {
            let problem = "contains a slash, as only secrets do: are key and secret swapped?";
            return Err(Error::invalid_input("the access key", problem));
        }
        Ok(found)
    }

    /// The access key, which is not a secret.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether they are temporary, with a session token.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.as_str())
    }
}

fn check<'a>(what: &str, value: &'a str) -> Result<&'a str> {
    let value = value.trim();
    if value.is_empty() {
        return Err(Error::invalid_input(what, "the value is empty"));
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        let problem = "contains a space, a line break or a non-ASCII character: check that it was copied correctly";
        return Err(Error::invalid_input(what, problem));
    }
    Ok(value)
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
