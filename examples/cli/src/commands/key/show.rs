//! `capbundle key show`

use std::path::Path;

use capbundle::keys::{ContentKey, PublicContentKey, SigningKey, VerifyingKey};
use serde::Serialize;

use crate::commands::key_source::{
    self, PRIVATE_CONTENT_KEY_FILE, PRIVATE_KEY_FILE, PUBLIC_CONTENT_KEY_FILE, PUBLIC_KEY_FILE,
};
use crate::error::{About, Failure, Result, Subject, Warning};
use crate::output::Output;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    keys: Vec<SigningKeyDocument>,
    content_keys: Vec<ContentKeyDocument>,
    warnings: Vec<Warning>,
}

/// A signing key; for a private key, the properties of its public key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SigningKeyDocument {
    origin: String,
    private: bool,
    bits: usize,
    capgo_key_id: String,
    key_id: String,
}

/// A content key; for a private key, the properties of its public key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContentKeyDocument {
    origin: &'static str,
    private: bool,
    bits: usize,
    key_id: String,
}

impl ContentKeyDocument {
    fn of(origin: &'static str, private: bool, key: &PublicContentKey) -> Self {
        Self {
            origin,
            private,
            bits: key.bits(),
            key_id: key.id().to_string(),
        }
    }
}

impl SigningKeyDocument {
    fn of(origin: &str, private: bool, key: &VerifyingKey) -> Self {
        Self {
            origin: origin.to_owned(),
            private,
            bits: key.bits(),
            capgo_key_id: key.capgo_key_id(),
            key_id: key.id().to_string(),
        }
    }
}

pub(crate) fn run(output: &Output) -> Result<()> {
    let mut warnings = Vec::new();
    let keys = found(&mut warnings)?;
    let content_keys = found_content()?;
    if keys.is_empty() && content_keys.is_empty() {
        return Err(Failure::refused(
            "missing_key",
            format!(
                "no key in this folder: found neither {PRIVATE_KEY_FILE}, {PUBLIC_KEY_FILE}, publicKey in capacitor.config nor a content key"
            ),
        ));
    }
    warnings.extend(keys.first().and_then(|(_, key)| key_source::size_warning(key)));
    let (private, public): (Vec<&(SigningKeyDocument, VerifyingKey)>, Vec<_>) =
        keys.iter().partition(|(shown, _)| shown.private);
    for ((own, key), (other, installed)) in private
        .iter()
        .flat_map(|own| public.iter().map(move |other| (own, other)))
    {
        // A config may have several keys: one of them must be the own one.
        let has_own = public
            .iter()
            .any(|(shown, public)| shown.origin == other.origin && public == key);
        let is_first = public.iter().find(|(shown, _)| shown.origin == other.origin);
        if !has_own && is_first.is_some_and(|(_, first)| first == installed) {
            warnings.push(Warning::new(
                "key_mismatch",
                format!(
                    "{} is not the public key of {}: it rejects what that key signs",
                    other.origin, own.origin
                ),
            ));
        }
    }
    if let [(private, key), (public, other)] = content_keys.as_slice()
        && key != other
    {
        warnings.push(Warning::new(
            "key_mismatch",
            format!(
                "{} is not the public key of {}: archives sealed for one cannot be opened with the other",
                public.origin, private.origin
            ),
        ));
    }
    for (content, key) in &content_keys {
        if keys.iter().any(|(_, signing)| key.same_modulus_as(signing)) {
            warnings.push(Warning::new(
                "key_in_both_roles",
                format!(
                    "{} is also a signing key: create a separate content key",
                    content.origin
                ),
            ));
        }
    }
    for (key, _) in &keys {
        let half = if key.private { "private" } else { "public" };
        output.report_all([
            format!("{} ({half}, {} bits)", key.origin, key.bits),
            format!("  Capgo key id  {}", key.capgo_key_id),
            format!("  key id        {}", key.key_id),
        ])?;
    }
    for (key, _) in &content_keys {
        let half = if key.private { "private" } else { "public" };
        output.report_all([
            format!("{} (content key, {half}, {} bits)", key.origin, key.bits),
            format!("  key id        {}", key.key_id),
        ])?;
    }
    output.warn_all(&warnings);
    output.document(&Document {
        content_keys: content_keys.into_iter().map(|(shown, _)| shown).collect(),
        keys: keys.into_iter().map(|(shown, _)| shown).collect(),
        warnings,
    })
}

/// The keys of this folder: the two files and the keys in the config. An unreadable config is a warning.
fn found(warnings: &mut Vec<Warning>) -> Result<Vec<(SigningKeyDocument, VerifyingKey)>> {
    let mut keys = Vec::new();
    let (private, public) = (Path::new(PRIVATE_KEY_FILE), Path::new(PUBLIC_KEY_FILE));
    if private.exists() {
        let key = SigningKey::read(private).about(Subject::PrivateKey)?.verifying_key();
        keys.push((SigningKeyDocument::of(PRIVATE_KEY_FILE, true, &key), key));
    }
    if public.exists() {
        let key = VerifyingKey::read(public).about(Subject::PublicKey)?;
        keys.push((SigningKeyDocument::of(PUBLIC_KEY_FILE, false, &key), key));
    }
    match key_source::configured_keys() {
        Ok(Some(found)) => {
            let document = |key| SigningKeyDocument::of(&found.origin, false, key);
            keys.extend(found.keys.iter().map(|key| (document(key), key.clone())));
        }
        Ok(None) => {}
        // The key files are useful without the config.
        Err(failure) => warnings.push(Warning::new(failure.code, failure.message)),
    }
    Ok(keys)
}

/// The existing files of a content key pair.
fn found_content() -> Result<Vec<(ContentKeyDocument, PublicContentKey)>> {
    let mut keys = Vec::new();
    let (private, public) = (Path::new(PRIVATE_CONTENT_KEY_FILE), Path::new(PUBLIC_CONTENT_KEY_FILE));
    if private.exists() {
        let key = ContentKey::read(private).about(Subject::ContentKey)?.public().clone();
        keys.push((ContentKeyDocument::of(PRIVATE_CONTENT_KEY_FILE, true, &key), key));
    }
    if public.exists() {
        let key = PublicContentKey::read(public).about(Subject::ContentKey)?;
        keys.push((ContentKeyDocument::of(PUBLIC_CONTENT_KEY_FILE, false, &key), key));
    }
    Ok(keys)
}
