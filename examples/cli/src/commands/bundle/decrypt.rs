//! `capbundle bundle decrypt`

use std::path::Path;

use capbundle::capgo;
use capbundle::capgo::IvSessionKey;
use capbundle::digest::Sha256Digest;
use serde::Serialize;

use super::{beside, folder_of, require_zip, say_if_replaced, signed_checksum};
use crate::args::DecryptArgs;
use crate::commands::key_source::{self, FoundKeys};
use crate::error::{About, Failure, Result, Subject, Warning};
use crate::output::Output;

#[derive(Serialize)]
struct Document {
    filename: String,
    checksum: String,
    verified: bool,
    warnings: Vec<Warning>,
}

pub(crate) fn run(args: &DecryptArgs, output: &Output) -> Result<()> {
    require_zip(&args.zip)?;
    let session: IvSessionKey = args.iv_session_key.parse().about(Subject::IvSessionKey)?;
    let found = key_source::verifying_keys(args.key.as_deref(), args.key_data.as_deref())?;
    output.say(found.describe());
    if args.package_json.is_some() {
        output.say("--package-json is ignored: --checksum-form sets the encoding of the checksum");
    }

    let to = beside(&args.zip, "_decrypted.zip");
    let existed = to.exists();
    let (digest, warnings) = match (&args.checksum, args.unverified) {
        (Some(checksum), _) => (verified(args, checksum, &session, &found, &to, output)?, Vec::new()),
        (None, true) => {
            let warning = Warning::new(
                "unverified",
                "the result is not verified and may not be the signed archive; do not ship it",
            );
            output.warn(&warning);
            (unverified(args, &session, &found, &to, output)?, vec![warning])
        }
        (None, false) => {
            return Err(Failure::refused(
                "not_trusted",
                "the archive cannot be verified without its signed checksum: pass the checksum printed by `bundle encrypt` with \
                --checksum, or decrypt without verifying with --unverified",
            ));
        }
    };
    say_if_replaced(existed, &to, output);
    let proof = if args.checksum.is_some() {
        "verified"
    } else {
        "not verified"
    };
    output.say(format!(
        "Decrypted {} into {} ({proof})",
        args.zip.display(),
        to.display()
    ));
    output.say(format!("Checksum {digest}"));
    output.document(&Document {
        filename: to.display().to_string(),
        checksum: digest.to_string(),
        verified: args.checksum.is_some(),
        warnings,
    })
}

fn verified(
    args: &DecryptArgs,
    checksum: &str,
    session: &IvSessionKey,
    found: &FoundKeys,
    to: &Path,
    output: &Output,
) -> Result<Sha256Digest> {
    let checksum = signed_checksum(checksum, args.checksum_form)?;
    let bar = output.progress();
    // Staged beside the result, so that it can be renamed into place.
    let decryption = capgo::Decryption {
        iv_session_key: session,
        checksum: &checksum,
        key: key_source::signer(&found.keys, &checksum),
    };
    let archive = capgo::decrypt(&args.zip, folder_of(to), &decryption, &bar.control()).about(Subject::Archive)?;
    let digest = archive.digest();
    archive.persist(to)?;
    Ok(digest)
}

fn unverified(
    args: &DecryptArgs,
    session: &IvSessionKey,
    found: &FoundKeys,
    to: &Path,
    output: &Output,
) -> Result<Sha256Digest> {
    let bar = output.progress();
    let control = bar.control();
    let decrypt = |key| {
        let how = capgo::UnverifiedDecryption {
            iv_session_key: session,
            key,
        };
        capgo::decrypt_unverified(&args.zip, to, &how, &control)
    };
    // Nothing says which key it was, and a wrong one does not open the session key.
    let first = decrypt(found.keys.first());
    let others = || found.keys.iter().skip(1).find_map(|key| decrypt(key).ok());
    first.or_else(|error| others().ok_or(error)).about(Subject::Archive)
}
