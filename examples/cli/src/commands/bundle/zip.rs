//! `capbundle bundle zip`

use std::fs;
use std::path::{Path, PathBuf};

use capbundle::bundle::{self, PackOptions};
use serde::Serialize;

use super::content::{self, Project};
use super::{folder_of, identity, say_if_replaced};
use crate::args::ZipArgs;
use crate::error::{Failure, Result, Warning};
use crate::output::{self, Output};

/// Capgo's members first, then ours.
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
    let version = identity::version(args.bundle.as_deref(), &args.package_json, &mut project, output)?;
    let folder = content::folder(&args.content, &mut project)?;
    let to = if let Some(name) = &args.name {
        name.clone()
    } else {
        let otherwise = ", or a file with --name";
        let id = identity::app_id(args.app_id.as_deref(), &mut project, otherwise)?;
        identity::warn_of_app_id(&identity::parse_app_id(&id)?, output);
        PathBuf::from(format!("{id}_{version}.zip"))
    };
    refuse_inside(&folder, &to)?;

    let options = PackOptions::default()
        .with_check(content::check_options(&args.content, &folder)?)
        .with_threads(args.threads);
    let existed = to.exists();
    let bar = output.progress();
    let packed = bundle::pack(&folder, &to, &options, &bar.control())?;
    drop(bar);

    let mut warnings: Vec<Warning> = packed.findings.iter().map(Warning::from).collect();
    if args.crc32 {
        let problem = "the checksum is a CRC-32, which detects accidental changes but not attacks and cannot be used for encryption";
        warnings.push(Warning::new("crc32", problem));
    }
    output.warn_all(&warnings);
    output.excluded(packed.excluded.iter().map(|one| (one.path.as_str(), one.rule.as_str())));
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

/// Fails if the archive would be inside the packed folder, where the next run would pack it.
fn refuse_inside(folder: &Path, to: &Path) -> Result<()> {
    let (Ok(folder), Ok(target)) = (fs::canonicalize(folder), fs::canonicalize(folder_of(to))) else {
        // One of them does not exist; packing reports which.
        return Ok(());
    };
    if target.starts_with(&folder) {
        return Err(Failure::refused(
            "invalid_input",
            format!(
                "{}: the zip must not be inside the packed folder, because the next run would pack it; choose another \
                path with --name",
                to.display()
            ),
        ));
    }
    Ok(())
}
