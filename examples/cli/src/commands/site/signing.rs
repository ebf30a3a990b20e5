//! The keys that sign a release, and the ring that says whether devices know them.

use capbundle::keys::SigningKey;
use capbundle_publish::site::Signing;

use super::super::release::document;
use crate::args::SigningArgs;
use crate::commands::key_source;
use crate::error::{Failure, Result};

/// A private key as CI systems hand it over.
const VARIABLE: &str = "CAPBUNDLE_PRIVATE_KEY";

/// Keys and ring, read.
pub(super) struct Keys {
    keys: Vec<SigningKey>,
    ring: Option<Vec<u8>>,
}

impl Keys {
    pub(super) fn find(args: &SigningArgs) -> Result<Self> {
        Ok(Self {
            keys: keys(args)?,
            ring: ring(args)?,
        })
    }

    /// Does something with what a release is signed with.
    pub(super) fn with<T>(&self, args: &SigningArgs, sequence: Option<u64>, act: impl FnOnce(&Signing<'_>) -> T) -> T {
        let keys: Vec<&SigningKey> = self.keys.iter().collect();
        act(&Signing {
            keys: &keys,
            ring: self.ring.as_deref(),
            lifetime: args.expires_in,
            sequence,
        })
    }
}

pub(super) fn ring(args: &SigningArgs) -> Result<Option<Vec<u8>>> {
    args.ring.as_deref().map(document::read_envelope).transpose()
}

fn keys(args: &SigningArgs) -> Result<Vec<SigningKey>> {
    if !args.key.is_empty() {
        return document::signing_keys(&args.key);
    }
    match std::env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty()) {
        Some(text) => Ok(vec![key_source::signing_key(None, Some(&text))?]),
        None => Err(Failure::refused(
            "missing_key",
            format!("who signs? Name the private key with --key, or set {VARIABLE} to its PEM text"),
        )),
    }
}
