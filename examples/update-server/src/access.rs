//! API keys and what they permit.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rusqlite::{Connection, OptionalExtension as _, params};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::api_error::{ApiError, ApiResult};
use crate::database::Database;
use crate::error::{Error, Result};
use crate::state::ServerState;
use crate::validation;

/// Makes a leaked key recognizable in a log or a repository.
const PREFIX: &str = "cbk_";
const RANDOM_BYTES: usize = 32;

/// The permissions of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Reading and publishing for every app.
    Everything,
    /// Only some apps, or only reading.
    Limited {
        /// The apps; an empty list means every app.
        apps: Vec<String>,
        /// Whether publishing is permitted too.
        writes: bool,
    },
}

/// A new key. Its text exists only here: the database stores a hash.
pub struct NewKey {
    id: i64,
    text: String,
}

impl NewKey {
    /// The text that clients send.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The number for [`Keys::revoke`].
    #[must_use]
    pub fn id(&self) -> i64 {
        self.id
    }
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "NewKey({}, secret)", self.id)
    }
}

/// A key in [`Keys::list`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The number for [`Keys::revoke`].
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its permissions.
    pub access: Access,
    /// When it was created, UTC.
    pub created_at: String,
    /// When it was revoked, UTC.
    pub revoked_at: Option<String>,
}

/// The keys of a data folder. A server that uses the folder applies changes immediately.
pub struct Keys(Database);

impl Keys {
    /// Opens the keys in the folder `data`, which is created if it does not exist.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Database`], [`Error::NewerDatabase`].
    pub fn open(data: &Path) -> Result<Self> {
        Database::open(data).map(Self)
    }

    /// Creates a key. `name` is for people, `access` is what the key permits.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for an invalid app id; [`Error::Random`], [`Error::Database`].
    pub fn create(&self, name: &str, access: &Access) -> Result<NewKey> {
        let (apps, writes) = match access {
            Access::Everything => (&[][..], true),
            Access::Limited { apps, writes } => (apps.as_slice(), *writes),
        };
        if let Some(invalid) = apps.iter().find(|app| !validation::is_app_id(app)) {
            let reason = format!("expected {}, found {invalid:?}", validation::EXPECTED_APP_ID);
            return Err(Error::InvalidSetting {
                setting: "--app",
                reason,
            });
        }
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(Error::Random)?;
        let text = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(random));
        let id = self.0.write_blocking(|database| {
            let sql = "INSERT INTO keys (name, hash, every_app, writes) VALUES (?1, ?2, ?3, ?4)";
            database.execute(sql, params![name, hash(&text), apps.is_empty(), writes])?;
            let id = database.last_insert_rowid();
            for app in apps {
                database.execute(
                    "INSERT OR IGNORE INTO key_apps (key_id, app_id) VALUES (?1, ?2)",
                    params![id, app],
                )?;
            }
            Ok(id)
        })?;
        Ok(NewKey { id, text })
    }

    /// Lists all keys, including revoked ones.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn list(&self) -> Result<Vec<KeyRecord>> {
        self.0.write_blocking(|database| {
            let mut statement =
                database.prepare("SELECT id, name, every_app, writes, created_at, revoked_at FROM keys ORDER BY id")?;
            let rows = statement.query_map([], |row| {
                let id: i64 = row.get(0)?;
                let access = match (row.get(2)?, row.get(3)?) {
                    (true, true) => Access::Everything,
                    (_, writes) => Access::Limited {
                        apps: apps_of(database, id)?,
                        writes,
                    },
                };
                Ok(KeyRecord {
                    id,
                    name: row.get(1)?,
                    access,
                    created_at: row.get(4)?,
                    revoked_at: row.get(5)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Revokes a key. Returns `false` if no active key has this id.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn revoke(&self, id: i64) -> Result<bool> {
        let sql =
            "UPDATE keys SET revoked_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?1 AND revoked_at IS NULL";
        self.0
            .write_blocking(|database| database.execute(sql, [id]))
            .map(|changed| changed > 0)
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn apps_of(database: &Connection, id: i64) -> rusqlite::Result<Vec<String>> {
    let mut statement = database.prepare_cached("SELECT app_id FROM key_apps WHERE key_id = ?1 ORDER BY app_id")?;
    statement.query_map([id], |row| row.get(0))?.collect()
}

/// The sender of a request with a valid key.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) key: i64,
    /// `None` is every app.
    apps: Option<Vec<String>>,
    writes: bool,
}

impl Caller {
    pub(crate) fn may_read(&self, app_id: &str) -> bool {
        self.apps
            .as_ref()
            .is_none_or(|apps| apps.iter().any(|app| app == app_id))
    }

    pub(crate) fn may_write(&self, app_id: &str) -> bool {
        self.writes && self.may_read(app_id)
    }
}

impl FromRequestParts<Arc<ServerState>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<ServerState>) -> ApiResult<Self> {
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        if text("x-limited-key-id").is_some_and(|id| !id.is_empty()) {
            return Err(ApiError::unauthorized(
                "invalid_subkey",
                "this server does not support limited keys; remove the header x-limited-key-id",
            ));
        }
        let key = text("capgkey")
            .or_else(|| text("authorization"))
            .unwrap_or_default()
            .trim();
        let key = key.strip_prefix("Bearer ").unwrap_or(key).trim();
        if key.is_empty() {
            return Err(ApiError::unauthorized("no_key_provided", "No key provided"));
        }
        let hash = hash(key);
        let caller = state.database.read(move |database| find(database, &hash)).await?;
        let caller = caller.ok_or_else(|| ApiError::unauthorized("invalid_apikey", "Invalid apikey"))?;
        match state.key_rate.take(caller.key, Instant::now()) {
            Ok(()) => Ok(caller),
            Err(seconds) => Err(crate::middleware::rate_limited(state, seconds)),
        }
    }
}

fn find(database: &Connection, hash: &[u8; 32]) -> ApiResult<Option<Caller>> {
    let sql = "SELECT id, every_app, writes, hash FROM keys WHERE hash = ?1 AND revoked_at IS NULL";
    let found = database.prepare_cached(sql)?.query_row([hash], |row| {
        let key: i64 = row.get(0)?;
        let apps = if row.get(1)? {
            None
        } else {
            Some(apps_of(database, key)?)
        };
        let stored: [u8; 32] = row.get(3)?;
        Ok((
            Caller {
                key,
                apps,
                writes: row.get(2)?,
            },
            stored,
        ))
    });
    // The index compares hashes, and the prefix of a hash reveals nothing about the key. The final comparison is in constant
    // time nevertheless.
    let found = found.optional()?;
    Ok(found.and_then(|(caller, stored)| bool::from(stored.ct_eq(hash)).then_some(caller)))
}
