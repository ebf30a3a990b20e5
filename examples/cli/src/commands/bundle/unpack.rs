//! `capbundle bundle unpack`

use capbundle::VerifiedArchive;
use capbundle::bundle::{self, UnpackOptions};
use serde::Serialize;

use super::require_zip;
use crate::args::UnpackArgs;
use crate::error::{About, Result, Subject, Warning};
use crate::output::{self, Output};

#[derive(Serialize)]
struct Document {
    folder: String,
    checksum: String,
    verified: bool,
    files: u64,
    folders: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    flattened: Option<String>,
    warnings: Vec<Warning>,
}

pub(crate) fn run(args: &UnpackArgs, output: &Output) -> Result<()> {
    require_zip(&args.zip)?;
    let expected = args
        .checksum
        .as_deref()
        .map(|text| text.parse().about(Subject::Checksum))
        .transpose()?;
    let bar = output.progress();
    let mut warnings = Vec::new();
    let archive = if let Some(expected) = &expected {
        VerifiedArchive::from_digest(&args.zip, expected, &bar.control()).about(Subject::Archive)?
    } else {
        let warning = Warning::new("unverified", "the zip is not verified: pass --checksum to verify it");
        output.warn(&warning);
        warnings.push(warning);
        VerifiedArchive::assume_trusted(&args.zip, &bar.control()).about(Subject::Archive)?
    };
    let unpacked = bundle::unpack(&archive, &args.to, &UnpackOptions::default(), &bar.control())?;
    drop(bar);
    if let Some(top) = &unpacked.flattened {
        output.say(format!("Removed the only top-level folder, {top}, as devices do"));
    }
    output.say(format!(
        "Unpacked {} ({}) into {}",
        output::counted(unpacked.files, "file"),
        output::bytes(unpacked.bytes),
        args.to.display()
    ));
    output.document(&Document {
        folder: args.to.display().to_string(),
        checksum: archive.digest().to_string(),
        verified: expected.is_some(),
        files: unpacked.files,
        folders: unpacked.folders,
        bytes: unpacked.bytes,
        flattened: unpacked.flattened,
        warnings,
    })
}
