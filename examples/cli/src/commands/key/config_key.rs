//! Sets the public key of the app: `plugins.CapacitorUpdater.publicKey` in `capacitor.config`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::config::{self, CapacitorConfig, Change};
use crate::error::{Failure, Result, Warning};
use crate::output::Output;

/// The planned change of the config, made before any file is written.
pub(super) enum Installation {
    /// The file is JSON and gets this text.
    Edit { config: PathBuf, change: Change },
    /// The file is a program: the user pastes these lines.
    Paste { config: Option<PathBuf>, lines: String },
}

impl Installation {
    /// Plans to put `pem` into the given config, else into that of the current folder.
    ///
    /// Without a config, the plan has the lines to paste.
    pub(super) fn plan(named: Option<&Path>, pem: &str) -> Result<Self> {
        let config = match named {
            Some(path) => Some(path.to_owned()),
            None => CapacitorConfig::find(Path::new("")),
        };
        let Some(config) = config else {
            return Ok(Self::Paste {
                config: None,
                lines: lines_to_paste(pem),
            });
        };
        let text = config::read_text(&config)?;
        if config::is_script(&config) {
            return Ok(Self::Paste {
                config: Some(config),
                lines: lines_to_paste(pem),
            });
        }
        let change = config::with_public_key(&config, &text, pem)?;
        Ok(Self::Edit { config, change })
    }

    /// Executes the plan.
    pub(super) fn carry_out(&self) -> Result<()> {
        match self {
            Self::Edit { config, change } => replace_text(config, &change.text),
            Self::Paste { .. } => Ok(()),
        }
    }

    /// Prints what was done or is left to do; returns the warnings for the document.
    pub(super) fn report(&self, output: &Output) -> Vec<Warning> {
        let mut warnings = Vec::new();
        match self {
            Self::Edit { config, change } => {
                let config = config.display();
                output.say(format!("Set plugins.CapacitorUpdater.publicKey in {config}"));
                if change.replaced {
                    warnings.push(Warning::new(
                        "public_key_replaced",
                        format!("replaced a different public key in {config}; apps built with that key reject bundles signed with the new one"),
                    ));
                }
                if change.removed_private_key {
                    warnings.push(Warning::new(
                        "private_key_removed",
                        format!(
                            "removed a private key of Capgo's old encryption from {config}; every app built with that config \
                            contains the key"
                        ),
                    ));
                }
            }
            Self::Paste {
                config: Some(config),
                lines,
            } => {
                let config = config.display();
                output.say(format!(
                    "{config} is a program and was not edited; add these lines to it:"
                ));
                output.say_lines(lines);
                warnings.push(Warning::new(
                    "config_not_edited",
                    format!("{config} is a program: add the key yourself"),
                ));
            }
            Self::Paste { config: None, lines } => {
                output.say("There is no capacitor.config in this folder; add these lines to that of the app:");
                output.say_lines(lines);
                warnings.push(Warning::new(
                    "config_not_found",
                    "no capacitor.config in this folder: add the key yourself",
                ));
            }
        }
        output.warn_all(&warnings);
        warnings
    }

    pub(super) fn config(&self) -> Option<String> {
        let config = match self {
            Self::Edit { config, .. } => Some(config),
            Self::Paste { config, .. } => config.as_ref(),
        };
        config.map(|path| path.display().to_string())
    }

    /// The lines that the user has to paste.
    pub(super) fn paste(&self) -> Option<&str> {
        match self {
            Self::Edit { .. } => None,
            Self::Paste { lines, .. } => Some(lines),
        }
    }
}

pub(in crate::commands) fn lines_to_paste(pem: &str) -> String {
    let one_line = pem.replace('\n', "\\n");
    format!("  plugins: {{\n    CapacitorUpdater: {{\n      publicKey: '{one_line}',\n    }},\n  }},")
}

/// Replaces the text of `path` atomically, keeping symlinks and permissions.
fn replace_text(path: &Path, text: &str) -> Result<()> {
    let failed = |operation: &'static str| move |error: std::io::Error| Failure::io(operation, path, &error);
    let target = fs::canonicalize(path).map_err(failed("open"))?;
    let permissions = fs::metadata(&target).map_err(failed("open"))?.permissions();
    let folder = target.parent().unwrap_or(Path::new("/"));
    let mut file = NamedTempFile::new_in(folder).map_err(failed("write"))?;
    file.write_all(text.as_bytes()).map_err(failed("write"))?;
    file.as_file().set_permissions(permissions).map_err(failed("write"))?;
    file.as_file().sync_all().map_err(failed("write"))?;
    file.persist(&target)
        .map_err(|error| Failure::io("write", path, &error.error))?;
    Ok(())
}
