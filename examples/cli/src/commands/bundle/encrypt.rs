//! `capbundle bundle encrypt`

use capbundle::capgo;
use capbundle::digest::Sha256Digest;
use serde::Serialize;

use super::content::Project;
use super::{beside, require_zip, say_if_replaced};
use crate::args::EncryptArgs;
use crate::commands::installed_key::{self, IfNone};
use crate::commands::key_source;
use crate::error::{About, Failure, Result, Subject, Warning};
use crate::output::{self, Output};

/// Capgo's members first, then ours.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    checksum: String,
    filename: String,
    iv_session_key: String,
    capgo_key_id: String,
    warnings: Vec<Warning>,
}

/// Checks the arguments in Capgo's order: checksum, zip, key.
pub(crate) fn run(args: &EncryptArgs, output: &Output) -> Result<()> {
    let expected = plain_checksum(&args.checksum)?;
    require_zip(&args.zip)?;
    let key = key_source::signing_key(args.key.as_deref(), args.key_data.as_deref())?;
    let public = key.verifying_key();

    if args.package_json.is_some() {
        output.say("--package-json is ignored: --checksum-form sets the encoding of the checksum");
    }
    let mut warnings: Vec<Warning> = key_source::size_warning(&public).into_iter().collect();
    let project = &mut Project::default();
    warnings.extend(installed_key::require(
        &public,
        None,
        project,
        args.allow_other_key,
        IfNone::Warn,
    )?);
    output.warn_all(&warnings);

    let to = beside(&args.zip, "_encrypted.zip");
    let existed = to.exists();
    let bar = output.progress();
    let sealed = capgo::encrypt(
        &args.zip,
        &to,
        &capgo::Encryption {
            expected: &expected,
            key: &key,
            form: args.checksum_form.into(),
        },
        &bar.control(),
    )
    .about(Subject::Archive)?;
    drop(bar);
    say_if_replaced(existed, &to, output);
    output.say(format!(
        "Encrypted {} into {} ({})",
        args.zip.display(),
        to.display(),
        output::bytes(sealed.size),
    ));
    output.say(format!("ivSessionKey {}", sealed.iv_session_key));
    output.say(format!("Checksum     {}", sealed.checksum));
    output.document(&Document {
        checksum: sealed.checksum.to_string(),
        filename: to.display().to_string(),
        iv_session_key: sealed.iv_session_key.to_string(),
        capgo_key_id: public.capgo_key_id(),
        warnings,
    })
}

/// The SHA-256 of a plain archive. A CRC-32, which Capgo signs too, is rejected because its signature proves nothing.
fn plain_checksum(text: &str) -> Result<Sha256Digest> {
    if text.len() == 8 && text.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Failure::refused(
            "invalid_checksum",
            format!(
                "checksum {text} is a CRC-32: anyone can make another archive with the same value, so a signature would \
                protect nothing; pass the SHA-256 printed by `capbundle bundle zip --json`"
            ),
        ));
    }
    text.parse().about(Subject::Checksum)
}
