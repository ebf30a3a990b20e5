//! What objects are called.

use crate::error::{Error, Result};
use capbundle::digest::Sha256Digest;

/// Amazon's limit, in bytes of UTF-8.
const MAX_LENGTH: usize = 1024;
/// Whoever knows app and version cannot guess it, and the same bytes always get the same one.
const DEFAULT: &str = "{app}/{version}-{digest}.zip";
/// One file for each version of each app.
const FIXED: &str = "{app}/{version}.zip";

/// What goes into a key.
#[derive(Debug, Clone, Copy)]
pub struct KeyParts<'a> {
    /// The id of the app, such as `com.example.app`.
    pub app: &'a str,
    /// The version of the bundle.
    pub version: &'a str,
    /// The SHA-256 of the file, where it is known. A key that holds it cannot be guessed and never means another file.
    pub digest: Option<Sha256Digest>,
}

/// How the keys of bundles are made: `{app}`, `{version}` and `{digest}` stand for the parts of [`KeyParts`], anything else for
/// itself. The default is `{app}/{version}-{digest}.zip`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTemplate(String);

impl KeyTemplate {
    /// A template.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a placeholder that there is not, and for what could not be a key.
    pub fn new(template: &str) -> Result<Self> {
        let probe = KeyParts {
            app: "app",
            version: "1.0.0",
            digest: Some(Sha256Digest::from_bytes([0; 32])),
        };
        let template = Self(template.to_owned());
        template.key(&probe)?;
        Ok(template)
    }

    /// `{app}/{version}.zip`: for addresses that are known before the file is. Whoever knows app and version can guess it.
    #[must_use]
    pub fn fixed() -> Self {
        Self(FIXED.to_owned())
    }

    /// The same below a prefix, which is a folder with or without its last `/`; a first `/` is dropped, since keys have none.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn under(&self, prefix: &str) -> Result<Self> {
        match prefix.trim_matches('/') {
            "" => Ok(self.clone()),
            prefix => Self::new(&format!("{prefix}/{}", self.0)),
        }
    }

    /// The key of one bundle.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) where a part is missing, or is no single safe name.
    pub fn key(&self, parts: &KeyParts<'_>) -> Result<String> {
        let mut key = String::new();
        let mut rest = self.0.as_str();
        while let Some(start) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(start);
            key.push_str(before);
            let end = from.find('}').filter(|_| from.starts_with('{'));
            let Some(end) = end else {
                return Err(self.refuse("a brace has no partner"));
            };
            match &from[1..end] {
                "app" => key.push_str(self.part("app", parts.app)?),
                "version" => key.push_str(self.part("version", parts.version)?),
                "digest" => match parts.digest {
                    Some(digest) => key.push_str(&digest.to_string()),
                    None => return Err(self.refuse("the digest that {digest} stands for is not known")),
                },
                other => {
                    let problem = format!("{{{other}}} is none of {{app}}, {{version}} and {{digest}}");
                    return Err(self.refuse(&problem));
                }
            }
            rest = &from[end + 1..];
        }
        key.push_str(rest);
        check(&key)?;
        Ok(key)
    }

    /// A slash in a version would be another folder, and the same key for two bundles.
    fn part<'a>(&self, name: &str, value: &'a str) -> Result<&'a str> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
        if value.is_empty() || !value.bytes().all(allowed) {
            let problem = format!("{name} is {value:?}; in a key it may hold letters, digits and -_.+ only");
            return Err(self.refuse(&problem));
        }
        Ok(value)
    }

    fn refuse(&self, problem: &str) -> Error {
        Error::invalid_input(format!("S3 key template {:?}", self.0), problem)
    }
}

impl Default for KeyTemplate {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

/// Refuses what is no object's key, or one that web addresses cannot hold: `.` and `..` would be resolved away, on the way
/// to another object or bucket.
pub(super) fn check(key: &str) -> Result<()> {
    let refuse = |problem: &str| Err(Error::invalid_input("S3 key", format!("{key:?}: {problem}")));
    if key.is_empty() {
        return Err(Error::invalid_input("S3 key", "it is empty"));
    }
    if key.len() > MAX_LENGTH {
        let problem = format!("it has {} bytes; {MAX_LENGTH} are allowed", key.len());
        return Err(Error::invalid_input("S3 key", problem));
    }
    if key.chars().any(char::is_control) || key.contains('\\') {
        return refuse("it holds a control character or a backslash");
    }
    if key
        .split('/')
        .any(|name| name.is_empty() || name == "." || name == "..")
    {
        return refuse("it begins or ends with a slash, or has an empty name, . or .. between two");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
