//! The `apps` table. An app is created by its first upload or bundle, or by `app create`.

use std::path::Path;

use capbundle::keys::VerifyingKey;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::Database;
use crate::api_error::{ApiError, ApiResult};
use crate::error::{Error, Result};
use crate::validation;

/// The channel that is created with an app.
const FIRST_CHANNEL: &str = "production";

/// The rules for the bundles of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppRules {
    /// Whether bundles must be encrypted.
    pub encryption_required: bool,
    /// The Capgo key id of the key that bundles must be encrypted with.
    pub key_id: Option<String>,
    /// Whether an archive at an external URL is downloaded and verified before it is registered; `None` uses
    /// [`Config::verify_external`](crate::Config::verify_external).
    pub verify_external: Option<bool>,
    /// The public key of the app's bundles, in PEM. Needed to verify encrypted and signed bundles.
    pub public_key: Option<String>,
}

/// Creates the app in the data folder, or replaces the rules of an existing app.
///
/// # Errors
/// [`Error::InvalidSetting`] if the app id or the public key is invalid; [`Error::File`], [`Error::Database`],
/// [`Error::NewerDatabase`].
pub fn create_app(data: &Path, app_id: &str, rules: &AppRules) -> Result<()> {
    if !validation::is_app_id(app_id) {
        let reason = format!("expected {}, found {app_id:?}", validation::EXPECTED_APP_ID);
        return Err(Error::InvalidSetting {
            setting: "app id",
            reason,
        });
    }
    if let Some(Err(error)) = rules.public_key.as_deref().map(VerifyingKey::from_pem) {
        return Err(Error::InvalidSetting {
            setting: "--public-key",
            reason: error.to_string(),
        });
    }
    Database::open(data)?.write_blocking(|database| {
        create_if_missing(database, app_id)?;
        let sql = "UPDATE apps SET encryption_required = ?2, key_id = ?3, verify_external = ?4, public_key = ?5 \
                   WHERE app_id = ?1";
        let AppRules {
            encryption_required,
            key_id,
            verify_external,
            public_key,
        } = rules;
        database.execute(
            sql,
            params![app_id, encryption_required, key_id, verify_external, public_key],
        )
    })?;
    Ok(())
}

/// Creates the app with a public channel if it does not exist.
pub(crate) fn create_if_missing(database: &Connection, app_id: &str) -> rusqlite::Result<()> {
    let created = database.execute("INSERT OR IGNORE INTO apps (app_id) VALUES (?1)", [app_id])?;
    if created > 0 {
        if !app_id.contains('.') {
            tracing::warn!(
                app_id,
                "created an app whose id is not a reverse domain; app stores and signed releases require one"
            );
        }
        let sql = "INSERT INTO channels (app_id, name, is_public) VALUES (?1, ?2, 1)";
        database.execute(sql, [app_id, FIRST_CHANNEL])?;
    }
    Ok(())
}

/// The rules of an app, if it exists.
pub(crate) fn rules(database: &Connection, app_id: &str) -> ApiResult<Option<AppRules>> {
    let sql = "SELECT encryption_required, key_id, verify_external, public_key FROM apps WHERE app_id = ?1";
    let rules = database.query_row(sql, [app_id], |row| {
        Ok(AppRules {
            encryption_required: row.get(0)?,
            key_id: row.get(1)?,
            verify_external: row.get(2)?,
            public_key: row.get(3)?,
        })
    });
    Ok(rules.optional()?)
}

/// Fails if the app does not exist, with the code that Capgo's servers use for unknown apps.
pub(crate) fn require(database: &Connection, app_id: &str) -> ApiResult<()> {
    if rules(database, app_id)?.is_some() {
        return Ok(());
    }
    let status = axum::http::StatusCode::TOO_MANY_REQUESTS;
    Err(ApiError::new("on_premise_app", "On-premise app detected").with_status(status))
}
