//! `capbundle bundle zip`

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use capbundle::bundle::{self, PackOptions};
use semver::Version;
use serde::{Deserialize, Serialize};

use super::content::{self, Project};
use super::{folder_of, say_if_replaced};
use crate::args::ZipArgs;
use crate::codes::{Failure, Result, Warning};
use crate::output::{self, Output};

/// Capgo's fields first, ours behind.
#[derive(Serialize)]
struct Document<'a> {
    bundle: String,
    filename: String,
    checksum: String,
    size: u64,
    files: u64,
    warnings: Vec<Warning>,
    excluded: Vec<ExcludedDocument<'a>>,
}

#[derive(Serialize)]
struct ExcludedDocument<'a> {
    path: &'a str,
    rule: &'a str,
}

pub(crate) fn run(args: &ZipArgs, output: &Output) -> Result<()> {
    let mut project = Project::default();
    let version = version(args, output)?;
    let folder = content::folder(&args.content, &mut project)?;
    let to = match &args.name {
        Some(name) => name.clone(),
        None => PathBuf::from(format!("{}_{version}.zip", app_id(args, &mut project)?)),
    };
    refuse_inside(&folder, &to)?;

    let mut options = PackOptions::default();
    options.check = content::check_options(&args.content, &folder)?;
    options.threads = args.threads;
    let existed = to.exists();
    let bar = output.progress();
    let packed = bundle::pack(&folder, &to, &options, &bar.control())?;
    drop(bar);

    let mut warnings: Vec<Warning> = packed.findings.iter().map(Warning::from).collect();
    if args.crc32 {
        let problem = "the checksum is a CRC-32: it finds accidents and no attack, and cannot be used for encryption";
        warnings.push(Warning::new("crc32", problem));
    }
    output.warn_all(&warnings);
    output.left_out(packed.excluded.iter().map(|one| (one.path.as_str(), one.rule.as_str())));
    say_if_replaced(existed, &to, output);
    let checksum = if args.crc32 {
        packed.crc32.to_string()
    } else {
        packed.digest.to_string()
    };
    output.say(format!(
        "Packed {} from {} into {} ({}, of {})",
        output::counted(packed.files, "file"),
        folder.display(),
        to.display(),
        output::bytes(packed.size),
        output::bytes(packed.unpacked_size),
    ));
    output.say(format!("Version  {version}"));
    output.say(format!("Checksum {checksum}"));
    output.document(&Document {
        bundle: version.to_string(),
        filename: to.display().to_string(),
        checksum,
        size: packed.size,
        files: packed.files,
        warnings,
        excluded: packed
            .excluded
            .iter()
            .map(|one| ExcludedDocument {
                path: &one.path,
                rule: &one.rule,
            })
            .collect(),
    })
}

/// The app id of the argument or the config; it becomes part of a file name.
fn app_id(args: &ZipArgs, project: &mut Project) -> Result<String> {
    let id = match &args.app_id {
        Some(id) => id.clone(),
        None => match project.config()? {
            None => {
                return Err(Failure::usage(
                    "missing_app_id",
                    "no app id: there is no capacitor.config in this folder; pass the app id as the first argument, or \
                     a file with --name",
                ));
            }
            Some(config) => config.app_id()?.ok_or_else(|| {
                Failure::usage(
                    "missing_app_id",
                    format!(
                        "no app id: {} has no appId; pass it as the first argument",
                        config.path().display()
                    ),
                )
            })?,
        },
    };
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    if id.is_empty() || id.starts_with('.') || !id.chars().all(plain) {
        return Err(Failure::usage(
            "invalid_app_id",
            format!("app id {id:?}: expected letters, digits, dots, dashes and underscores, as in com.example.app"),
        ));
    }
    Ok(id)
}

/// The version of `--bundle`, else of the first package.json that has one.
///
/// Capgo makes up a random version when there is none. Two runs of one commit would then be two bundles, so here it
/// is an error.
fn version(args: &ZipArgs, output: &Output) -> Result<Version> {
    if let Some(version) = &args.bundle {
        return parse_version(version, "--bundle");
    }
    let default = [PathBuf::from("package.json")];
    let files = if args.package_json.is_empty() {
        &default[..]
    } else {
        &args.package_json
    };
    for file in files {
        if let Some(version) = read_version(file, !args.package_json.is_empty())? {
            let version = parse_version(&version, &format!("version of {}", file.display()))?;
            if files.len() > 1 {
                output.say(format!("Version {version} is that of {}", file.display()));
            }
            return Ok(version);
        }
    }
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    Err(Failure::missing_argument(format!(
        "no bundle version: {} gives none; pass it with --bundle, or name another file with --package-json",
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

fn parse_version(text: &str, origin: &str) -> Result<Version> {
    Version::parse(text).map_err(|error| {
        Failure::refused(
            "invalid_semver",
            format!("{origin}: {text:?} is not a version like 1.2.3 or 1.2.3-beta.1: {error}"),
        )
    })
}

/// An archive inside the folder it is made from would be packed by the next run.
fn refuse_inside(folder: &Path, to: &Path) -> Result<()> {
    let (Ok(folder), Ok(target)) = (fs::canonicalize(folder), fs::canonicalize(folder_of(to))) else {
        // One of them is not there; packing says which.
        return Ok(());
    };
    if target.starts_with(&folder) {
        return Err(Failure::refused(
            "invalid_input",
            format!(
                "{}: the zip would lie inside the folder it is made from, and be packed by the next run; choose another \
                 place with --name",
                to.display()
            ),
        ));
    }
    Ok(())
}
