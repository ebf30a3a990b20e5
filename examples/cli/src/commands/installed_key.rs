//! Checks that the apps that get a bundle have the public key of its signer.

use capbundle::keys::{VerifyingKey, VerifyingKeys};

use super::bundle::content::Project;
use super::key::config_key::lines_to_paste;
use crate::config;
use crate::error::{About, Failure, Result, Subject, Warning};

/// The option that allows a different key.
const OVERRIDE: &str = "--allow-other-key";

/// How to treat a config without a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfNone {
    /// Fail: the bundle is about to be published, and devices might not be able to open it.
    Refuse,
    /// Warn: nothing is published yet.
    Warn,
}

/// Compares the signing key with `publicKey` of the `capacitor.config` in this folder, which apps are built with. It
/// may have several keys, while the signing key is replaced.
///
/// A different key is an error unless `is_allowed`, and so is a missing key with [`IfNone::Refuse`]. If there is no
/// config for
/// `app`, or its key is computed by a program, the keys cannot be compared: that is a warning before publishing.
pub(super) fn require(
    key: &VerifyingKey,
    app: Option<&str>,
    project: &mut Project,
    is_allowed: bool,
    if_none: IfNone,
) -> Result<Vec<Warning>> {
    let id = key.capgo_key_id();
    let unknown = |why: String| {
        let message = format!("cannot check that installed apps have the public key of the signing key {id}: {why}");
        Warning::new("public_key_unknown", message)
    };
    let about = |message: String, code: &'static str| {
        if is_allowed {
            return Ok(vec![Warning::new(code, message)]);
        }
        Err(Failure::refused(
            code,
            format!("{message}, or pass {OVERRIDE} if the bundle is for other apps"),
        ))
    };
    let Some(config) = project.config()? else {
        return Ok(match if_none {
            IfNone::Refuse => vec![unknown("there is no capacitor.config in this folder".to_owned())],
            IfNone::Warn => Vec::new(),
        });
    };
    let path = config.path().display();
    // An app id that cannot be read may still be the right one.
    let configured = config.app_id().ok().flatten();
    if let (Some(configured), Some(app)) = (configured, app)
        && configured != app
    {
        return Ok(vec![unknown(format!("{path} belongs to {configured}, not to {app}"))]);
    }
    let pem = match config.public_key() {
        Ok(Some(pem)) => pem,
        Err(failure) => return Ok(vec![unknown(failure.message)]),
        Ok(None) => {
            let lines = lines_to_paste(&key.to_pem());
            let how = if config::is_script(config.path()) {
                format!("add these lines to {path} and release the native app with it")
            } else {
                "run `capbundle key save` and release the native app with it".to_owned()
            };
            let message = format!(
                "{path} has no plugins.CapacitorUpdater.publicKey, so apps built with it cannot open a bundle that is encrypted \
                and signed with key {id}: {how}"
            );
            return match (about(message.clone(), "missing_public_key"), if_none) {
                (Err(failure), IfNone::Refuse) => Err(failure.showing(&lines)),
                (Err(_), IfNone::Warn) => Ok(vec![Warning::new("missing_public_key", message)]),
                (warned, _) => warned,
            };
        }
    };
    let installed = VerifyingKeys::from_pem(&pem)
        .about(Subject::PublicKey)
        .map_err(|failure| failure.naming(config.path()));
    match installed {
        Ok(installed) if installed.iter().any(|installed| installed == key) => Ok(Vec::new()),
        Ok(installed) => {
            let installed: Vec<_> = installed.iter().map(VerifyingKey::capgo_key_id).collect();
            let installed = installed.join(" or ");
            let message = format!(
                "the signing key is {id}, but publicKey of {path} is {installed}: apps built with it reject the bundle; sign with the \
                private key of {installed}, or install the public key of the signing key (`capbundle key save`) and release the native app with it"
            );
            about(message, "key_mismatch")
        }
        Err(failure) if is_allowed => Ok(vec![Warning::new(failure.code, failure.message)]),
        Err(failure) => Err(failure),
    }
}
