//! The `bundles` table.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Value;

use super::manifests;
use crate::api_error::ApiResult;

/// Rows per page.
pub(crate) const PAGE: i64 = 50;

/// A bundle in the database.
#[derive(Debug, Clone)]
pub(crate) struct BundleRow {
    pub(crate) id: i64,
    pub(crate) app_id: String,
    pub(crate) name: String,
    pub(crate) checksum: Option<String>,
    pub(crate) session_key: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) external_url: Option<String>,
    /// The path of an archive that this server stores, `<app>/<sha256>.zip`.
    pub(crate) r2_path: Option<String>,
    pub(crate) link: Option<String>,
    pub(crate) comment: Option<String>,
    pub(crate) min_update_version: Option<String>,
    /// Size of the archive in bytes, if known.
    pub(crate) size: Option<i64>,
    pub(crate) native_packages: Option<Value>,
    /// The manifest of its single files.
    pub(crate) manifest_id: Option<i64>,
    /// The number of its single files.
    pub(crate) manifest_count: i64,
    /// The API key that registered it, as `<id>:<name>`.
    pub(crate) user_id: Option<String>,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(crate) deleted_at: Option<String>,
}

/// A bundle to insert.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewBundleRow {
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
    /// Size of the archive in bytes, if known.
    pub(crate) size: Option<u64>,
    /// The native packages of the project, as the publisher sent them.
    pub(crate) native_packages: Option<Value>,
    /// The manifest of its single files.
    pub(crate) manifest_id: Option<i64>,
}

const COLUMNS: &str = "id, app_id, name, checksum, session_key, key_id, external_url, r2_path, link, comment, min_update_version, \
                       size, native_packages, manifest_id, \
                       (SELECT count(*) FROM manifest_files WHERE manifest_files.manifest_id = bundles.manifest_id) AS manifest_count, \
                       created_at, updated_at, deleted_at, \
                       (SELECT keys.id || ':' || keys.name FROM keys WHERE keys.id = created_by) AS user_id";

fn from_row(row: &Row<'_>) -> rusqlite::Result<BundleRow> {
    let native_packages: Option<String> = row.get("native_packages")?;
    Ok(BundleRow {
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
        // Always valid JSON, since only this server writes it.
        native_packages: native_packages.and_then(|packages| serde_json::from_str(&packages).ok()),
        manifest_id: row.get("manifest_id")?,
        manifest_count: row.get("manifest_count")?,
        user_id: row.get("user_id")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        deleted_at: row.get("deleted_at")?,
    })
}

/// A page of the bundles, newest first.
pub(crate) fn page(database: &Connection, app_id: &str, page: i64) -> ApiResult<Vec<BundleRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM bundles WHERE app_id = ?1 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT ?2 OFFSET ?3"
    );
    let mut statement = database.prepare_cached(&sql)?;
    let rows = statement.query_map(params![app_id, PAGE, page.saturating_mul(PAGE)], from_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn by_id(database: &Connection, app_id: &str, id: i64) -> ApiResult<Option<BundleRow>> {
    let sql = format!("SELECT {COLUMNS} FROM bundles WHERE app_id = ?1 AND id = ?2 AND deleted_at IS NULL");
    let mut statement = database.prepare_cached(&sql)?;
    Ok(statement.query_row(params![app_id, id], from_row).optional()?)
}

pub(crate) fn by_name(database: &Connection, app_id: &str, name: &str) -> ApiResult<Option<BundleRow>> {
    let sql = format!("SELECT {COLUMNS} FROM bundles WHERE app_id = ?1 AND name = ?2 AND deleted_at IS NULL");
    let mut statement = database.prepare_cached(&sql)?;
    Ok(statement.query_row(params![app_id, name], from_row).optional()?)
}

/// Inserts a bundle. Returns its id.
pub(crate) fn insert(database: &Connection, bundle: &NewBundleRow, key: i64) -> ApiResult<i64> {
    let sql = "INSERT INTO bundles (app_id, name, checksum, session_key, key_id, external_url, r2_path, link, comment, \
               min_update_version, created_by, size, native_packages, manifest_id) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
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
            bundle.native_packages.as_ref().map(Value::to_string),
            bundle.manifest_id
        ],
    )?;
    Ok(database.last_insert_rowid())
}

