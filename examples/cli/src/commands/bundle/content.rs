//! The folder to pack and the rules for excluding files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use capbundle::bundle::CheckOptions;

use crate::args::ContentArgs;
use crate::config::CapacitorConfig;
use crate::error::{Failure, Result};

/// Ignore rules of the project. The core reads a file of this name in the packed folder.
const IGNORE_FILE: &str = ".capbundleignore";

/// The project's config, read when the first value is not on the command line.
#[derive(Default)]
pub(in crate::commands) struct Project {
    is_read: bool,
    config: Option<CapacitorConfig>,
}

impl Project {
    pub(in crate::commands) fn config(&mut self) -> Result<Option<&CapacitorConfig>> {
        if !self.is_read {
            self.config = CapacitorConfig::here()?;
            self.is_read = true;
        }
        Ok(self.config.as_ref())
    }
}

/// The folder to pack: `--path`, else the config's `webDir`.
pub(super) fn folder(args: &ContentArgs, project: &mut Project) -> Result<PathBuf> {
    if let Some(path) = &args.path {
        return Ok(path.clone());
    }
    let Some(config) = project.config()? else {
        return Err(Failure::missing_argument(
            "no folder to pack: there is no capacitor.config in this folder; pass the folder with --path",
        ));
    };
    config.web_dir()?.map(PathBuf::from).ok_or_else(|| {
        Failure::missing_argument(format!(
            "no folder to pack: {} has no webDir; pass the folder with --path",
            config.path().display()
        ))
    })
}

/// The options for checking and excluding files.
pub(super) fn check_options(args: &ContentArgs, folder: &Path) -> Result<CheckOptions> {
    let mut ignore = project_rules(folder)?;
    ignore.extend_from_slice(&args.ignore);
    Ok(CheckOptions::default()
        .with_skip_code(args.no_code_check)
        .with_skip_notify_app_ready(args.ignore_notify_app_ready)
        .with_ignore(ignore)
        .with_allow_secrets(args.allow_secret.clone()))
}

/// The lines of the `.capbundleignore` in the current folder, unless that is the packed folder itself.
fn project_rules(folder: &Path) -> Result<Vec<String>> {
    let file = Path::new(IGNORE_FILE);
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::io("read", file, &error)),
    };
    if let (Ok(packed), Ok(here)) = (fs::canonicalize(folder), fs::canonicalize("."))
        && packed == here
    {
        return Ok(Vec::new());
    }
    Ok(text.trim_start_matches('\u{feff}').lines().map(str::to_owned).collect())
}
