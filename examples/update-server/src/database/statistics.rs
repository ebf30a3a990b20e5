//! The `statistics` table: events that devices reported, counted by day.

use rusqlite::{Connection, params};
use serde::Serialize;

use crate::api_error::ApiResult;

/// Counts one event of today. Versions that the app never had count as `other`, so that clients cannot fill the table with made-up
/// versions. Returns the version that it was counted as.
pub(crate) fn count(
    database: &Connection,
    app_id: &str,
    platform: &str,
    version: &str,
    action: &str,
) -> ApiResult<String> {
    let sql = "INSERT INTO statistics (app_id, day, platform, version, action, count) VALUES (?1, date('now'), ?2, \
               CASE WHEN ?3 = 'builtin' OR EXISTS (SELECT 1 FROM bundles WHERE app_id = ?1 AND name = ?3) THEN ?3 ELSE 'other' END, ?4, 1) \
               ON CONFLICT DO UPDATE SET count = count + 1 RETURNING version";
    let mut statement = database.prepare_cached(sql)?;
    Ok(statement.query_row(params![app_id, platform, version, action], |row| row.get(0))?)
}

/// The count of one kind of event on one day.
#[derive(Debug, Serialize)]
pub(crate) struct StatisticsRow {
    day: String,
    platform: String,
    version: String,
    action: String,
    count: i64,
}

/// The counts of an app, newest first, at most 1,000 rows.
pub(crate) fn recent(database: &Connection, app_id: &str) -> ApiResult<Vec<StatisticsRow>> {
    let sql = "SELECT day, platform, version, action, count FROM statistics WHERE app_id = ?1 \
               ORDER BY day DESC, platform, version, action LIMIT 1000";
    let mut statement = database.prepare_cached(sql)?;
    let rows = statement.query_map([app_id], |row| {
        Ok(StatisticsRow {
            day: row.get(0)?,
            platform: row.get(1)?,
            version: row.get(2)?,
            action: row.get(3)?,
            count: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
