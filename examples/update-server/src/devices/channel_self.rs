//! `/channel_self`: a device chooses its channel, reads it, leaves it, or lists those it may choose.
//!
//! As with updates, a refusal has status 200 and a code.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use capbundle::update::protocol::{ChannelInfo, ChannelNow, ChannelRequest, ChannelSet, ChannelSource, UpdateRequest};
use rusqlite::Connection;
use semver::Version;
use serde_json::json;

use super::decide::Way;
use super::{request, updates};
use crate::database::channels::{self, Channel};
use crate::database::{apps, devices};
use crate::input;
use crate::names;
use crate::refusal::{Answer, Refusal};
use crate::state::App;

/// `POST`.
pub(crate) async fn choose(State(app): State<Arc<App>>, body: Body) -> Answer<Response> {
    let mut asked: ChannelRequest = request::read(&input::read_body(body).await?)?;
    request::check(&mut asked.device)?;
    let Some(name) = asked.channel.clone() else {
        return Ok(refused(&no("missing_channel", "Cannot find channel")));
    };
    let device = asked.device.clone();
    let chosen = app.database.write(move |database| set(database, &device, &name)).await;
    answer(chosen.map(|()| ChannelSet {
        status: "ok".to_owned(),
        allow_set: allow_set(&asked.device, true),
    }))
}

fn set(database: &Connection, device: &UpdateRequest, name: &str) -> Answer<()> {
    apps::must_exist(database, &device.app_id)?;
    let wanted = channels::by_name(database, &device.app_id, name)?
        .ok_or_else(|| no("channel_not_found", "There is no such channel"))?;
    if !wanted.allow_device_self_set {
        let code = if wanted.public {
            "public_channel_self_set_not_allowed"
        } else {
            "channel_self_set_not_allowed"
        };
        return Err(no(code, "This channel does not let devices choose it"));
    }
    // A device that was put into a channel which devices may not choose is kept there on purpose.
    let held = channels::chosen(database, &device.app_id, &device.device_id)?;
    if held.is_some_and(|held| !held.allow_device_self_set) {
        return Err(no("cannot_override", "This device is held in another channel"));
    }
    devices::choose(database, &device.app_id, &device.device_id, wanted.id)
}

/// `PUT`.
pub(crate) async fn now(State(app): State<Arc<App>>, body: Body) -> Answer<Response> {
    let mut device: UpdateRequest = request::read(&input::read_body(body).await?)?;
    request::check(&mut device)?;
    let found = app
        .database
        .read(move |database| {
            apps::must_exist(database, &device.app_id)?;
            let found = updates::channel_of(database, &device)?;
            let (channel, way) = found.ok_or_else(|| no("channel_not_found", "There is no channel for this device"))?;
            let status = if way == Way::Chosen {
                ChannelSource::Override
            } else {
                ChannelSource::Default
            };
            let allow_set = allow_set(&device, channel.allow_device_self_set);
            Ok(ChannelNow {
                channel: channel.name,
                status,
                allow_set,
            })
        })
        .await;
    answer(found)
}

/// `DELETE`.
pub(crate) async fn leave(
    State(app): State<Arc<App>>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer<Response> {
    let device = from_query(&query)?;
    let left = app
        .database
        .write(move |database| {
            apps::must_exist(database, &device.app_id)?;
            let held = channels::chosen(database, &device.app_id, &device.device_id)?;
            if held.is_some_and(|held| !held.allow_device_self_set) {
                return Err(no("override_not_allowed", "This device is held in its channel"));
            }
            devices::forget(database, &device.app_id, &device.device_id)
        })
        .await;
    answer(left.map(|()| ChannelSet {
        status: "ok".to_owned(),
        allow_set: None,
    }))
}

/// `GET`.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer<Response> {
    let device = from_query(&query)?;
    let found = app
        .database
        .read(move |database| {
            apps::must_exist(database, &device.app_id)?;
            let open = channels::open_to_devices(database, &device.app_id)?;
            Ok(open
                .iter()
                .filter(|channel| is_on(channel, &device.platform))
                .map(describe)
                .collect::<Vec<_>>())
        })
        .await;
    answer(found)
}

fn is_on(channel: &Channel, platform: &str) -> bool {
    match platform {
        "ios" => channel.ios,
        "android" => channel.android,
        "electron" => channel.electron,
        _ => true,
    }
}

fn describe(channel: &Channel) -> ChannelInfo {
    ChannelInfo {
        id: channel.id.to_string(),
        name: channel.name.clone(),
        public: channel.public,
        allow_self_set: channel.allow_device_self_set,
    }
}

fn from_query(query: &HashMap<String, String>) -> Answer<UpdateRequest> {
    let text = |name: &str| query.get(name).cloned().unwrap_or_default();
    let mut device = UpdateRequest {
        platform: text("platform"),
        device_id: text("device_id"),
        app_id: text("app_id"),
        ..UpdateRequest::default()
    };
    request::check(&mut device)?;
    Ok(device)
}

/// `allowSet`, for plugins that know it.
fn allow_set(device: &UpdateRequest, allowed: bool) -> Option<bool> {
    let plugin = names::coerced(&device.plugin_version)?;
    let since = match plugin.major {
        5 => Version::new(5, 34, 0),
        6 => Version::new(6, 34, 0),
        7 => Version::new(7, 34, 0),
        _ => Version::new(8, 0, 0),
    };
    (plugin >= since).then_some(allowed)
}

fn no(code: &'static str, message: &str) -> Refusal {
    Refusal::new(code, message).with_status(StatusCode::OK)
}

fn refused(refusal: &Refusal) -> Response {
    Json(json!({ "error": refusal.code, "message": refusal.message })).into_response()
}

fn answer(result: Answer<impl serde::Serialize>) -> Answer<Response> {
    match result {
        Ok(granted) => Ok(Json(granted).into_response()),
        Err(refusal) if refusal.status == StatusCode::OK => Ok(refused(&refusal)),
        Err(refusal) => Err(refusal),
    }
}
