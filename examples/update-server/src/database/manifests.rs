//! The `manifests` and `manifest_files` tables: the single files of bundles.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::api_error::ApiResult;

/// One file of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManifestFileRow {
    pub(crate) file_name: String,
    pub(crate) file_hash: String,
    pub(crate) place: FilePlace,
    /// Bytes that devices download, if known.
    pub(crate) size: Option<u64>,
}

/// Where a file of a manifest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FilePlace {
    /// Stored by this server: `<app>/<sha256>.bin`.
    Path(String),
    /// Stored elsewhere.
    Url(String),
}

/// Inserts a manifest, or marks an equal one as new. Returns its id and whether it was inserted.
pub(crate) fn insert(
    database: &Connection,
    app_id: &str,
    digest: &str,
    files: &[ManifestFileRow],
) -> ApiResult<(i64, bool)> {
    if let Some(id) = by_digest(database, app_id, digest)? {
        let sql = "UPDATE manifests SET created_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?1";
        database.execute(sql, [id])?;
        return Ok((id, false));
    }
    database.execute(
        "INSERT INTO manifests (app_id, digest) VALUES (?1, ?2)",
        params![app_id, digest],
    )?;
    let id = database.last_insert_rowid();
    let sql = "INSERT INTO manifest_files (manifest_id, position, file_name, file_hash, path, url, size) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut statement = database.prepare_cached(sql)?;
    for (position, file) in files.iter().enumerate() {
        let (path, url) = match &file.place {
            FilePlace::Path(path) => (Some(path), None),
            FilePlace::Url(url) => (None, Some(url)),
        };
        let size = file.size.and_then(|size| i64::try_from(size).ok());
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        statement.execute(params![id, position, file.file_name, file.file_hash, path, url, size])?;
    }
    Ok((id, true))
}

/// The id of the manifest with this digest.
pub(crate) fn by_digest(database: &Connection, app_id: &str, digest: &str) -> ApiResult<Option<i64>> {
    let mut statement = database.prepare_cached("SELECT id FROM manifests WHERE app_id = ?1 AND digest = ?2")?;
    Ok(statement
        .query_row(params![app_id, digest], |row| row.get(0))
        .optional()?)
}

/// Whether there is a manifest with this id.
pub(crate) fn exists(database: &Connection, id: i64) -> ApiResult<bool> {
    let mut statement = database.prepare_cached("SELECT EXISTS (SELECT 1 FROM manifests WHERE id = ?1)")?;
    Ok(statement.query_row([id], |row| row.get(0))?)
}

/// The files of a manifest, in their order.
pub(crate) fn files(database: &Connection, id: i64) -> ApiResult<Vec<ManifestFileRow>> {
    let sql =
        "SELECT file_name, file_hash, path, url, size FROM manifest_files WHERE manifest_id = ?1 ORDER BY position";
    let mut statement = database.prepare_cached(sql)?;
    let rows = statement.query_map([id], |row| {
        let (path, url): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
        let size: Option<i64> = row.get(4)?;
        Ok(ManifestFileRow {
            file_name: row.get(0)?,
            file_hash: row.get(1)?,
            place: match path {
                Some(path) => FilePlace::Path(path),
                None => FilePlace::Url(url.unwrap_or_default()),
            },
            size: size.and_then(|size| u64::try_from(size).ok()),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Sets the size of a file that this server stores.
pub(crate) fn set_size(database: &Connection, id: i64, path: &str, size: u64) -> ApiResult<()> {
    let sql = "UPDATE manifest_files SET size = ?3 WHERE manifest_id = ?1 AND path = ?2";
    database
        .prepare_cached(sql)?
        .execute(params![id, path, i64::try_from(size).ok()])?;
    Ok(())
}

/// The size of a stored file that a manifest references; `None` if none does.
pub(crate) fn known_size(database: &Connection, path: &str) -> ApiResult<Option<u64>> {
    let sql = "SELECT size FROM manifest_files WHERE path = ?1 AND size IS NOT NULL LIMIT 1";
    let size: Option<i64> = database
        .prepare_cached(sql)?
        .query_row([path], |row| row.get(0))
        .optional()?;
    Ok(size.and_then(|size| u64::try_from(size).ok()))
}

/// Removes a manifest that no bundle has. Returns the paths of its stored files.
pub(crate) fn remove_unused(database: &Connection, id: i64) -> ApiResult<Vec<String>> {
    let used = "SELECT EXISTS (SELECT 1 FROM bundles WHERE manifest_id = ?1 AND deleted_at IS NULL)";
    if database.query_row(used, [id], |row| row.get(0))? {
        return Ok(Vec::new());
    }
    let mut statement = database.prepare_cached("SELECT path FROM manifest_files WHERE manifest_id = ?1")?;
    let paths = statement.query_map([id], |row| row.get::<_, Option<String>>(0))?;
    let paths: Vec<_> = paths.collect::<rusqlite::Result<_>>()?;
    database.execute("UPDATE bundles SET manifest_id = NULL WHERE manifest_id = ?1", [id])?;
    database.execute("DELETE FROM manifests WHERE id = ?1", [id])?;
    Ok(paths.into_iter().flatten().collect())
}

/// The manifests that were uploaded more than a day ago and that no bundle has.
pub(crate) fn abandoned(database: &Connection) -> ApiResult<Vec<i64>> {
    let sql = "SELECT id FROM manifests WHERE created_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 day') \
               AND NOT EXISTS (SELECT 1 FROM bundles WHERE manifest_id = manifests.id AND deleted_at IS NULL)";
    let mut statement = database.prepare(sql)?;
    let ids = statement.query_map([], |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}
