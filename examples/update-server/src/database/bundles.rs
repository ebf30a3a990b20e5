//! The rows of bundles.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Value;

use crate::refusal::Answer;

/// Rows of one page of a list.
pub(crate) const PAGE: i64 = 50;

/// A bundle as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Bundle {
    pub(crate) id: i64,
    pub(crate) app_id: String,
    pub(crate) name: String,
    pub(crate) checksum: Option<String>,
    pub(crate) session_key: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) external_url: Option<String>,
    /// Where a stored archive is, `<app>/<sha256>.zip`.
    pub(crate) r2_path: Option<String>,
    pub(crate) link: Option<String>,
    pub(crate) comment: Option<String>,
    pub(crate) min_update_version: Option<String>,
    /// Bytes of the archive, where they are known.
    pub(crate) size: Option<i64>,
    pub(crate) native_packages: Option<Value>,
    /// The key that registered it, as `<id>:<name>`.
    pub(crate) user_id: Option<String>,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(crate) deleted_at: Option<String>,
}

/// What a bundle is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewBundle {
    pub(crate) app_id: String,
    pub(crate) name: String,
    pub(crate) checksum: String,
    pub(crate) session_key: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) external_url: String,
    pub(crate) r2_path: Option<String>,
    pub(crate) link: Option<String>,
    pub(crate) comment: Option<String>,
    pub(crate) min_update_version: Option<String>,
    /// Bytes of the archive, where they are known.
    pub(crate) size: Option<u64>,
    /// The native packages of the publisher's project.
    pub(crate) native_packages: Option<Value>,
}

const COLUMNS: &str = "id, app_id, name, checksum, session_key, key_id, external_url, r2_path, link, comment, min_update_version, \
                       size, native_packages, created_at, updated_at, deleted_at, \
                       (SELECT keys.id || ':' || keys.name FROM keys WHERE keys.id = created_by) AS user_id";

fn read(row: &Row<'_>) -> rusqlite::Result<Bundle> {
    let native_packages: Option<String> = row.get("native_packages")?;
    Ok(Bundle {
        id: row.get("id")?,
        app_id: row.get("app_id")?,
        name: row.get("name")?,
        checksum: row.get("checksum")?,
        session_key: row.get("session_key")?,
        key_id: row.get("key_id")?,
        external_url: row.get("external_url")?,
        r2_path: row.get("r2_path")?,
        link: row.get("link")?,
        comment: row.get("comment")?,
        min_update_version: row.get("min_update_version")?,
        size: row.get("size")?,
        // Written by this server alone, as JSON.
        native_packages: native_packages.and_then(|packages| serde_json::from_str(&packages).ok()),
        user_id: row.get("user_id")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        deleted_at: row.get("deleted_at")?,
    })
}

/// A page of the bundles that are there, newest first.
pub(crate) fn page(database: &Connection, app_id: &str, page: i64) -> Answer<Vec<Bundle>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM bundles WHERE app_id = ?1 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT ?2 OFFSET ?3"
    );
    let mut statement = database.prepare_cached(&sql)?;
    let rows = statement.query_map(params![app_id, PAGE, page.saturating_mul(PAGE)], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn by_id(database: &Connection, app_id: &str, id: i64) -> Answer<Option<Bundle>> {
    let sql = format!("SELECT {COLUMNS} FROM bundles WHERE app_id = ?1 AND id = ?2 AND deleted_at IS NULL");
    let mut statement = database.prepare_cached(&sql)?;
    Ok(statement.query_row(params![app_id, id], read).optional()?)
}

pub(crate) fn by_name(database: &Connection, app_id: &str, name: &str) -> Answer<Option<Bundle>> {
    let sql = format!("SELECT {COLUMNS} FROM bundles WHERE app_id = ?1 AND name = ?2 AND deleted_at IS NULL");
    let mut statement = database.prepare_cached(&sql)?;
    Ok(statement.query_row(params![app_id, name], read).optional()?)
}

/// Adds a bundle; gives its id.
pub(crate) fn add(database: &Connection, bundle: &NewBundle, key: i64) -> Answer<i64> {
    let sql = "INSERT INTO bundles (app_id, name, checksum, session_key, key_id, external_url, r2_path, link, comment, \
               min_update_version, created_by, size, native_packages) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    database.execute(
        sql,
        params![
            bundle.app_id,
            bundle.name,
            bundle.checksum,
            bundle.session_key,
            bundle.key_id,
            bundle.external_url,
            bundle.r2_path,
            bundle.link,
            bundle.comment,
            bundle.min_update_version,
            key,
            bundle.size.and_then(|size| i64::try_from(size).ok()),
            bundle.native_packages.as_ref().map(Value::to_string)
        ],
    )?;
    Ok(database.last_insert_rowid())
}

