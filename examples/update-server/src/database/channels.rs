//! The `channels` table.

use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};

use crate::api_error::ApiResult;

/// Rows per page.
pub(crate) const PAGE: i64 = 50;

/// A channel in the database.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a setting of Capgo's channels")]
pub(crate) struct ChannelRow {
    pub(crate) id: i64,
    pub(crate) app_id: String,
    pub(crate) name: String,
    pub(crate) public: bool,
    pub(crate) version: Option<LinkedBundle>,
    pub(crate) built_in: bool,
    pub(crate) rollout: Option<LinkedBundle>,
    /// In hundredths of a percent.
    pub(crate) rollout_share: u16,
    pub(crate) disable_auto_update: String,
    pub(crate) disable_under_native: bool,
    pub(crate) allow_device_self_set: bool,
    pub(crate) allow_emulator: bool,
    pub(crate) allow_device: bool,
    pub(crate) allow_dev: bool,
    pub(crate) allow_prod: bool,
    pub(crate) ios: bool,
    pub(crate) android: bool,
    pub(crate) electron: bool,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
}

/// A bundle that a channel links.
#[derive(Debug, Clone)]
pub(crate) struct LinkedBundle {
    pub(crate) id: i64,
    pub(crate) name: String,
}

const SELECT: &str = "SELECT channels.*, stable.name AS version_name, candidate.name AS rollout_name FROM channels \
                      LEFT JOIN bundles AS stable ON stable.id = version_id \
                      LEFT JOIN bundles AS candidate ON candidate.id = rollout_version_id";

fn from_row(row: &Row<'_>) -> rusqlite::Result<ChannelRow> {
    let linked = |id: &str, name: &str| -> rusqlite::Result<Option<LinkedBundle>> {
        let (id, name): (Option<i64>, Option<String>) = (row.get(id)?, row.get(name)?);
        Ok(id.zip(name).map(|(id, name)| LinkedBundle { id, name }))
    };
    Ok(ChannelRow {
        id: row.get("id")?,
        app_id: row.get("app_id")?,
        name: row.get("name")?,
        public: row.get("is_public")?,
        version: linked("version_id", "version_name")?,
        built_in: row.get("built_in")?,
        rollout: linked("rollout_version_id", "rollout_name")?,
        rollout_share: row.get("rollout_share")?,
        disable_auto_update: row.get("disable_auto_update")?,
        disable_under_native: row.get("disable_auto_update_under_native")?,
        allow_device_self_set: row.get("allow_device_self_set")?,
        allow_emulator: row.get("allow_emulator")?,
        allow_device: row.get("allow_device")?,
        allow_dev: row.get("allow_dev")?,
        allow_prod: row.get("allow_prod")?,
        ios: row.get("ios")?,
        android: row.get("android")?,
        electron: row.get("electron")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn one(database: &Connection, condition: &str, values: &[&dyn ToSql]) -> ApiResult<Option<ChannelRow>> {
    let mut statement = database.prepare_cached(&format!("{SELECT} WHERE {condition}"))?;
    Ok(statement.query_row(values, from_row).optional()?)
}

pub(crate) fn by_id(database: &Connection, app_id: &str, id: i64) -> ApiResult<Option<ChannelRow>> {
    one(database, "channels.app_id = ?1 AND channels.id = ?2", &[&app_id, &id])
}

pub(crate) fn by_name(database: &Connection, app_id: &str, name: &str) -> ApiResult<Option<ChannelRow>> {
    one(
        database,
        "channels.app_id = ?1 AND channels.name = ?2",
        &[&app_id, &name],
    )
}

/// The channel that the device chose.
pub(crate) fn chosen(database: &Connection, app_id: &str, device_id: &str) -> ApiResult<Option<ChannelRow>> {
    let condition = "channels.id = (SELECT channel_id FROM devices WHERE app_id = ?1 AND device_id = ?2)";
    one(database, condition, &[&app_id, &device_id])
}

/// The default channel for devices. Among several public channels, the first one that is enabled for the platform.
pub(crate) fn public(database: &Connection, app_id: &str, platform: &str) -> ApiResult<Option<ChannelRow>> {
    let condition = "channels.app_id = ?1 AND is_public = 1 ORDER BY \
                     CASE ?2 WHEN 'ios' THEN ios WHEN 'android' THEN android WHEN 'electron' THEN electron ELSE 1 END DESC, channels.id LIMIT 1";
    one(database, condition, &[&app_id, &platform])
}

/// A page of an app's channels, oldest first.
pub(crate) fn page(database: &Connection, app_id: &str, page: i64) -> ApiResult<Vec<ChannelRow>> {
    let sql = format!("{SELECT} WHERE channels.app_id = ?1 ORDER BY channels.id LIMIT ?2 OFFSET ?3");
    let mut statement = database.prepare_cached(&sql)?;
    let rows = statement.query_map(params![app_id, PAGE, page.saturating_mul(PAGE)], from_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The channels that are open to devices, at most 100.
pub(crate) fn open_to_devices(database: &Connection, app_id: &str) -> ApiResult<Vec<ChannelRow>> {
    let sql = format!(
        "{SELECT} WHERE channels.app_id = ?1 AND (is_public = 1 OR allow_device_self_set = 1) ORDER BY channels.id LIMIT 100"
    );
    let mut statement = database.prepare_cached(&sql)?;
    let rows = statement.query_map([app_id], from_row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Inserts a private channel. Returns its id.
pub(crate) fn insert(database: &Connection, app_id: &str, name: &str) -> ApiResult<i64> {
    let sql = "INSERT INTO channels (app_id, name, is_public) VALUES (?1, ?2, 0)";
    database.execute(sql, [app_id, name])?;
    Ok(database.last_insert_rowid())
}

/// Saves all settings of a channel.
pub(crate) fn save(database: &Connection, channel: &ChannelRow) -> ApiResult<()> {
    let sql = "UPDATE channels SET is_public = ?2, version_id = ?3, built_in = ?4, rollout_version_id = ?5, rollout_share = ?6, \
               disable_auto_update = ?7, disable_auto_update_under_native = ?8, allow_device_self_set = ?9, allow_emulator = ?10, \
               allow_device = ?11, allow_dev = ?12, allow_prod = ?13, ios = ?14, android = ?15, electron = ?16, \
               updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = ?1";
    database.execute(
        sql,
        params![
            channel.id,
            channel.public,
            channel.version.as_ref().map(|version| version.id),
            channel.built_in,
            channel.rollout.as_ref().map(|version| version.id),
            channel.rollout_share,
            channel.disable_auto_update,
            channel.disable_under_native,
            channel.allow_device_self_set,
            channel.allow_emulator,
            channel.allow_device,
            channel.allow_dev,
            channel.allow_prod,
            channel.ios,
            channel.android,
            channel.electron
        ],
    )?;
    Ok(())
}

pub(crate) fn delete(database: &Connection, id: i64) -> ApiResult<()> {
    database.execute("DELETE FROM channels WHERE id = ?1", [id])?;
    Ok(())
}
