//! The app id and the version of a bundle.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use capbundle::AppId;
use semver::Version;
use serde::Deserialize;

use super::content::Project;
use crate::error::{Failure, Result, Warning};
use crate::output::Output;

/// The app id of the argument or the config. It becomes part of a file name.
pub(in crate::commands) fn app_id(given: Option<&str>, project: &mut Project, otherwise: &str) -> Result<String> {
    let id = match given {
        Some(id) => id.to_owned(),
        None => match project.config()? {
            None => {
                return Err(Failure::usage(
                    "missing_app_id",
                    format!(
                        "no app id: there is no capacitor.config in this folder; pass the app id as the first \
                         argument{otherwise}"
                    ),
                ));
            }
            Some(config) => config.app_id()?.ok_or_else(|| {
                Failure::usage(
                    "missing_app_id",
                    format!(
                        "no app id: {} has no appId; pass the app id as the first argument",
                        config.path().display()
                    ),
                )
            })?,
        },
    };
    parse_app_id(&id)?;
    Ok(id)
}

/// Parses an app id.
pub(in crate::commands) fn parse_app_id(id: &str) -> Result<AppId> {
    id.parse()
        .map_err(|error: capbundle::Error| Failure::usage("invalid_app_id", error.to_string()))
}

/// Warns about an app id that Capgo's server and signed documents reject.
pub(in crate::commands) fn warn_of_app_id(app: &AppId, output: &Output) {
    if app.is_reverse_domain() {
        return;
    }
    let message = format!(
        "app id {app} is not a reverse domain name such as com.example.app: Capgo's server, releases and key rings reject it"
    );
    output.warn(&Warning::new("app_id_not_reverse_domain", message));
}

/// The version of `--bundle`, else of `plugins.CapacitorUpdater.version` in the config, else of the first
/// package.json that has one. This is Capgo's order.
///
/// Capgo generates a random version if a project has none. That would make two bundles of one commit, so here it is an
/// error.
pub(in crate::commands) fn version(
    given: Option<&str>,
    package_json: &[PathBuf],
    project: &mut Project,
    output: &Output,
) -> Result<Version> {
    if let Some(version) = given {
        return parse_version(version, "--bundle");
    }
    if let Some(config) = project.config()?
        && let Some(version) = config.updater_version("pass the version with --bundle")?
    {
        let origin = format!("plugins.CapacitorUpdater.version of {}", config.path().display());
        let version = parse_version(&version, &origin)?;
        output.say(format!(
            "Version {version} is from {origin}, which has precedence over package.json"
        ));
        return Ok(version);
    }
    package_version(package_json, output)
}

/// The version of the first package.json that has one.
pub(in crate::commands) fn package_version(package_json: &[PathBuf], output: &Output) -> Result<Version> {
    let default = [PathBuf::from("package.json")];
    let files = if package_json.is_empty() {
        &default[..]
    } else {
        package_json
    };
    for file in files {
        if let Some(version) = read_version(file, !package_json.is_empty())? {
            let version = parse_version(&version, &format!("version of {}", file.display()))?;
            if files.len() > 1 {
                output.say(format!("Version {version} is from {}", file.display()));
            }
            return Ok(version);
        }
    }
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    Err(Failure::missing_argument(format!(
        "no bundle version: {} has no version; pass it with --bundle, or select another file with --package-json",
        names.join(", ")
    )))
}

fn read_version(file: &Path, required: bool) -> Result<Option<String>> {
    #[derive(Deserialize)]
    struct Package {
        version: Option<String>,
    }
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !required => return Ok(None),
        Err(error) => return Err(Failure::io("read", file, &error)),
    };
    let package: Package = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| Failure::refused("invalid_package_json", format!("{}: {error}", file.display())))?;
    Ok(package.version)
}

pub(in crate::commands) fn parse_version(text: &str, origin: &str) -> Result<Version> {
    Version::parse(text).map_err(|error| {
        Failure::refused(
            "invalid_semver",
            format!("{origin}: {text:?} is not a version like 1.2.3 or 1.2.3-beta.1: {error}"),
        )
    })
}
