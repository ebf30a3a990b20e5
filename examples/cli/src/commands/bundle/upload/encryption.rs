//! Decides whether the bundle is encrypted, and with which key.

use std::path::Path;

use capbundle::capgo::IvSessionKey;
use capbundle::keys::{SigningKey, VerifyingKey};

use super::super::content::Project;
use super::super::signed_checksum;
use super::destination::Destination;
use crate::args::UploadArgs;
use crate::commands::key_source::{self, PRIVATE_KEY_FILE};
use crate::error::{About, Failure, Result, Subject};

/// The variable with the private key, for CI systems.
const VARIABLE: &str = "CAPBUNDLE_PRIVATE_KEY";

pub(super) enum Encryption {
    /// The archive stays plain.
    None,
    /// The command encrypts and signs the archive.
    Encrypt(Box<SigningKey>),
    /// The archive is already encrypted.
    Encrypted {
        session: IvSessionKey,
        /// Signs the checksum if it is not given.
        signer: Option<Box<SigningKey>>,
        /// Opens the archive.
        key: VerifyingKey,
    },
}

impl Encryption {
    /// The public key that devices need for the bundle.
    pub(super) fn key(&self) -> Option<VerifyingKey> {
        match self {
            Self::None => None,
            Self::Encrypt(signer) => Some(signer.verifying_key()),
            Self::Encrypted { key, .. } => Some(key.clone()),
        }
    }

    pub(super) fn find(args: &UploadArgs, destination: &Destination<'_>, project: &mut Project) -> Result<Self> {
        let signer = if args.encryption.no_key { None } else { signer(args)? };
        if let Some(text) = &args.encryption.iv_session_key {
            let session = text.parse().about(Subject::IvSessionKey)?;
            let key = match &signer {
                Some(signer) => signer.verifying_key(),
                None => public_key(args)?,
            };
            return Ok(Self::Encrypted { session, signer, key });
        }
        match signer {
            // An uploaded archive cannot be encrypted any more.
            Some(_) if matches!(destination, Destination::External(_)) => Err(unprotected("there is a private key")),
            Some(signer) => Ok(Self::Encrypt(signer)),
            None if args.encryption.no_key => Ok(Self::None),
            None => {
                let configured = match project.config()? {
                    Some(config) => config.public_key()?.is_some(),
                    None => false,
                };
                if configured {
                    return Err(unprotected("capacitor.config has a public key"));
                }
                Ok(Self::None)
            }
        }
    }
}

/// The public key of this folder; of several, the one that signed the checksum.
fn public_key(args: &UploadArgs) -> Result<VerifyingKey> {
    let found = key_source::verifying_keys(None, None).map_err(|failure| {
        if failure.code != "missing_public_key" {
            return failure;
        }
        Failure::refused(
            "missing_key",
            "no key to check the encrypted archive with: pass the private key with --key-v2 or --key-data-v2, or put the public \
            key into .capgo_key_v2.pub or capacitor.config",
        )
    })?;
    let Some(checksum) = &args.encryption.encrypted_checksum else {
        return Ok(found.keys.first().clone());
    };
    let checksum = signed_checksum(checksum, args.encryption.checksum_form)?;
    Ok(key_source::signer(&found.keys, &checksum).clone())
}

fn signer(args: &UploadArgs) -> Result<Option<Box<SigningKey>>> {
    let (file, text) = (args.encryption.key_v2.as_deref(), args.encryption.key_data_v2.clone());
    let text = text.or_else(|| match file {
        Some(_) => None,
        None => std::env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty()),
    });
    if file.is_none() && text.is_none() && !Path::new(PRIVATE_KEY_FILE).exists() {
        return Ok(None);
    }
    key_source::signing_key(file, text.as_deref()).map(Box::new).map(Some)
}

fn unprotected(why: &str) -> Failure {
    Failure::refused(
        "encryption_required",
        format!(
            "{why}, and devices with its public key reject an unencrypted bundle: encrypt it (`capbundle bundle encrypt`, \
            then --iv-session-key), or pass --no-key if no such device gets the bundle"
        ),
    )
}
