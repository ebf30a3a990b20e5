//! The key of the API, and where it is kept.

use std::env;
use std::fmt;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{Error, IoContext, Result};
use capbundle::io::regular_file;

/// Where Capgo's command looks first.
const VARIABLE: &str = "CAPGO_TOKEN";
/// The file that `capgo login` writes, in the home folder or, with `--local`, where it is run.
const FILE: &str = ".capgo";
/// Longer than any key.
const MAX_LENGTH: u64 = 4 << 10;

/// A key of the Bundles API. Never printed, and wiped when it is dropped.
#[derive(Clone)]
pub struct ApiKey {
    key: Zeroizing<String>,
    origin: String,
}

impl ApiKey {
    /// This key; spaces around it do not count.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for what cannot be one: nothing, several words, other than ASCII.
    pub fn new(key: impl Into<String>) -> Result<Self> {
        Self::from(&Zeroizing::new(key.into()), "the API key that was given".to_owned())
    }

    /// The key that was `given`; else that of the variable `CAPGO_TOKEN`; else of the file `.capgo` in the home folder; else
    /// of the file `.capgo` in `folder`. The order is that of Capgo's command. A variable or file that is empty does not
    /// count.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) as of [`ApiKey::new`]; [`Io`](capbundle::ErrorKind::Io) if a file is
    /// there and cannot be read.
    pub fn find(given: Option<String>, folder: &Path) -> Result<Option<Self>> {
        if let Some(given) = given {
            return Self::new(given).map(Some);
        }
        let variable = match env::var(VARIABLE) {
            Ok(value) => Some(value),
            Err(env::VarError::NotPresent) => None,
            Err(env::VarError::NotUnicode(_)) => return Err(no_key(VARIABLE, "it is no text")),
        };
        Self::find_in(variable, env::home_dir().as_deref(), folder)
    }

    fn find_in(variable: Option<String>, home: Option<&Path>, folder: &Path) -> Result<Option<Self>> {
        if let Some(value) = variable.map(Zeroizing::new).filter(|value| !value.trim().is_empty()) {
            return Self::from(&value, VARIABLE.to_owned()).map(Some);
        }
        for folder in home.into_iter().chain([folder]) {
            let path = folder.join(FILE);
            if let Some(text) = read_if_there(&path)?.filter(|text| !text.trim().is_empty()) {
                return Self::from(&text, path.display().to_string()).map(Some);
            }
        }
        Ok(None)
    }

    /// Where it came from, for messages: a variable, a path, or that it was given.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn secret(&self) -> &str {
        &self.key
    }

    fn from(text: &Zeroizing<String>, origin: String) -> Result<Self> {
        let key = text.trim();
        if key.is_empty() {
            return Err(no_key(&origin, "it is empty"));
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(no_key(
                &origin,
                "expected one word of ASCII characters, found something else",
            ));
        }
        let key = Zeroizing::new(key.to_owned());
        Ok(Self { key, origin })
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ApiKey(from {})", self.origin)
    }
}

fn no_key(origin: &str, problem: &str) -> Error {
    Error::invalid_input(format!("API key ({origin})"), problem)
}

fn read_if_there(path: &Path) -> Result<Option<Zeroizing<String>>> {
    let file = match regular_file::open(path) {
        Err(capbundle::Error::NotFound { .. }) => return Ok(None),
        Err(capbundle::Error::Io { source, .. }) if source.kind() == ErrorKind::NotADirectory => return Ok(None),
        file => file?,
    };
    let mut text = Zeroizing::new(String::new());
    let read = file.take(MAX_LENGTH + 1).read_to_string(&mut text);
    let length = match read {
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            return Err(no_key(&path.display().to_string(), "it is no text"));
        }
        length => length.with_path("read", path)?,
    };
    if length as u64 > MAX_LENGTH {
        return Err(no_key(&path.display().to_string(), "it is longer than any key"));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests;
