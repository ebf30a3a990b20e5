//! `capbundle key save`

use std::path::Path;

use capbundle::keys::VerifyingKey;
use serde::Serialize;

use super::config_key::Installation;
use crate::args::SaveArgs;
use crate::commands::key_source::{self, PUBLIC_KEY_FILE};
use crate::config::CapacitorConfig;
use crate::error::{Failure, Result, Warning};
use crate::output::Output;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    bits: usize,
    capgo_key_id: String,
    key_id: String,
    config: Option<String>,
    config_updated: bool,
    warnings: Vec<Warning>,
}

pub(crate) fn run(args: &SaveArgs, output: &Output) -> Result<()> {
    let here = Path::new(PUBLIC_KEY_FILE);
    let file = args.key.as_deref().or_else(|| here.exists().then_some(here));
    let Some(found) = key_source::named_verifying_key(file, args.key_data.as_deref())? else {
        return Err(Failure::refused(
            "missing_public_key",
            format!("no public key: {PUBLIC_KEY_FILE} is not in this folder; pass --key or --key-data"),
        ));
    };
    let installation = Installation::plan(args.capacitor_config.as_deref(), &found.key.to_pem())?;
    if let Installation::Paste { config, lines } = &installation {
        // The app would be built without the key, so this is a failure unless the config already has it.
        require_installed(config.as_deref(), lines, &found.key)?;
    }
    installation.carry_out()?;
    output.say(format!("Public key {} from {}", found.key.capgo_key_id(), found.origin));
    let mut warnings: Vec<Warning> = key_source::size_warning(&found.key).into_iter().collect();
    output.warn_all(&warnings);
    match installation.paste() {
        None => warnings.extend(installation.report(output)),
        Some(_) => output.say("The config already has this key"),
    }
    output.document(&Document {
        bits: found.key.bits(),
        capgo_key_id: found.key.capgo_key_id(),
        key_id: found.key.id().to_string(),
        config: installation.config(),
        config_updated: installation.paste().is_none(),
        warnings,
    })
}

/// Fails with the lines to paste unless the program `config` is known to contain `key`.
fn require_installed(config: Option<&Path>, lines: &str, key: &VerifyingKey) -> Result<()> {
    let Some(config) = config else {
        return Err(Failure::refused(
            "config_not_found",
            "there is no capacitor.config in this folder; select it with --capacitor-config, or add these lines to it:",
        )
        .showing(lines));
    };
    // An unreadable or different key gets the same answer: the lines to paste.
    let installed = CapacitorConfig::read(config)?.public_key().ok().flatten();
    if installed.is_some_and(|pem| VerifyingKey::from_pem(&pem).is_ok_and(|installed| installed == *key)) {
        return Ok(());
    }
    Err(Failure::refused(
        "config_not_edited",
        format!(
            "{} is a program and was not edited; add these lines to it:",
            config.display()
        ),
    )
    .showing(lines))
}
