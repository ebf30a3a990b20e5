//! Apps: there once something was published for them, or once they were made by hand.

use std::path::Path;

use capbundle::keys::VerifyingKey;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::Database;
use crate::error::{Error, Result};
use crate::names;
use crate::refusal::{Answer, Refusal};

/// The channel every app starts with.
const FIRST_CHANNEL: &str = "production";

/// What bundles of an app must have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppRules {
    /// Only encrypted bundles are taken.
    pub encryption_required: bool,
    /// Only bundles are taken that were encrypted with the key of this Capgo key id.
    pub key_id: Option<String>,
    /// Whether an archive at another address is fetched and compared before it is registered; `None` is as the server is
    /// started ([`Config::verify_external`](crate::Config::verify_external)).
    pub verify_external: Option<bool>,
    /// The public key of the app's bundles, in PEM: with it, encrypted and signed ones are verified too.
    pub public_key: Option<String>,
}

/// Makes the app in the data folder, or gives the one that is there these rules.
///
/// # Errors
/// [`Error::Setting`] if `app_id` is not an id of an app, or the public key is no such key; [`Error::Database`].
pub fn create_app(data: &Path, app_id: &str, rules: &AppRules) -> Result<()> {
    if !names::is_app_id(app_id) {
        let problem = format!("expected {}, found {app_id:?}", names::EXPECTED_APP_ID);
        return Err(Error::Setting { what: "app", problem });
    }
    if let Some(Err(problem)) = rules.public_key.as_deref().map(VerifyingKey::from_pem) {
        let problem = problem.to_string();
        return Err(Error::Setting {
            what: "--public-key",
            problem,
        });
    }
    Database::open(data)?.change(|database| {
        ensure(database, app_id)?;
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

/// Makes the app with a public channel if it is not there.
pub(crate) fn ensure(database: &Connection, app_id: &str) -> rusqlite::Result<()> {
    let made = database.execute("INSERT OR IGNORE INTO apps (app_id) VALUES (?1)", [app_id])?;
    if made > 0 {
        if !app_id.contains('.') {
            tracing::warn!(
                app_id,
                "an app was made whose id is no reverse domain: app stores and releases need one"
            );
        }
        let sql = "INSERT INTO channels (app_id, name, is_public) VALUES (?1, ?2, 1)";
        database.execute(sql, [app_id, FIRST_CHANNEL])?;
    }
    Ok(())
}

/// The rules of an app, if it is there.
pub(crate) fn rules(database: &Connection, app_id: &str) -> Answer<Option<AppRules>> {
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

/// What a server says to devices of an app it does not know.
pub(crate) fn must_exist(database: &Connection, app_id: &str) -> Answer<()> {
    if rules(database, app_id)?.is_some() {
        return Ok(());
    }
    let status = axum::http::StatusCode::TOO_MANY_REQUESTS;
    Err(Refusal::new("on_premise_app", "On-premise app detected").with_status(status))
}
