//! `capbundle key create`

use std::fs;
use std::path::Path;

use capbundle::keys::{Overwrite, SigningKey};
use serde::Serialize;

use super::config_key::Installation;
use crate::args::CreateArgs;
use crate::commands::key_source::{self, PRIVATE_KEY_FILE, PUBLIC_KEY_FILE};
use crate::error::{Failure, Result, Warning};
use crate::output::Output;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    private_key: &'a str,
    public_key: &'a str,
    bits: usize,
    capgo_key_id: String,
    key_id: String,
    config: Option<String>,
    config_updated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    paste: Option<&'a str>,
    warnings: Vec<Warning>,
}

/// Checks everything before writing the first file. The order of writing is: the private key, the public key, which
/// can be derived from it, and the config, which `key save` can update later.
pub(crate) fn run(args: &CreateArgs, output: &Output) -> Result<()> {
    let (private_file, public_file) = (Path::new(PRIVATE_KEY_FILE), Path::new(PUBLIC_KEY_FILE));
    let existing: Vec<&Path> = [private_file, public_file]
        .into_iter()
        .filter(|file| fs::symlink_metadata(file).is_ok())
        .collect();
    if let (Some(file), false) = (existing.first(), args.force) {
        return Err(Failure::refused(
            "key_exists",
            format!(
                "{}: the file already exists; apps with this key accept only bundles signed with it, so pass --force to \
                replace it",
                file.display()
            ),
        ));
    }
    let key = SigningKey::generate(args.bits.into())?;
    let public = key.verifying_key();
    let installation = Installation::plan(args.capacitor_config.as_deref(), &public.to_pem())?;

    let overwrite = if args.force {
        Overwrite::Replace
    } else {
        Overwrite::Never
    };
    key.write(private_file, overwrite)?;
    if let Err(error) = public.write(public_file, overwrite) {
        return Err(undo(private_file, args.force, Failure::from(error)));
    }
    output.say(format!(
        "Wrote {PRIVATE_KEY_FILE} (private: keep it out of version control and of the app) and {PUBLIC_KEY_FILE}"
    ));
    let mut warnings: Vec<Warning> = key_source::size_warning(&public).into_iter().collect();
    if !existing.is_empty() {
        let problem = "the previous key was replaced; apps built with it reject bundles signed with the new key";
        warnings.push(Warning::new("key_replaced", problem));
    }
    output.warn_all(&warnings);
    installation
        .carry_out()
        .map_err(|failure| failure.adding("the keys are written: fix this and run `capbundle key save`"))?;
    warnings.extend(installation.report(output));
    output.document(&Document {
        private_key: PRIVATE_KEY_FILE,
        public_key: PUBLIC_KEY_FILE,
        bits: public.bits(),
        capgo_key_id: public.capgo_key_id(),
        key_id: public.id().to_string(),
        config: installation.config(),
        config_updated: installation.paste().is_none(),
        paste: installation.paste(),
        warnings,
    })
}

/// Removes the private key if its public key could not be written.
///
/// With `--force`, the old key is already replaced, which the message states.
fn undo(private_file: &Path, replaced: bool, failure: Failure) -> Failure {
    let advice = if replaced {
        format!("{PRIVATE_KEY_FILE} is already the new key: run `capbundle key create --force` again")
    } else {
        match fs::remove_file(private_file) {
            Ok(()) => "no key was written".to_owned(),
            Err(error) => format!("{PRIVATE_KEY_FILE} was written and could not be removed: {error}"),
        }
    };
    failure.adding(&advice)
}
