//! Packs an archive for devices, or checks an existing one.

use std::path::Path;

use capbundle::Limits;
use capbundle::bundle::{self, Excluded, PackOptions};

use super::content::{self, Project};
use super::require_zip;
use crate::args::ContentArgs;
use crate::error::{About, Failure, Result, Subject, Warning};
use crate::output::{self, Output};

/// Packs the folder selected by the options into the file `to`.
pub(in crate::commands) fn packed(
    args: &ContentArgs,
    project: &mut Project,
    to: &Path,
    output: &Output,
) -> Result<Vec<Warning>> {
    let folder = content::folder(args, project)?;
    let options = PackOptions::default().with_check(content::check_options(args, &folder)?);
    let bar = output.progress();
    let packed = bundle::pack(&folder, to, &options, &bar.control())?;
    drop(bar);
    let path_and_rule = |one: &Excluded| (one.path.clone(), one.rule.clone());
    let excluded: Vec<(String, String)> = packed.excluded.iter().map(path_and_rule).collect();
    output.excluded(excluded.iter().map(|(path, rule)| (path.as_str(), rule.as_str())));
    output.say(format!(
        "Packed {} from {} ({}, of {})",
        output::counted(packed.files, "file"),
        folder.display(),
        output::bytes(packed.size),
        output::bytes(packed.unpacked_size),
    ));
    Ok(packed.findings.iter().map(Warning::from).collect())
}

/// Checks that devices can unpack an existing plain archive.
pub(in crate::commands) fn checked(zip: &Path) -> Result<Vec<Warning>> {
    require_zip(zip)?;
    let inspection = bundle::inspect(zip, &Limits::default()).about(Subject::Archive)?;
    if let Some(error) = inspection.findings.iter().find(|finding| finding.is_error()) {
        return Err(Failure::refused(
            error.code.as_str(),
            format!("{}: devices reject the archive: {error}", zip.display()),
        ));
    }
    Ok(inspection.findings.iter().map(Warning::from).collect())
}
