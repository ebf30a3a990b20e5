//! `capbundle key create --content`

use std::fs;
use std::path::Path;

use capbundle::keys::{ContentKey, Overwrite};
use serde::Serialize;

use crate::args::CreateArgs;
use crate::commands::key_source::{PRIVATE_CONTENT_KEY_FILE, PUBLIC_CONTENT_KEY_FILE};
use crate::error::{Failure, Result, Warning};
use crate::output::Output;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    private_key: &'static str,
    public_key: &'static str,
    bits: usize,
    key_id: String,
    warnings: Vec<Warning>,
}

/// What can be refused is refused before the first file is written. Then the private key, and the public one, which can be
/// made from it again.
pub(crate) fn run(args: &CreateArgs, output: &Output) -> Result<()> {
    let (private_file, public_file) = (Path::new(PRIVATE_CONTENT_KEY_FILE), Path::new(PUBLIC_CONTENT_KEY_FILE));
    let existing = [private_file, public_file]
        .into_iter()
        .find(|file| fs::symlink_metadata(file).is_ok());
    if let (Some(file), false) = (existing, args.force) {
        return Err(Failure::refused(
            "key_exists",
            format!(
                "{}: a key is already there; apps that carry it open only archives sealed for it, so it is replaced only \
                 with --force",
                file.display()
            ),
        ));
    }
    let key = ContentKey::generate(args.bits.into())?;
    let overwrite = if args.force {
        Overwrite::Replace
    } else {
        Overwrite::Never
    };
    key.write(private_file, overwrite)?;
    if let Err(error) = key.public().write(public_file, overwrite) {
        return Err(undo(private_file, args.force, Failure::from(error)));
    }
    output.say(format!(
        "Wrote {PRIVATE_CONTENT_KEY_FILE} (private: for the app, not for its bundles) and {PUBLIC_CONTENT_KEY_FILE} (to seal with)"
    ));
    output.say(format!("Key id {}", key.public().id()));
    let mut warnings = Vec::new();
    if existing.is_some() {
        let problem =
            "the key that was here is gone; apps built with it cannot open what is sealed for the new one alone";
        warnings.push(Warning::new("key_replaced", problem));
    }
    output.warn_all(&warnings);
    output.document(&Document {
        private_key: PRIVATE_CONTENT_KEY_FILE,
        public_key: PUBLIC_CONTENT_KEY_FILE,
        bits: key.public().bits(),
        key_id: key.public().id().to_string(),
        warnings,
    })
}

/// Takes back the private key whose public half could not be written.
fn undo(private_file: &Path, replaced: bool, failure: Failure) -> Failure {
    let advice = if replaced {
        format!("{PRIVATE_CONTENT_KEY_FILE} is already the new key: run `capbundle key create --content --force` again")
    } else {
        match fs::remove_file(private_file) {
            Ok(()) => "no key was kept".to_owned(),
            Err(error) => format!("{PRIVATE_CONTENT_KEY_FILE} was written and could not be removed: {error}"),
        }
    };
    failure.adding(&advice)
}
