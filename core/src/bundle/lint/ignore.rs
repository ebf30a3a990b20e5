//! Which files of a folder a project leaves out: gitignore syntax, in a file of the folder or given by the caller.

use std::path::Path;

use crate::error::Result;

/// Ignore rules of a project, in gitignore syntax, at the root of the folder that is packed.
pub(in crate::bundle) const IGNORE_FILE: &str = ".capbundleignore";

/// The folder's own ignore file first, then the rules of the caller, which win where they disagree.
#[cfg(feature = "ignore-rules")]
pub(in crate::bundle) struct IgnoreRules(ignore::gitignore::Gitignore);

#[cfg(feature = "ignore-rules")]
impl IgnoreRules {
    pub(in crate::bundle) fn read(folder: &Path, rules: &[String]) -> Result<Self> {
        use crate::error::Error;

        let mut builder = ignore::gitignore::GitignoreBuilder::new("");
        let file = folder.join(IGNORE_FILE);
        let bad_rule =
            |origin: String, error: &ignore::Error| Error::invalid_input(origin, format!("bad ignore rule: {error}"));
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                // Editors on Windows put a byte order mark in front, which would become part of the first rule.
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

    /// The rule that excludes a path, in the words of its author.
    pub(in crate::bundle) fn excluding(&self, path: &Path, is_folder: bool) -> Option<String> {
        match self.0.matched(path, is_folder) {
            ignore::Match::Ignore(glob) => Some(glob.original().to_owned()),
            ignore::Match::Whitelist(_) | ignore::Match::None => None,
        }
    }
}

/// A device library is without them: the matcher of such rules is as large as half of all the rest.
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
            problem: "this build of the library is without them".to_owned(),
        })
    }

    #[allow(clippy::unused_self, reason = "the form of those that have rules")]
    pub(in crate::bundle) fn excluding(&self, _path: &Path, _is_folder: bool) -> Option<String> {
        None
    }
}
