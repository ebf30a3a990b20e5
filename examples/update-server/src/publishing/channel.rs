//! `/channel`: list, make and change, delete.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::describe;
use crate::access::Caller;
use crate::database::channels::{self, Channel, Linked};
use crate::database::{apps, bundles};
use crate::input::Fields;
use crate::names;
use crate::refusal::{Answer, Refusal};
use crate::state::App;

/// The words of `disableAutoUpdate`.
const STEPS: [&str; 5] = ["none", "major", "minor", "patch", "version_number"];

/// `GET /channel?app_id&channel&page`: an array, or the one channel that is named.
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller, fields: Fields) -> Answer<Json<Value>> {
    let app_id = fields.app_id()?;
    if !caller.may_read(&app_id) {
        return Err(Refusal::new("cannot_access_app", "You can't access this app"));
    }
    let (name, page) = (fields.text("channel"), fields.number("page").unwrap_or(0).max(0));
    app.database
        .read(move |database| {
            if let Some(name) = name {
                return Ok(Json(describe::channel(&find(database, &app_id, &name)?)));
            }
            let rows = channels::page(database, &app_id, page)?;
            Ok(Json(rows.iter().map(describe::channel).collect()))
        })
        .await
}

/// `POST /channel`: makes the channel if it is not there, and changes what is given.
pub(crate) async fn set(State(app): State<Arc<App>>, caller: Caller, fields: Fields) -> Answer<Json<Value>> {
    let app_id = fields.app_id()?;
    let name = named(&fields)?;
    if !caller.may_write(&app_id) {
        return Err(Refusal::new("cannot_access_app", "You can't access this app"));
    }
    let new_apps = app.config.new_apps;
    app.database
        .write(move |database| {
            if new_apps {
                apps::ensure(database, &app_id)?;
            }
            if apps::rules(database, &app_id)?.is_none() {
                return Err(Refusal::new(
                    "cannot_find_app",
                    "There is no such app; `app create` makes it",
                ));
            }
            if channels::by_name(database, &app_id, &name)?.is_none() {
                channels::add(database, &app_id, &name)?;
            }
            let mut channel = find(database, &app_id, &name)?;
            change_versions(database, &fields, &mut channel)?;
            change_switches(&fields, &mut channel)?;
            channels::save(database, &channel)
        })
        .await?;
    Ok(Json(json!({ "status": "ok" })))
}

/// `DELETE /channel`. Devices that chose it are in the public one then.
pub(crate) async fn delete(State(app): State<Arc<App>>, caller: Caller, fields: Fields) -> Answer<Json<Value>> {
    let app_id = fields.app_id()?;
    let name = named(&fields)?;
    if !caller.may_write(&app_id) {
        return Err(Refusal::new("cannot_access_app", "You can't access this app"));
    }
    app.database
        .write(move |database| channels::delete(database, find(database, &app_id, &name)?.id))
        .await?;
    Ok(Json(json!({ "status": "ok" })))
}

fn named(fields: &Fields) -> Answer<String> {
    let name = fields
        .text("channel")
        .ok_or_else(|| Refusal::new("missing_channel", "Missing channel"))?;
    if names::is_channel(&name) {
        return Ok(name);
    }
    Err(Refusal::new(
        "invalid_channel",
        "the name of a channel is short and printable",
    ))
}

fn find(database: &Connection, app_id: &str, name: &str) -> Answer<Channel> {
    let channel = channels::by_name(database, app_id, name)?;
    channel.ok_or_else(|| Refusal::new("cannot_find_channel", "There is no such channel in this app"))
}

fn change_versions(database: &Connection, fields: &Fields, channel: &mut Channel) -> Answer<()> {
    let linked = |name: &str| -> Answer<Option<Linked>> {
        let bundle = bundles::by_name(database, &channel.app_id, name)?;
        let bundle =
            bundle.ok_or_else(|| Refusal::new("cannot_find_version", format!("There is no version {name}")))?;
        Ok(Some(Linked {
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
            return Err(Refusal::new("invalid_rollout", "rollout_percentage is from 0 to 100"));
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

fn change_switches(fields: &Fields, channel: &mut Channel) -> Answer<()> {
    if let Some(step) = fields.text("disableAutoUpdate") {
        if !STEPS.contains(&step.as_str()) {
            let message = format!("disableAutoUpdate is one of {}", STEPS.join(", "));
            return Err(Refusal::new("invalid_disable_auto_update", message));
        }
        channel.disable_auto_update = step;
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
