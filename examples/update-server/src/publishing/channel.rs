//! `/channel`: list, create, update and delete channels.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{cannot_access_app, json, readable_app};
use crate::access::Caller;
use crate::api_error::{ApiError, ApiResult};
use crate::database::channels::{self, ChannelRow, LinkedBundle};
use crate::database::{apps, bundles};
use crate::input::Fields;
use crate::state::ServerState;
use crate::validation;

/// The values of `disableAutoUpdate`.
const AUTO_UPDATE_RULES: [&str; 5] = ["none", "major", "minor", "patch", "version_number"];

/// `GET /channel?app_id&channel&page`: the channels of the app, or the channel named `channel`.
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    fields: Fields,
) -> ApiResult<Json<Value>> {
    let app_id = readable_app(&caller, &fields)?;
    let (name, page) = (fields.text("channel"), fields.number("page").unwrap_or(0).max(0));
    state
        .database
        .read(move |database| {
            if let Some(name) = name {
                return Ok(Json(json::channel(&find(database, &app_id, &name)?)));
            }
            let rows = channels::page(database, &app_id, page)?;
            Ok(Json(rows.iter().map(json::channel).collect()))
        })
        .await
}

/// `POST /channel`: creates the channel if it does not exist, and updates the settings in the request.
pub(crate) async fn set(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    fields: Fields,
) -> ApiResult<Json<Value>> {
    let (app_id, name) = channel_to_change(&caller, &fields)?;
    let new_apps = state.config.new_apps;
    state
        .database
        .write(move |database| {
            if new_apps {
                apps::create_if_missing(database, &app_id)?;
            }
            if apps::rules(database, &app_id)?.is_none() {
                return Err(ApiError::new(
                    "cannot_find_app",
                    "The app does not exist; create it with `app create`",
                ));
            }
            if channels::by_name(database, &app_id, &name)?.is_none() {
                channels::insert(database, &app_id, &name)?;
            }
            let mut channel = find(database, &app_id, &name)?;
            set_versions(database, &fields, &mut channel)?;
            set_switches(&fields, &mut channel)?;
            channels::save(database, &channel)
        })
        .await?;
    Ok(Json(json!({ "status": "ok" })))
}

/// `DELETE /channel`. Devices that chose it return to their default channel.
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    fields: Fields,
) -> ApiResult<Json<Value>> {
    let (app_id, name) = channel_to_change(&caller, &fields)?;
    state
        .database
        .write(move |database| channels::delete(database, find(database, &app_id, &name)?.id))
        .await?;
    Ok(Json(json!({ "status": "ok" })))
}

/// The app and the name of the channel, which the caller may change.
fn channel_to_change(caller: &Caller, fields: &Fields) -> ApiResult<(String, String)> {
    let app_id = fields.app_id()?;
    let name = channel_name(fields)?;
    if caller.may_write(&app_id) {
        Ok((app_id, name))
    } else {
        Err(cannot_access_app())
    }
}

fn channel_name(fields: &Fields) -> ApiResult<String> {
    let name = fields
        .text("channel")
        .ok_or_else(|| ApiError::new("missing_channel", "Missing channel"))?;
    if validation::is_channel_name(&name) {
        return Ok(name);
    }
    Err(ApiError::new(
        "invalid_channel",
        "expected a channel name of 1 to 100 printable characters",
    ))
}

fn find(database: &Connection, app_id: &str, name: &str) -> ApiResult<ChannelRow> {
    let channel = channels::by_name(database, app_id, name)?;
    channel.ok_or_else(|| ApiError::new("cannot_find_channel", "Channel not found in this app"))
}

fn set_versions(database: &Connection, fields: &Fields, channel: &mut ChannelRow) -> ApiResult<()> {
    let linked = |name: &str| -> ApiResult<Option<LinkedBundle>> {
        let bundle = bundles::by_name(database, &channel.app_id, name)?;
        let bundle = bundle
            .ok_or_else(|| ApiError::new("cannot_find_version", format!("Version {name} not found in this app")))?;
        Ok(Some(LinkedBundle {
            id: bundle.id,
            name: bundle.name,
        }))
    };
    match fields.text("version").as_deref() {
        None => {}
        Some("builtin") => (channel.version, channel.built_in) = (None, true),
        Some(name) => (channel.version, channel.built_in) = (linked(name)?, false),
    }
    match fields.text("rollout_version").as_deref() {
        None => {}
        Some("none") => (channel.rollout, channel.rollout_share) = (None, 0),
        Some(name) => channel.rollout = linked(name)?,
    }
    if let Some(percentage) = fields.fraction("rollout_percentage") {
        if !(0.0..=100.0).contains(&percentage) {
            return Err(ApiError::new(
                "invalid_rollout",
                "rollout_percentage: expected a number from 0 to 100",
            ));
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 10,000"
        )]
        let share = (percentage * 100.0).round() as u16;
        channel.rollout_share = share;
    }
    Ok(())
}

fn set_switches(fields: &Fields, channel: &mut ChannelRow) -> ApiResult<()> {
    if let Some(rule) = fields.text("disableAutoUpdate") {
        if !AUTO_UPDATE_RULES.contains(&rule.as_str()) {
            let message = format!("disableAutoUpdate: expected one of {}", AUTO_UPDATE_RULES.join(", "));
            return Err(ApiError::new("invalid_disable_auto_update", message));
        }
        channel.disable_auto_update = rule;
    }
    for (name, switch) in [
        ("public", &mut channel.public),
        ("disableAutoUpdateUnderNative", &mut channel.disable_under_native),
        ("allow_device_self_set", &mut channel.allow_device_self_set),
        ("allow_emulator", &mut channel.allow_emulator),
        ("allow_device", &mut channel.allow_device),
        ("allow_dev", &mut channel.allow_dev),
        ("allow_prod", &mut channel.allow_prod),
        ("ios", &mut channel.ios),
        ("android", &mut channel.android),
        ("electron", &mut channel.electron),
    ] {
        *switch = fields.flag(name).unwrap_or(*switch);
    }
    Ok(())
}
