//! `capbundle bundle seal`

use std::path::{Path, PathBuf};

use capbundle::digest::Sha256Digest;
use capbundle::keys::PublicContentKey;
use capbundle::sealed;
use serde::Serialize;

use super::{beside, require_zip, say_if_replaced};
use crate::args::SealArgs;
use crate::commands::key_source::{self, PUBLIC_KEY_FILE};
use crate::error::{About, Failure, Result, Subject};
use crate::output::{self, Output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    filename: String,
    size: u64,
    header_sha256: String,
    checksum: String,
    plain_size: u64,
    recipients: Vec<String>,
}

pub(crate) fn run(args: &SealArgs, output: &Output) -> Result<()> {
    let expected = args.checksum.as_deref().map(str::parse::<Sha256Digest>);
    let expected = expected.transpose().about(Subject::Checksum)?;
    require_zip(&args.zip)?;
    let recipients = recipients(&args.to_key)?;

    let to = args.output.clone().unwrap_or_else(|| beside(&args.zip, ".sealed"));
    let existed = to.exists();
    let bar = output.progress();
    let expected = match expected {
        Some(expected) => expected,
        None => Sha256Digest::of_file(&args.zip, &bar.control()).about(Subject::Archive)?,
    };
    let sealed = sealed::seal(
        &args.zip,
        &to,
        &sealed::Sealing {
            expected: &expected,
            recipients: &recipients,
        },
        &bar.control(),
    )
    .about(Subject::Archive)?;
    drop(bar);
    say_if_replaced(existed, &to, output);
    output.say(format!(
        "Sealed {} into {} ({}) for {}",
        args.zip.display(),
        to.display(),
        output::bytes(sealed.size),
        output::counted(recipients.len() as u64, "content key"),
    ));
    output.say(format!("Header SHA-256  {}", sealed.header_digest));
    output.say(format!("Plain SHA-256   {}", sealed.digest));
    output.document(&Document {
        filename: to.display().to_string(),
        size: sealed.size,
        header_sha256: sealed.header_digest.to_string(),
        checksum: sealed.digest.to_string(),
        plain_size: sealed.plain_size,
        recipients: recipients.iter().map(|key| key.id().to_string()).collect(),
    })
}

/// Reads the content keys, none of which may be the signing key of this folder.
fn recipients(files: &[PathBuf]) -> Result<Vec<PublicContentKey>> {
    let read = |file: &PathBuf| PublicContentKey::read(file).about(Subject::ContentKey);
    let keys = files.iter().map(read).collect::<Result<Vec<_>>>()?;
    let here = Path::new(PUBLIC_KEY_FILE);
    let signing = key_source::named_verifying_key(here.exists().then_some(here), None)?;
    let signs = |key: &&PublicContentKey| signing.as_ref().is_some_and(|found| key.same_modulus_as(&found.key));
    match keys.iter().find(signs) {
        Some(key) => Err(Failure::refused(
            "key_in_both_roles",
            format!(
                "content key {} is also the signing key of {PUBLIC_KEY_FILE}, whose private key must not go into the app: create a \
                separate content key with `capbundle key create --content`",
                key.id()
            ),
        )),
        None => Ok(keys),
    }
}
