//! Keys: who may publish, for which apps.

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

use crate::database::Database;
use crate::error::{Error, Result};
use crate::names;
use crate::refusal::{Answer, Refusal};
use crate::state::App;

/// So that a key is known as one when it turns up in a log or a repository.
const PREFIX: &str = "cbk_";
const RANDOM_BYTES: usize = 32;

/// What a key may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Read and write, for every app.
    Everything,
    /// For some apps, or only to read.
    Limited {
        /// The apps; none means all.
        apps: Vec<String>,
        /// Whether it may publish, or only read.
        writes: bool,
    },
}

/// A key that was just made. Its text is nowhere else: the database has a hash.
pub struct NewKey {
    id: i64,
    text: String,
}

impl NewKey {
    /// What the client sends.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What `key revoke` takes.
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

/// A key as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// What `key revoke` takes.
    pub id: i64,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub access: Access,
    /// When it was made, UTC.
    pub created_at: String,
    /// When it was revoked, UTC.
    pub revoked_at: Option<String>,
}

/// The keys of a data folder. Works beside a running server, which knows of a change at once.
pub struct Keys(Database);

impl Keys {
    /// The keys in the folder `data`, which is made if it is missing.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Database`], [`Error::Newer`].
    pub fn open(data: &Path) -> Result<Self> {
        Database::open(data).map(Self)
    }

    /// Makes a key. `name` says what it is for, `access` what it may do.
    ///
    /// # Errors
    /// [`Error::Setting`] for what is no id of an app; [`Error::Random`], [`Error::Database`].
    pub fn create(&self, name: &str, access: &Access) -> Result<NewKey> {
        let (apps, writes) = match access {
            Access::Everything => (&[][..], true),
            Access::Limited { apps, writes } => (apps.as_slice(), *writes),
        };
        if let Some(wrong) = apps.iter().find(|app| !names::is_app_id(app)) {
            let problem = format!("expected {}, found {wrong:?}", names::EXPECTED_APP_ID);
            return Err(Error::Setting { what: "--app", problem });
        }
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(Error::Random)?;
        let text = format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(random));
        let id = self.0.change(|database| {
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

    /// Every key, revoked ones too.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn list(&self) -> Result<Vec<KeyRecord>> {
        self.0.change(|database| {
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

    /// Ends a key. `false` if there is none with this id that is still good.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn revoke(&self, id: i64) -> Result<bool> {
        let sql =
            "UPDATE keys SET revoked_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?1 AND revoked_at IS NULL";
        self.0
            .change(|database| database.execute(sql, [id]))
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

/// Who sent a request: the holder of a good key.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) key: i64,
    /// `None` means every app.
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

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Answer<Self> {
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        if text("x-limited-key-id").is_some_and(|id| !id.is_empty()) {
            return Err(Refusal::unauthorized(
                "invalid_subkey",
                "this server has no limited keys: leave x-limited-key-id out",
            ));
        }
        let given = text("capgkey")
            .or_else(|| text("authorization"))
            .unwrap_or_default()
            .trim();
        let given = given.strip_prefix("Bearer ").unwrap_or(given).trim();
        if given.is_empty() {
            return Err(Refusal::unauthorized("no_key_provided", "No key provided"));
        }
        let hash = hash(given);
        let caller = app.database.read(move |database| find(database, &hash)).await?;
        let caller = caller.ok_or_else(|| Refusal::unauthorized("invalid_apikey", "Invalid apikey"))?;
        match app.keys.take(caller.key, Instant::now()) {
            Ok(()) => Ok(caller),
            Err(seconds) => Err(crate::gate::too_often(app, seconds)),
        }
    }
}

fn find(database: &Connection, hash: &[u8; 32]) -> Answer<Option<Caller>> {
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
    // The index compares hashes, whose prefix tells nothing of the key; the last word is in constant time all the same.
    let found = found.optional()?;
    Ok(found.and_then(|(caller, stored)| bool::from(stored.ct_eq(hash)).then_some(caller)))
}
