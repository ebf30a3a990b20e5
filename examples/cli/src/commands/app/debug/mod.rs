//! `capbundle app debug`

mod device;
mod download;
mod explain;
mod native_project;
mod registered_channels;
mod update_request;

use capbundle::update::protocol::{UpdateOffer, UpdateRequest, UpdateResponse};
use serde::Serialize;

use crate::args::DebugArgs;
use crate::commands::server;
use crate::error::{Failure, ReportedFinding, Result, Warning};
use crate::output::{self, Output};
use device::Device;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    app_id: &'a str,
    update_url: String,
    request: &'a UpdateRequest,
    /// The source of the native version; a real device may have a different one.
    native_version_from: &'a str,
    /// `update`, `up_to_date` or `built_in`.
    answer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'static str>,
    warnings: &'a [Warning],
}

/// Prints messages and collects warnings.
pub(super) struct Notes<'a> {
    output: &'a Output,
    warnings: Vec<Warning>,
}

impl Notes<'_> {
    fn report(&self, line: impl std::fmt::Display) -> Result<()> {
        self.output.report(line)
    }

    fn warn(&mut self, code: &'static str, message: impl Into<String>) {
        self.warnings.push(Warning::new(code, message));
    }
}

pub(crate) fn run(args: &DebugArgs, output: &Output) -> Result<()> {
    let device = Device::of(args, output)?;
    let transport = server::transport(&args.server.network)?;
    let mut notes = Notes {
        output,
        warnings: Vec::new(),
    };
    notes.report(device.describe())?;
    notes.warnings.extend(device.warnings.iter().cloned());
    registered_channels::report(args, &device, &transport, &mut notes)?;
    let result = run_checks(args, &device, &*transport, &mut notes);
    match result {
        Ok(()) => output.warn_all(&notes.warnings),
        // Earlier warnings may explain the failure.
        Err(failure) => {
            let warnings = notes.warnings.into_iter().map(ReportedFinding::warning);
            return Err(failure.with_findings(warnings.collect()));
        }
    }
    Ok(())
}

fn run_checks(
    args: &DebugArgs,
    device: &Device,
    transport: &dyn capbundle::http::Transport,
    notes: &mut Notes<'_>,
) -> Result<()> {
    let answer = update_request::send(args, device, transport, notes)?;
    // Servers compare it with the bundle's version. The version in this folder is that of the next native app, not
    // the released one.
    if device.is_native_assumed && !matches!(answer, UpdateResponse::Offer(_)) {
        let problem = format!(
            "the request used native version {} from {}: devices with a different native app may get an update; pass the version \
            in the app store with --native-version",
            device.request.version_build, device.native_from
        );
        notes.warn("native_version_assumed", problem);
    }
    let mut document = Document {
        app_id: &device.request.app_id,
        update_url: device.url.to_string(),
        request: &device.request,
        native_version_from: &device.native_from,
        answer: "update",
        version: None,
        url: None,
        size: None,
        files: None,
        proof: None,
        warnings: &[],
    };
    let offer: UpdateOffer = match answer {
        UpdateResponse::Offer(offer) => offer,
        UpdateResponse::UpToDate(notice) => {
            notes.report(format!("No update: {}", explain::notice(&notice)))?;
            document.answer = "up_to_date";
            document.warnings = &notes.warnings;
            return notes.output.document(&document);
        }
        UpdateResponse::BuiltIn(notice) => {
            if notice.is_some() {
                let problem = "the server requests the built-in bundle together with an error code, and Capgo's plugin acts only on the code: devices \
                keep their bundle";
                notes.warn("built_in_ignored", problem);
            }
            notes.report("The server requests the built-in bundle: devices go back to it")?;
            document.answer = "built_in";
            document.warnings = &notes.warnings;
            return notes.output.document(&document);
        }
        other => return Err(explain::refusal(&other)),
    };
    notes.report(format!(
        "Offered: version {} at {}",
        offer.version,
        explain::without_query(&offer.url)
    ))?;
    if offer.version == device.request.version_name {
        let problem = "the offered version is already running on the device: devices do nothing";
        notes.warn("same_version", problem);
    }
    let taken = download::download_offer(args, device, &offer, transport, notes)?;
    notes.report(format!(
        "Downloaded {}, {}, {} unpacked: devices get version {}",
        output::bytes(taken.size),
        taken.how,
        output::counted(taken.files, "file"),
        offer.version
    ))?;
    document.version = Some(&offer.version);
    document.url = Some(&offer.url);
    document.size = Some(taken.size);
    document.files = Some(taken.files);
    document.proof = Some(taken.proof);
    document.warnings = &notes.warnings;
    notes.output.document(&document)
}

/// A problem that prevents devices from updating.
fn wrong(code: &'static str, message: impl Into<String>) -> Failure {
    Failure::refused(code, message)
}
