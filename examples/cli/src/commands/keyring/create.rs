//! `capbundle keyring create`

use capbundle::keys::SigningKey;
use capbundle::release::RingDocument;
use capbundle::time::Timestamp;

use super::{public_keys, write};
use crate::args::KeyringCreateArgs;
use crate::commands::release::document;
use crate::error::Result;
use crate::output::Output;

pub(crate) fn run(args: &KeyringCreateArgs, output: &Output) -> Result<()> {
    let app_id = document::app_id(args.app.app_id.as_deref())?;
    let signing = document::signing_keys(&args.key)?;
    let mut keys: Vec<_> = signing.iter().map(SigningKey::verifying_key).collect();
    for key in public_keys(&args.public_key)? {
        // Skip the public key of a private key that is also given.
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let new = RingDocument::new(app_id, keys, Timestamp::now()).with_threshold(args.threshold);
    write(&new, &signing, &args.to, output)
}
