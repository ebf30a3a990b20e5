//! `capbundle bundle inspect` of a sealed archive: its header, which is readable without a key.

use std::fs;
use std::path::Path;

use capbundle::sealed;
use serde::Serialize;

use crate::error::{About, Failure, Result, Subject, Warning};
use crate::output::{self, Output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    filename: String,
    archive_size: u64,
    /// The size according to the header; differs from `archive_size` if the file was truncated.
    sealed_size: u64,
    plain_size: u64,
    header_sha256: String,
    segment_size: u32,
    segments: u64,
    recipients: Vec<String>,
    warnings: Vec<Warning>,
}

pub(super) fn show(path: &Path, output: &Output) -> Result<()> {
    let header = sealed::read_header(path).about(Subject::Archive)?;
    let found = fs::metadata(path)
        .map_err(|error| Failure::io("read the size of", path, &error))?
        .len();
    let recipients: Vec<String> = header.recipients().map(|id| id.to_string()).collect();
    output.report_all([
        format!(
            "{}: sealed, {} in {}, {} plain",
            path.display(),
            output::bytes(found),
            output::counted(header.segments(), "segment"),
            output::bytes(header.plain_size()),
        ),
        format!("  header SHA-256  {}", header.digest()),
    ])?;
    output.report_all(recipients.iter().map(|id| format!("  for content key {id}")))?;
    let mut warnings = Vec::new();
    if found != header.sealed_size() {
        let problem = format!(
            "expected {} bytes according to the header, found {found}",
            header.sealed_size()
        );
        warnings.push(Warning::new("wrong_size", problem));
    }
    output.warn_all(&warnings);
    output.document(&Document {
        filename: path.display().to_string(),
        archive_size: found,
        sealed_size: header.sealed_size(),
        plain_size: header.plain_size(),
        header_sha256: header.digest().to_string(),
        segment_size: header.segment_size(),
        segments: header.segments(),
        recipients,
        warnings,
    })
}
