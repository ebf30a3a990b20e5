//! The installed bundles: `capbundle device list`, `delete`, `fail`, `failure`, `forget`, `clean` and `verify`.

use capbundle::ErrorKind;
use capbundle::store::{BundleRecord, KeepRules, Status};
use serde::Serialize;

use super::app::Device;
use super::documents::{self, BundleDocument, FailedDocument};
use crate::args::{CleanArgs, IdArgs};
use crate::commands::remote::table::table;
use crate::error::{Failure, ReportedFinding, Result, Warning};
use crate::output::{self, Output};

#[derive(Serialize)]
struct ListDocument {
    bundles: Vec<BundleDocument>,
}

pub(super) fn list(device: &Device<'_>, output: &Output) -> Result<()> {
    let store = device.store()?;
    let bundles = store.list()?;
    if bundles.is_empty() {
        output.report("No bundle is installed except the built-in one")?;
    } else {
        output.report_all(table(&rows(&bundles), &[1]))?;
    }
    output.document(&ListDocument {
        bundles: bundles
            .iter()
            .map(|(record, status)| BundleDocument::new(record, *status, &store.folder(&record.id)))
            .collect(),
    })
}

fn rows(bundles: &[(BundleRecord, Status)]) -> Vec<Vec<String>> {
    let row = |(record, status): &(BundleRecord, Status)| {
        vec![
            record.id.to_string(),
            record.version.clone(),
            status.as_str().to_owned(),
            output::bytes(record.unpacked_size),
            output::counted(record.files, "file"),
        ]
    };
    bundles.iter().map(row).collect()
}

#[derive(Serialize)]
struct DeletedDocument {
    deleted: String,
}

pub(super) fn delete(device: &Device<'_>, args: &IdArgs, output: &Output) -> Result<()> {
    let store = device.store()?;
    store.delete(&args.id)?;
    device.sweep(&store);
    output.say(format!("Deleted {}", args.id));
    output.document(&DeletedDocument {
        deleted: args.id.to_string(),
    })
}

#[derive(Serialize)]
struct MarkedDocument {
    failed: Vec<FailedDocument>,
}

pub(super) fn fail(device: &Device<'_>, args: &IdArgs, output: &Output) -> Result<()> {
    let store = device.store()?;
    store.mark_failed(&args.id)?;
    device.sweep(&store);
    output.say(format!(
        "{} is marked as failed and never installed again, until `device forget`",
        args.id
    ));
    let failed = store.failed()?;
    output.document(&MarkedDocument {
        failed: failed
            .iter()
            .filter(|failed| failed.id == args.id)
            .map(FailedDocument::from)
            .collect(),
    })
}

#[derive(Serialize)]
struct FailureDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailedDocument>,
}

pub(super) fn failure(device: &Device<'_>, output: &Output) -> Result<()> {
    let failure = device.store()?.take_failure()?;
    output.report(match &failure {
        Some(failed) => {
            let name = documents::named(&failed.id.clone().into(), Some(&failed.version));
            format!("{name} failed: {}", failed.cause.as_str())
        }
        None => "No unreported failure".to_owned(),
    })?;
    output.document(&FailureDocument {
        failure: failure.as_ref().map(FailedDocument::from),
    })
}

#[derive(Serialize)]
struct ForgottenDocument<'a> {
    version: &'a str,
    forgotten: usize,
}

pub(super) fn forget(device: &Device<'_>, version: &str, output: &Output) -> Result<()> {
    let forgotten = device.store()?.forget_failure(version)?;
    output.say(match forgotten {
        0 => format!("No bundle of version {version} is marked as failed"),
        _ => format!("Bundles of version {version} can be installed again"),
    });
    output.document(&ForgottenDocument { version, forgotten })
}

#[derive(Serialize)]
struct CleanedDocument {
    removed: Vec<RemovedDocument>,
    freed: u64,
}

#[derive(Serialize)]
struct RemovedDocument {
    id: String,
    version: String,
}

pub(super) fn clean(device: &Device<'_>, args: &CleanArgs, output: &Output) -> Result<()> {
    let rules = KeepRules::default()
        .with_newest(args.keep)
        .with_max_age(args.max_age)
        .with_max_total(args.max_size);
    let cleaned = device.store()?.clean(&rules)?;
    output.say(format!(
        "Removed {}, {}",
        output::counted(cleaned.removed.len() as u64, "bundle"),
        output::bytes(cleaned.freed)
    ));
    let removed = cleaned.removed.iter().map(|record| RemovedDocument {
        id: record.id.to_string(),
        version: record.version.clone(),
    });
    output.document(&CleanedDocument {
        removed: removed.collect(),
        freed: cleaned.freed,
    })
}

#[derive(Serialize)]
struct VerifiedDocument {
    bundle: String,
    files: u64,
    verified: bool,
}

pub(super) fn verify(device: &Device<'_>, args: &IdArgs, output: &Output) -> Result<()> {
    let store = device.store()?;
    let bar = output.progress();
    let damages = store.verify_bundle(&args.id, &bar.control())?;
    drop(bar);
    let files = store.get(&args.id)?.files;
    let Some(first) = damages.first() else {
        output.say(format!(
            "{}: {} unchanged since the installation",
            args.id,
            output::counted(files, "file")
        ));
        return output.document(&VerifiedDocument {
            bundle: args.id.to_string(),
            files,
            verified: true,
        });
    };
    let count = output::counted(damages.len() as u64, "file");
    let message = format!(
        "bundle {}: {count} of {files} changed since the installation: {}: {}",
        args.id, first.path, first.problem
    );
    let findings = damages.iter().map(|damage| {
        let mut text = Warning::new("damaged", damage.problem.clone());
        text.path = Some(damage.path.clone());
        ReportedFinding::error(text)
    });
    Err(Failure::found(ErrorKind::Corrupt.as_str(), message, findings.collect()))
}
