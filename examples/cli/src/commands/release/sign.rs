//! `capbundle release sign` and `capbundle keyring sign`

use capbundle::release::{Envelope, SignedRelease};
use serde::Serialize;

use super::document;
use crate::args::SignArgs;
use crate::error::Result;
use crate::output::{self, Output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    filename: String,
    signed_by: Vec<String>,
}

pub(crate) fn run(args: &SignArgs, output: &Output) -> Result<()> {
    let release = SignedRelease::parse(&document::read_envelope(&args.file)?)?;
    add(args, release.into_envelope(), output)
}

/// Adds signatures to a document of any kind and replaces its file.
pub(crate) fn add(args: &SignArgs, mut envelope: Envelope, output: &Output) -> Result<()> {
    for key in document::signing_keys(&args.key)? {
        envelope.add_signature(&key)?;
    }
    document::write(&args.file, &envelope.to_json()?)?;
    let signed_by = document::signers(&envelope);
    output.say(format!(
        "{} now has {}",
        args.file.display(),
        output::counted(signed_by.len() as u64, "signature")
    ));
    output.document(&Document {
        filename: args.file.display().to_string(),
        signed_by,
    })
}
