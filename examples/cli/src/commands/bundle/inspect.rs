//! `capbundle bundle inspect`

use std::cmp::Reverse;

use capbundle::Limits;
use capbundle::bundle::{self, EntrySummary, Inspection};
use capbundle::sealed;
use serde::Serialize;

use super::{require_zip, sealed_header};
use crate::args::InspectArgs;
use crate::commands::remote::table::{short_front, width};
use crate::error::{ReportedFinding, Result};
use crate::output::{self, Output};
use crate::printable;

/// A shorter part of a path is not useful.
const NARROWEST_PATH: usize = 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    filename: String,
    archive_size: u64,
    unpacked_size: u64,
    files: u64,
    folders: u64,
    flattened: Option<&'a str>,
    methods: &'a [Method],
    biggest: Vec<Entry<'a>>,
    findings: Vec<ReportedFinding>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    path: &'a str,
    size: u64,
    compressed_size: u64,
    method: &'a str,
}

/// All files of one compression method.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Method {
    #[serde(rename = "method")]
    name: &'static str,
    files: u64,
    size: u64,
    compressed_size: u64,
    /// Compressed size divided by unpacked size; 1 if the compression saved nothing.
    ratio: f64,
}

pub(crate) fn run(args: &InspectArgs, output: &Output) -> Result<()> {
    require_zip(&args.zip)?;
    if sealed::is_sealed(&args.zip)? {
        return sealed_header::show(&args.zip, output);
    }
    let inspection = bundle::inspect(&args.zip, &Limits::default())?;
    let methods = methods(&inspection.files);
    let mut biggest: Vec<&EntrySummary> = inspection.files.iter().collect();
    biggest.sort_by_key(|file| (Reverse(file.compressed_size), &file.path));
    biggest.truncate(args.top);

    output.report_all(overview(args, &inspection, &methods))?;
    output.report("")?;
    output.report_all(table(&biggest))?;
    let findings: Vec<ReportedFinding> = inspection.findings.iter().map(ReportedFinding::from).collect();
    output.findings(&findings);
    output.document(&Document {
        filename: args.zip.display().to_string(),
        archive_size: inspection.archive_size,
        unpacked_size: inspection.unpacked_size,
        files: inspection.files.len() as u64,
        folders: inspection.folders,
        flattened: inspection.flattened.as_deref(),
        methods: &methods,
        biggest: biggest.into_iter().map(Entry::from).collect(),
        findings,
    })
}

impl<'a> From<&'a EntrySummary> for Entry<'a> {
    fn from(file: &'a EntrySummary) -> Self {
        Self {
            path: &file.path,
            size: file.size,
            compressed_size: file.compressed_size,
            method: file.method,
        }
    }
}

fn methods(files: &[EntrySummary]) -> Vec<Method> {
    let mut methods: Vec<Method> = Vec::new();
    for file in files {
        let at = methods
            .iter()
            .position(|known| known.name == file.method)
            .unwrap_or_else(|| {
                methods.push(Method {
                    name: file.method,
                    files: 0,
                    size: 0,
                    compressed_size: 0,
                    ratio: 1.0,
                });
                methods.len() - 1
            });
        methods[at].files += 1;
        methods[at].size = methods[at].size.saturating_add(file.size);
        methods[at].compressed_size = methods[at].compressed_size.saturating_add(file.compressed_size);
    }
    for method in &mut methods {
        method.ratio = ratio(method.compressed_size, method.size);
    }
    methods.sort_by_key(|method| method.name);
    methods
}

/// Rounded to three digits, so that documents are easy to compare.
#[allow(clippy::cast_precision_loss, reason = "three digits are kept")]
fn ratio(compressed: u64, size: u64) -> f64 {
    if size == 0 {
        1.0
    } else {
        (compressed as f64 / size as f64 * 1000.0).round() / 1000.0
    }
}

fn overview(args: &InspectArgs, inspection: &Inspection, methods: &[Method]) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: {} in {}, {} unpacked, {} packed",
        args.zip.display(),
        output::counted(inspection.files.len() as u64, "file"),
        output::counted(inspection.folders, "folder"),
        output::bytes(inspection.unpacked_size),
        output::bytes(inspection.archive_size),
    )];
    for method in methods {
        lines.push(format!(
            "  {:<8} {:>12}  {:>10} -> {:>10}  {:>5.1} %",
            method.name,
            output::counted(method.files, "file"),
            output::bytes(method.size),
            output::bytes(method.compressed_size),
            method.ratio * 100.0,
        ));
    }
    if let Some(top) = &inspection.flattened {
        lines.push(format!("  unpacking removes the only top-level folder, {top}"));
    }
    lines
}

fn table(files: &[&EntrySummary]) -> Vec<String> {
    let mut lines = vec![format!("{:>10}  {:>10}  {:<8} path", "packed", "unpacked", "method")];
    lines.extend(files.iter().map(|file| {
        let (packed, unpacked) = (output::bytes(file.compressed_size), output::bytes(file.size));
        let start = format!("{packed:>10}  {unpacked:>10}  {:<8} ", file.method);
        let path = printable::line(&file.path);
        // The end of a path identifies the file.
        let room = width().saturating_sub(start.chars().count()).max(NARROWEST_PATH);
        format!("{start}{}", short_front(&path, room))
    }));
    lines
}
