//! The `devices` table: the channels that devices chose.

use rusqlite::{Connection, params};

use crate::api_error::ApiResult;

pub(crate) fn set_channel(database: &Connection, app_id: &str, device_id: &str, channel: i64) -> ApiResult<()> {
    let sql = "INSERT INTO devices (app_id, device_id, channel_id) VALUES (?1, ?2, ?3) ON CONFLICT (app_id, device_id) DO UPDATE \
               SET channel_id = excluded.channel_id, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";
    database.execute(sql, params![app_id, device_id, channel])?;
    Ok(())
}

pub(crate) fn clear_channel(database: &Connection, app_id: &str, device_id: &str) -> ApiResult<()> {
    database.execute(
        "DELETE FROM devices WHERE app_id = ?1 AND device_id = ?2",
        [app_id, device_id],
    )?;
    Ok(())
}
