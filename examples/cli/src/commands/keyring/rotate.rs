//! `capbundle keyring rotate`

use std::path::Path;

use capbundle::keys::{KeyId, VerifyingKey};
use capbundle::release::{RingDocument, SignedKeyRing};
use capbundle::time::Timestamp;

use super::{public_keys, write};
use crate::args::KeyringRotateArgs;
use crate::commands::release::document;
use crate::error::{About, Result, Subject};
use crate::output::Output;

pub(crate) fn run(args: &KeyringRotateArgs, output: &Output) -> Result<()> {
    let before = SignedKeyRing::parse(&document::read_envelope(&args.ring)?)?;
    let mut new = RingDocument::next(before.ring(), Timestamp::now());
    for key in &args.retire {
        new.retire(key_id(key)?)?;
    }
    new.keys.extend(public_keys(&args.add)?);
    new.threshold = args.threshold.unwrap_or(new.threshold);
    write(&new, &document::signing_keys(&args.key)?, &args.to, output)
}

/// Parses a key id, or reads the key in a file.
fn key_id(text: &str) -> Result<KeyId> {
    match text.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(VerifyingKey::read(Path::new(text))
            .map(|key| key.id())
            .about(Subject::PublicKey)?),
    }
}