/// Whether a channel hands it out.
pub(crate) fn is_linked(database: &Connection, id: i64) -> Answer<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM channels WHERE version_id = ?1 OR rollout_version_id = ?1)";
    Ok(database.prepare_cached(sql)?.query_row([id], |row| row.get(0))?)
}

const UNLINKED: &str = "id NOT IN (SELECT version_id FROM channels WHERE version_id IS NOT NULL) \
                        AND id NOT IN (SELECT rollout_version_id FROM channels WHERE rollout_version_id IS NOT NULL)";

/// Marks one bundle deleted, or all that no channel hands out; gives the paths of their archives.
pub(crate) fn delete(database: &Connection, app_id: &str, id: Option<i64>) -> Answer<Vec<String>> {
    let sql = format!(
        "UPDATE bundles SET deleted_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') \
         WHERE app_id = ?1 AND deleted_at IS NULL AND (?2 IS NULL OR id = ?2) AND {UNLINKED} RETURNING r2_path"
    );
    let mut statement = database.prepare_cached(&sql)?;
    let paths = statement.query_map(params![app_id, id], |row| row.get::<_, Option<String>>(0))?;
    let paths: Vec<_> = paths.collect::<rusqlite::Result<_>>()?;
    Ok(paths.into_iter().flatten().collect())
}

/// Whether a bundle that is there needs this archive.
pub(crate) fn needs_file(database: &Connection, path: &str) -> Answer<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM bundles WHERE r2_path = ?1 AND deleted_at IS NULL)";
    Ok(database.prepare_cached(sql)?.query_row([path], |row| row.get(0))?)
}

/// Sets what people read about it; `None` keeps what is there.
pub(crate) fn describe(database: &Connection, id: i64, link: Option<&str>, comment: Option<&str>) -> Answer<()> {
    let sql = "UPDATE bundles SET link = coalesce(?2, link), comment = coalesce(?3, comment), \
               updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?1";
    database.execute(sql, params![id, link, comment])?;
    Ok(())
}

/// What the archives that this server keeps for an app take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) app_id: String,
    /// Bundles that are there, wherever their archives are.
    pub(crate) bundles: i64,
    /// Archives that this server keeps; bundles may share one.
    pub(crate) archives: i64,
    /// Bytes of these archives.
    pub(crate) bytes: i64,
}

/// The usage of one app, or of each.
pub(crate) fn usage(database: &Connection, app_id: Option<&str>) -> Answer<Vec<Usage>> {
    let sql = "SELECT apps.app_id, \
               (SELECT count(*) FROM bundles WHERE bundles.app_id = apps.app_id AND deleted_at IS NULL), \
               count(size_of.path), coalesce(sum(size_of.size), 0) FROM apps LEFT JOIN \
               (SELECT app_id, r2_path AS path, max(size) AS size FROM bundles \
                WHERE deleted_at IS NULL AND r2_path IS NOT NULL GROUP BY app_id, r2_path) AS size_of \
               ON size_of.app_id = apps.app_id WHERE ?1 IS NULL OR apps.app_id = ?1 GROUP BY apps.app_id";
    let mut statement = database.prepare_cached(sql)?;
    let rows = statement.query_map([app_id], |row| {
        Ok(Usage {
            app_id: row.get(0)?,
            bundles: row.get(1)?,
            archives: row.get(2)?,
            bytes: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Archives that are kept here and whose size was not recorded when they were registered, by an older version.
pub(crate) fn without_size(database: &Connection) -> Answer<Vec<String>> {
    let sql = "SELECT DISTINCT r2_path FROM bundles WHERE deleted_at IS NULL AND r2_path IS NOT NULL AND size IS NULL";
    let mut statement = database.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Records the size of an archive that is kept here.
pub(crate) fn set_size(database: &Connection, path: &str, size: u64) -> Answer<()> {
    database.execute(
        "UPDATE bundles SET size = ?2 WHERE r2_path = ?1",
        params![path, i64::try_from(size).ok()],
    )?;
    Ok(())
}
