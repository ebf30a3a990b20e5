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

/// Checks everything before writing the first file. The private key is written first, because the public key can be
/// derived from it.
pub(crate) fn run(args: &CreateArgs, output: &Output) -> Result<()> {
    let (private_file, public_file) = (Path::new(PRIVATE_CONTENT_KEY_FILE), Path::new(PUBLIC_CONTENT_KEY_FILE));
    let existing = [private_file, public_file]
        .into_iter()
        .find(|file| fs::symlink_metadata(file).is_ok());
    if let (Some(file), false) = (existing, args.force) {
        return Err(Failure::refused(
            "key_exists",
            format!(
                "{}: the file already exists; apps with this key open only archives sealed for it, so pass --force to replace \
                it",
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
        "Wrote {PRIVATE_CONTENT_KEY_FILE} (private: goes into the app, not into bundles) and {PUBLIC_CONTENT_KEY_FILE} (for sealing)"
    ));
    output.say(format!("Key id {}", key.public().id()));
    let mut warnings = Vec::new();
    if existing.is_some() {
        let problem =
            "the previous key was replaced; apps built with it cannot open archives sealed only for the new key";
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

/// Removes the private key if its public key could not be written.
fn undo(private_file: &Path, replaced: bool, failure: Failure) -> Failure {
    let advice = if replaced {
        format!("{PRIVATE_CONTENT_KEY_FILE} is already the new key: run `capbundle key create --content --force` again")
    } else {
        match fs::remove_file(private_file) {
            Ok(()) => "no key was written".to_owned(),
            Err(error) => format!("{PRIVATE_CONTENT_KEY_FILE} was written and could not be removed: {error}"),
        }
    };
    failure.adding(&advice)
}
