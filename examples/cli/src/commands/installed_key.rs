//! Whether the apps that get a bundle hold the public half of the key that signs it.

use capbundle::keys::VerifyingKey;

use super::bundle::content::Project;
use super::key::config_key::lines_to_paste;
use crate::config;
use crate::error::{About, Failure, Result, Subject, Warning};

/// The option that says that another key is meant.
const OVERRIDE: &str = "--allow-other-key";

/// What a config without a public key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfNone {
    /// Devices are about to get what none of them may be able to open.
    Refuse,
    /// Nothing leaves this machine yet.
    Warn,
}

/// Compares the key that signs with `publicKey` of the `capacitor.config` here, which apps are built with.
///
/// Another key is refused unless `is_allowed`, and so is none where `if_none` says so. Where there is no config for `app`, or
/// its key cannot be read from a program, nothing can be compared: a warning, for what devices get.
pub(super) fn require(
    key: &VerifyingKey,
    app: Option<&str>,
    project: &mut Project,
    is_allowed: bool,
    if_none: IfNone,
) -> Result<Vec<Warning>> {
    let id = key.capgo_key_id();
    let unknown = |why: String| {
        let message =
            format!("whether installed apps have the public half of the key that signs, {id}, is not known: {why}");
        Warning::new("public_key_unknown", message)
    };
    let about = |message: String, code: &'static str| {
        if is_allowed {
            return Ok(vec![Warning::new(code, message)]);
        }
        Err(Failure::refused(
            code,
            format!("{message}, or pass {OVERRIDE} if other apps get the bundle"),
        ))
    };
    let Some(config) = project.config()? else {
        return Ok(match if_none {
            IfNone::Refuse => vec![unknown("there is no capacitor.config in this folder".to_owned())],
            IfNone::Warn => Vec::new(),
        });
    };
    let path = config.path().display();
    // An id that cannot be read may be that of the app.
    let configured = config.app_id().ok().flatten();
    if let (Some(configured), Some(app)) = (configured, app)
        && configured != app
    {
        return Ok(vec![unknown(format!("{path} is of {configured}, not of {app}"))]);
    }
    let pem = match config.public_key() {
        Ok(Some(pem)) => pem,
        Err(failure) => return Ok(vec![unknown(failure.message)]),
        Ok(None) => {
            let lines = lines_to_paste(&key.to_pem());
            let how = if config::is_script(config.path()) {
                format!("put these lines into {path} and release the native app with it")
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
    let installed = VerifyingKey::from_pem(&pem)
        .about(Subject::PublicKey)
        .map_err(|failure| failure.naming(config.path()));
    match installed {
        Ok(installed) if installed == *key => Ok(Vec::new()),
        Ok(installed) => {
            let message = format!(
                "the key that signs is {id}, and publicKey of {path} is {}: apps built with it refuse the bundle; sign with the \
                 private key of {}, or install the other public key (`capbundle key save`) and release the native app with it",
                installed.capgo_key_id(),
                installed.capgo_key_id(),
            );
            about(message, "key_mismatch")
        }
        Err(failure) if is_allowed => Ok(vec![Warning::new(failure.code, failure.message)]),
        Err(failure) => Err(failure),
    }
}