/// Whether a channel links the bundle.
pub(crate) fn is_linked(database: &Connection, id: i64) -> ApiResult<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM channels WHERE version_id = ?1 OR rollout_version_id = ?1)";
    Ok(database.prepare_cached(sql)?.query_row([id], |row| row.get(0))?)
}

const UNLINKED: &str = "id NOT IN (SELECT version_id FROM channels WHERE version_id IS NOT NULL) \
                        AND id NOT IN (SELECT rollout_version_id FROM channels WHERE rollout_version_id IS NOT NULL)";

/// Marks one bundle, or all bundles, as deleted, except those that a channel links. Returns the paths of their archives and
/// single files.
pub(crate) fn delete(database: &Connection, app_id: &str, id: Option<i64>) -> ApiResult<Vec<String>> {
    let sql = format!(
        "UPDATE bundles SET deleted_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') \
         WHERE app_id = ?1 AND deleted_at IS NULL AND (?2 IS NULL OR id = ?2) AND {UNLINKED} RETURNING r2_path, manifest_id"
    );
    let mut statement = database.prepare_cached(&sql)?;
    let deleted = statement.query_map(params![app_id, id], |row| {
        Ok((row.get::<_, Option<String>>(0)?, row.get::<_, Option<i64>>(1)?))
    })?;
    let deleted: Vec<_> = deleted.collect::<rusqlite::Result<_>>()?;
    let mut paths = Vec::new();
    for (archive, manifest) in deleted {
        paths.extend(archive);
        if let Some(manifest) = manifest {
            paths.extend(manifests::remove_unused(database, manifest)?);
        }
    }
    Ok(paths)
}

/// Whether a bundle references this archive, or a manifest this file.
pub(crate) fn references_archive(database: &Connection, path: &str) -> ApiResult<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM bundles WHERE r2_path = ?1 AND deleted_at IS NULL) \
               OR EXISTS (SELECT 1 FROM manifest_files WHERE path = ?1)";
    Ok(database.prepare_cached(sql)?.query_row([path], |row| row.get(0))?)
}

/// Sets the link and the comment; `None` leaves the value unchanged.
pub(crate) fn set_metadata(database: &Connection, id: i64, link: Option<&str>, comment: Option<&str>) -> ApiResult<()> {
    let sql = "UPDATE bundles SET link = coalesce(?2, link), comment = coalesce(?3, comment), \
               updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?1";
    database.execute(sql, params![id, link, comment])?;
    Ok(())
}

/// The bundles and the storage of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) app_id: String,
    /// Bundles, including those with an external archive.
    pub(crate) bundles: i64,
    /// Archives that this server stores; bundles may share one.
    pub(crate) archives: i64,
    /// Size of these archives in bytes.
    pub(crate) bytes: i64,
}

/// The usage of one app, or of all apps.
pub(crate) fn usage(database: &Connection, app_id: Option<&str>) -> ApiResult<Vec<Usage>> {
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

/// Archives that this server stores and whose size an older version did not record.
pub(crate) fn without_size(database: &Connection) -> ApiResult<Vec<String>> {
    let sql = "SELECT DISTINCT r2_path FROM bundles WHERE deleted_at IS NULL AND r2_path IS NOT NULL AND size IS NULL";
    let mut statement = database.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Records the size of an archive that this server stores.
pub(crate) fn set_size(database: &Connection, path: &str, size: u64) -> ApiResult<()> {
    database.execute(
        "UPDATE bundles SET size = ?2 WHERE r2_path = ?1",
        params![path, i64::try_from(size).ok()],
    )?;
    Ok(())
}
