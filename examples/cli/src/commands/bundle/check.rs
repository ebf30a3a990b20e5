//! `capbundle bundle check`

use capbundle::bundle;
use serde::Serialize;

use super::content::{self, Project};
use crate::args::CheckArgs;
use crate::error::{Failure, Result, Subject, Warning};
use crate::output::{self, Output};

#[derive(Serialize)]
struct Document {
    path: String,
    warnings: Vec<Warning>,
}

pub(crate) fn run(args: &CheckArgs, output: &Output) -> Result<()> {
    let folder = content::folder(&args.content, &mut Project::default())?;
    let options = content::check_options(&args.content, &folder)?;
    let bar = output.progress();
    let findings = bundle::check(&folder, &options, &bar.control())?;
    drop(bar);
    let warnings: Vec<Warning> = findings
        .iter()
        .filter(|finding| !finding.is_error())
        .map(Warning::from)
        .collect();
    if warnings.len() < findings.len() {
        return Err(Failure::about(
            Subject::Other,
            &capbundle::Error::CheckFailed { folder, findings },
        ));
    }
    output.warn_all(&warnings);
    output.say(format!(
        "{}: ready to pack, {}",
        folder.display(),
        output::counted(warnings.len() as u64, "warning")
    ));
    output.document(&Document {
        path: folder.display().to_string(),
        warnings,
    })
}
