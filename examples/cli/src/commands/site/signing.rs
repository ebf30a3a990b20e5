//! The signing keys of a release and the key ring to check them with.

use capbundle::keys::SigningKey;
use capbundle_publish::site::Signing;

use super::super::release::document;
use crate::args::SigningArgs;
use crate::commands::key_source;
use crate::error::{Failure, Result};

/// The variable with the private key, for CI systems.
const VARIABLE: &str = "CAPBUNDLE_PRIVATE_KEY";

/// The keys and the key ring.
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

    /// Calls `act` with the signing options.
    pub(super) fn with<T>(&self, args: &SigningArgs, sequence: Option<u64>, act: impl FnOnce(&Signing<'_>) -> T) -> T {
        let keys: Vec<&SigningKey> = self.keys.iter().collect();
        act(&Signing::new(&keys, args.expires_in)
            .with_ring(self.ring.as_deref())
            .with_sequence(sequence))
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
            format!("no private key to sign with: pass it with --key, or set {VARIABLE} to its PEM text"),
        )),
    }
}
