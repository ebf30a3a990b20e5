//! A run of the app, one event a call: `capbundle device launch`, `started`, `confirm`, `expired`, `background` and
//! `foreground`.

use capbundle::store::{ApplyCondition, Confirmation, Expired};
use serde::Serialize;

use super::app::Device;
use super::documents::{self, ServedDocument};
use crate::args::{ConfirmArgs, LaunchArgs};
use crate::error::{Result, Warning};
use crate::output::Output;

pub(super) fn launch(device: &Device<'_>, args: &LaunchArgs, output: &Output) -> Result<()> {
    let native = device.native_or(args.native_version.as_deref(), args.native_build.as_deref());
    let (store, launch) = device.start(&native, args.background)?;
    if let Some(failed) = &launch.failed {
        output.say(format!(
            "{} failed: {}",
            documents::named(&failed.id.clone().into(), Some(&failed.version)),
            failed.cause.as_str()
        ));
    }
    output.report_all(documents::served(&launch))?;
    output.document(&ServedDocument::new(&launch, store.ready_deadline()))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StartedDocument {
    bundle: String,
    on_trial: bool,
    /// Whether ending without a confirmation counts as a failed attempt from now on.
    counts: bool,
}

pub(super) fn started(device: &Device<'_>, output: &Output) -> Result<()> {
    let (store, launch) = device.running()?;
    let counts = match launch.bundle.bundle() {
        Some(id) => store.trial_started(id)?,
        None => false,
    };
    let name = documents::named(&launch.bundle, launch.version.as_deref());
    output.say(if launch.on_trial {
        format!("{name} started; without a confirmation, this attempt counts as failed")
    } else {
        format!("{name} started; it is not on trial")
    });
    output.document(&StartedDocument {
        bundle: launch.bundle.to_string(),
        on_trial: launch.on_trial,
        counts,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfirmDocument {
    bundle: String,
    result: &'static str,
    /// The current bundle, if the confirmation was ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

pub(super) fn confirm(device: &Device<'_>, args: &ConfirmArgs, output: &Output) -> Result<()> {
    let (store, bundle) = if let Some(id) = &args.id {
        (device.store()?, id.clone())
    } else {
        let (store, served) = device.running()?;
        (store, served.bundle)
    };
    let (result, message, current) = match store.confirm(&bundle)? {
        Confirmation::Proven => (
            "proven",
            "is now proven: later bundles fall back to it".to_owned(),
            None,
        ),
        Confirmation::AlreadyProven => ("already_proven", "was already proven".to_owned(), None),
        Confirmation::BuiltIn => ("built_in", "needs no proof".to_owned(), None),
        Confirmation::Ignored { current } => {
            let message = if current == bundle {
                "did not start in this run (`capbundle device started`): ignored".to_owned()
            } else {
                format!("is not the current bundle ({current} is): ignored")
            };
            ("ignored", message, Some(current.to_string()))
        }
        _ => ("other", "was processed".to_owned(), None),
    };
    device.sweep(&store);
    output.say(format!("{} {message}", documents::named(&bundle, None)));
    let warnings = device.warnings(&store);
    output.document(&ConfirmDocument {
        bundle: bundle.to_string(),
        result,
        current,
        warnings,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExpiredDocument {
    bundle: String,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serves: Option<ServedDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

pub(super) fn expired(device: &Device<'_>, output: &Output) -> Result<()> {
    let (store, launch) = device.running()?;
    let fallback = match launch.bundle.bundle().map(|id| store.trial_expired(id)).transpose()? {
        Some(Expired::FallBack(fallback)) => Some(fallback),
        _ => None,
    };
    device.sweep(&store);
    match &fallback {
        Some(fallback) => output.report_all(documents::served(fallback))?,
        None => output.say(format!(
            "{} is not on trial, or the app is in the background: ignored",
            documents::named(&launch.bundle, launch.version.as_deref())
        )),
    }
    let warnings = device.warnings(&store);
    output.document(&ExpiredDocument {
        bundle: launch.bundle.to_string(),
        result: if fallback.is_some() { "fell_back" } else { "ignored" },
        serves: fallback.map(|fallback| ServedDocument::new(&fallback, None)),
        warnings,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BackgroundDocument {
    /// Whether the next bundle was applied.
    applied: bool,
    serves: ServedDocument,
}

/// Follows the order of a phone: in the background, the system may end the process at any time, which does not count
/// as a failed attempt.
pub(super) fn background(device: &Device<'_>, output: &Output) -> Result<()> {
    let (store, launch) = device.running()?;
    store.entered_background()?;
    let applied = store.apply_next(&device.native())?;
    match &applied {
        Some(applied) => output.report_all(documents::served(applied))?,
        None => output.say("The app is in the background; nothing was applied"),
    }
    output.document(&BackgroundDocument {
        applied: applied.is_some(),
        serves: ServedDocument::new(&applied.unwrap_or(launch), store.ready_deadline()),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ForegroundDocument {
    bundle: String,
    on_trial: bool,
    /// The conditions that the next bundle still waits for.
    delays: Vec<ApplyCondition>,
}

pub(super) fn foreground(device: &Device<'_>, output: &Output) -> Result<()> {
    let (store, launch) = device.running()?;
    store.entered_foreground(&device.native())?;
    let delays = store.delays()?;
    output.say("The app is in the foreground");
    output.document(&ForegroundDocument {
        bundle: launch.bundle.to_string(),
        on_trial: launch.on_trial,
        delays,
    })
}
