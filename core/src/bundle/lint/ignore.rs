//! Ignore rules in gitignore syntax, from a file in the folder and from the caller.

use std::path::Path;

use crate::error::Result;

/// The file with ignore rules at the root of the packed folder.
pub(in crate::bundle) const IGNORE_FILE: &str = ".capbundleignore";

/// The rules of the folder's ignore file, then those of the caller, which take precedence.
#[cfg(feature = "ignore-rules")]
pub(in crate::bundle) struct IgnoreRules(ignore::gitignore::Gitignore);

#[cfg(feature = "ignore-rules")]
impl IgnoreRules {
    pub(in crate::bundle) fn read(folder: &Path, rules: &[String]) -> Result<Self> {
        use crate::error::Error;

        let mut builder = ignore::gitignore::GitignoreBuilder::new("");
        let file = folder.join(IGNORE_FILE);
        let bad_rule = |origin: String, error: &ignore::Error| {
            Error::invalid_input(origin, format!("invalid ignore rule: {error}"))
        };
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                // Editors on Windows add a byte order mark, which would become part of the first rule.
                for line in text.trim_start_matches('\u{feff}').lines() {
                    builder
                        .add_line(None, line)
                        .map_err(|error| bad_rule(file.display().to_string(), &error))?;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("read", &file, error)),
        }
        for line in rules {
            builder
                .add_line(None, line)
                .map_err(|error| bad_rule(format!("ignore rule {line:?}"), &error))?;
        }
        builder
            .build()
            .map(Self)
            .map_err(|error| bad_rule("ignore rules".to_owned(), &error))
    }

    /// The rule that excludes a path, as written.
    pub(in crate::bundle) fn excluding(&self, path: &Path, is_folder: bool) -> Option<String> {
        match self.0.matched(path, is_folder) {
            ignore::Match::Ignore(glob) => Some(glob.original().to_owned()),
            ignore::Match::Whitelist(_) | ignore::Match::None => None,
        }
    }
}

/// Without the feature, which device libraries leave out because of the size of the matcher.
#[cfg(not(feature = "ignore-rules"))]
pub(in crate::bundle) struct IgnoreRules;

#[cfg(not(feature = "ignore-rules"))]
impl IgnoreRules {
    pub(in crate::bundle) fn read(folder: &Path, rules: &[String]) -> Result<Self> {
        use crate::error::{Error, IoContext};

        let file = folder.join(IGNORE_FILE);
        if rules.is_empty() && !file.try_exists().with_path("look for", &file)? {
            return Ok(Self);
        }
        Err(Error::Unsupported {
            what: "ignore rules".to_owned(),
            problem: "not included in this build of the library".to_owned(),
        })
    }

    #[allow(clippy::unused_self, reason = "the same signature as with the feature")]
    pub(in crate::bundle) fn excluding(&self, _path: &Path, _is_folder: bool) -> Option<String> {
        None
    }
}
