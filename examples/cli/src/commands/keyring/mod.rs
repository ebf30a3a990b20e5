//! `capbundle keyring …`

pub(crate) mod check;
pub(crate) mod create;
pub(crate) mod inspect;
pub(crate) mod rotate;
pub(crate) mod sign;

use capbundle::keys::{SigningKey, VerifyingKey};
use capbundle::release::{self, RingDocument, SignedKeyRing};
use serde::Serialize;

use super::release::document;
use crate::error::{Failure, Result};
use crate::output::Output;

/// A key ring in JSON output.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    filename: String,
    app_id: &'a str,
    number: u64,
    threshold: u64,
    created_at: u64,
    keys: Vec<String>,
    retired: Vec<String>,
    /// The claimed signers; not verified.
    signed_by: Vec<String>,
}

fn id_of(key: &VerifyingKey) -> String {
    key.id().to_string()
}

/// Signs a new ring and writes it.
fn write(new: &RingDocument, keys: &[SigningKey], to: &std::path::Path, output: &Output) -> Result<()> {
    let signers: Vec<&SigningKey> = keys.iter().collect();
    let bytes = release::sign_ring(new, &signers)?.to_json()?;
    document::write(to, &bytes)?;
    output.say(format!(
        "Wrote {} (ring {} of {}: {} of {} keys must sign)",
        to.display(),
        new.number,
        new.app_id,
        new.threshold,
        new.keys.len()
    ));
    show(&SignedKeyRing::parse(&bytes)?, to, output)
}

/// Prints the document of a ring.
fn show(signed: &SignedKeyRing, file: &std::path::Path, output: &Output) -> Result<()> {
    let ring: &RingDocument = signed.ring();
    output.document(&Document {
        filename: file.display().to_string(),
        app_id: ring.app_id.as_str(),
        number: ring.number,
        threshold: ring.threshold,
        created_at: ring.created_at.0,
        keys: ring.keys.iter().map(id_of).collect(),
        retired: document::ids(&ring.retired),
        signed_by: document::signers(signed.envelope()),
    })
}

fn public_keys(files: &[std::path::PathBuf]) -> Result<Vec<VerifyingKey>> {
    use crate::error::{About, Subject};
    let keys = files
        .iter()
        .map(|file| VerifyingKey::read(file).about(Subject::PublicKey));
    keys.collect::<Result<_, Failure>>()
}
