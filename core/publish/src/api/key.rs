//! The API key and its sources.

use std::env;
use std::fmt;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{Error, IoContext, Result};
use capbundle::io::regular_file;

/// The variable that Capgo's command reads first.
const VARIABLE: &str = "CAPGO_TOKEN";
/// The file that `capgo login` writes, in the home folder or, with `--local`, where it is run.
const FILE: &str = ".capgo";
/// Longer than any API key.
const MAX_LENGTH: u64 = 4 << 10;

/// A key of the Bundles API. Never printed, and wiped from memory when dropped.
#[derive(Clone)]
pub struct ApiKey {
    key: Zeroizing<String>,
    origin: String,
}

impl ApiKey {
    /// This key, without surrounding whitespace.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for an empty or non-ASCII key, or one with spaces.
    pub fn new(key: impl Into<String>) -> Result<Self> {
        Self::from(&Zeroizing::new(key.into()), "given".to_owned())
    }

    /// The `given` key, otherwise the variable `CAPGO_TOKEN`, the file `.capgo` in the home folder, or the file `.capgo` in `folder`,
    /// in the order of Capgo's command. Empty variables and files are ignored.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) as for [`ApiKey::new`]; [`Io`](capbundle::ErrorKind::Io) if an existing
    /// file cannot be read.
    pub fn find(given: Option<String>, folder: &Path) -> Result<Option<Self>> {
        if let Some(given) = given {
            return Self::new(given).map(Some);
        }
        let variable = match env::var(VARIABLE) {
            Ok(value) => Some(value),
            Err(env::VarError::NotPresent) => None,
            Err(env::VarError::NotUnicode(_)) => return Err(no_key(VARIABLE, "the value is not valid Unicode")),
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

    /// Its source, for messages: a variable, a path, or that it was given.
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
            return Err(no_key(&origin, "the key is empty"));
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
            return Err(no_key(&path.display().to_string(), "the value is not valid Unicode"));
        }
        length => length.with_path("read", path)?,
    };
    if length as u64 > MAX_LENGTH {
        return Err(no_key(
            &path.display().to_string(),
            "the file is too long for an API key",
        ));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests;
