//! `capbundle bundle verify`

use capbundle::capgo;
use capbundle::{VerifiedArchive, digest::Sha256Digest};
use serde::Serialize;

use super::{require_zip, signed_checksum};
use crate::args::VerifyArgs;
use crate::commands::key_source::{self, FoundKey};
use crate::error::{About, Result, Subject};
use crate::output::{self, Output};

/// Number of hexadecimal digits of a signed checksum made with the smallest key.
const SHORTEST_SIGNED: usize = 512;

/// The code for an encrypted bundle, whose signature covers the plain archive.
const MISMATCH: &str = "digest_mismatch";
const ENCRYPTED: &str = "for an encrypted bundle use `capbundle bundle decrypt`";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    filename: String,
    checksum: String,
    size: u64,
    verified: bool,
    /// `digest` or `capgo_signed`.
    proof: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    capgo_key_id: Option<String>,
}

pub(crate) fn run(args: &VerifyArgs, output: &Output) -> Result<()> {
    require_zip(&args.zip)?;
    let key = key_source::named_verifying_key(args.key.as_deref(), args.signature.key_data.as_deref())?;
    let bar = output.progress();
    let archive = if let Some(found) = &key {
        let checksum = signed_checksum(&args.checksum, args.signature.checksum_form)?;
        capgo::verify_signed_only(&args.zip, &checksum, &found.key, &bar.control())
            .about(Subject::Archive)
            .map_err(|failure| {
                if failure.code == MISMATCH {
                    failure.adding(ENCRYPTED)
                } else {
                    failure
                }
            })?
    } else {
        let expected = plain(&args.checksum)?;
        VerifiedArchive::from_digest(&args.zip, &expected, &bar.control()).about(Subject::Archive)?
    };
    drop(bar);
    let key_id = key.as_ref().map(|found| found.key.capgo_key_id());
    let how = match (&key, &key_id) {
        (Some(FoundKey { origin, .. }), Some(id)) => format!("signed with key {id} from {origin}"),
        _ => "the SHA-256 matches".to_owned(),
    };
    output.say(format!(
        "{}: verified, {how} ({})",
        args.zip.display(),
        output::bytes(archive.size())
    ));
    output.document(&Document {
        filename: args.zip.display().to_string(),
        checksum: archive.digest().to_string(),
        size: archive.size(),
        verified: true,
        proof: if key.is_some() { "capgo_signed" } else { "digest" },
        capgo_key_id: key_id,
    })
}

fn plain(checksum: &str) -> Result<Sha256Digest> {
    checksum.parse().about(Subject::Checksum).map_err(|failure| {
        if checksum.len() < SHORTEST_SIGNED {
            return failure;
        }
        failure.adding("a signed checksum needs the public key: pass --key")
    })
}
