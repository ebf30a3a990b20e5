//! Who asks.

use std::fmt;

use zeroize::Zeroizing;

use super::Settings;
use crate::error::{Error, Result};

/// An access key, its secret and, for temporary ones, the session token. Wiped from memory when dropped; never printed but for
/// the access key, which is no secret.
#[derive(Clone)]
pub struct Credentials {
    key: String,
    secret: Zeroizing<String>,
    token: Option<Zeroizing<String>>,
}

impl Credentials {
    /// Credentials from their parts. Blanks around them are cut off, as they come with copying.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if one is empty, holds a blank or control character, or is no ASCII.
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
            let problem = "it holds a slash, which only secrets do: are key and secret the other way round?";
            return Err(Error::invalid_input("the access key", problem));
        }
        Ok(found)
    }

    /// Those of the environment or of a profile; see [`Settings::find`].
    ///
    /// # Errors
    /// As [`Settings::find`], and [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if there are none.
    pub fn find(profile: Option<&str>) -> Result<Self> {
        Settings::find(profile)?.into_credentials()
    }

    /// The access key, which is no secret.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether they are temporary ones, with a session token.
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
        return Err(Error::invalid_input(what, "it is empty"));
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        let problem = "it holds a blank, a line break or a letter that is not ASCII: it was not copied right";
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
