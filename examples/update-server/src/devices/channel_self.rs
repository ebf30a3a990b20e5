//! `/channel_self`: a device sets, reads or clears its channel, or lists the channels it may choose.
//!
//! As in the update protocol, a rejection has status 200 and a code.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use capbundle::update::protocol::{
    ChannelInfo, ChannelOrigin, ChannelRequest, ChannelSet, CurrentChannel, UpdateRequest,
};
use rusqlite::Connection;
use semver::Version;
use serde_json::json;

use super::decision::ChannelAssignment;
use super::{request, updates};
use crate::api_error::{ApiError, ApiResult};
use crate::database::channels::{self, ChannelRow};
use crate::database::{apps, devices};
use crate::input;
use crate::state::ServerState;
use crate::validation;

/// `POST /channel_self`: the device chooses a channel.
pub(crate) async fn choose(State(state): State<Arc<ServerState>>, body: Body) -> ApiResult<Response> {
    let mut request: ChannelRequest = request::parse(&input::read_body(body).await?)?;
    request::validate(&mut request.device)?;
    let Some(name) = request.channel.clone() else {
        return Ok(error_response(&rejection("missing_channel", "Missing channel")));
    };
    let device = request.device.clone();
    let result = state
        .database
        .write(move |database| set(database, &device, &name))
        .await;
    respond(result.map(|()| ChannelSet::ok().with_allow_set(allow_set(&request.device, true))))
}

fn set(database: &Connection, device: &UpdateRequest, name: &str) -> ApiResult<()> {
    apps::require(database, &device.app_id)?;
    let channel = channels::by_name(database, &device.app_id, name)?
        .ok_or_else(|| rejection("channel_not_found", "Channel not found"))?;
    if !channel.allow_device_self_set {
        let code = if channel.public {
            "public_channel_self_set_not_allowed"
        } else {
            "channel_self_set_not_allowed"
        };
        return Err(rejection(code, "Devices may not choose this channel"));
    }
    // If devices may no longer choose the device's current channel, the operator keeps the device there.
    let current = channels::chosen(database, &device.app_id, &device.device_id)?;
    if current.is_some_and(|current| !current.allow_device_self_set) {
        return Err(rejection(
            "cannot_override",
            "The device cannot leave its current channel",
        ));
    }
    devices::set_channel(database, &device.app_id, &device.device_id, channel.id)
}

/// `PUT /channel_self`: the channel of the device.
pub(crate) async fn current(State(state): State<Arc<ServerState>>, body: Body) -> ApiResult<Response> {
    let mut device: UpdateRequest = request::parse(&input::read_body(body).await?)?;
    request::validate(&mut device)?;
    let found = state
        .database
        .read(move |database| {
            apps::require(database, &device.app_id)?;
            let found = updates::channel_of(database, &device)?;
            let (channel, assignment) = found.ok_or_else(|| {
                rejection(
                    "channel_not_found",
                    "The app has no public channel, and the device chose none",
                )
            })?;
            let status = if assignment == ChannelAssignment::DeviceOverride {
                ChannelOrigin::Override
            } else {
                ChannelOrigin::Default
            };
            let allow_set = allow_set(&device, channel.allow_device_self_set);
            Ok(CurrentChannel::new(channel.name, status).with_allow_set(allow_set))
        })
        .await;
    respond(found)
}

/// `DELETE /channel_self`: the device returns to its default channel.
pub(crate) async fn leave(
    State(state): State<Arc<ServerState>>,
    Query(query): Query<HashMap<String, String>>,
) -> ApiResult<Response> {
    let device = from_query(&query)?;
    let result = state
        .database
        .write(move |database| {
            apps::require(database, &device.app_id)?;
            let current = channels::chosen(database, &device.app_id, &device.device_id)?;
            if current.is_some_and(|current| !current.allow_device_self_set) {
                return Err(rejection(
                    "override_not_allowed",
                    "The device cannot leave its current channel",
                ));
            }
            devices::clear_channel(database, &device.app_id, &device.device_id)
        })
        .await;
    respond(result.map(|()| ChannelSet::ok()))
}

/// `GET /channel_self`: the channels that the device may choose.
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    Query(query): Query<HashMap<String, String>>,
) -> ApiResult<Response> {
    let device = from_query(&query)?;
    let found = state
        .database
        .read(move |database| {
            apps::require(database, &device.app_id)?;
            let open = channels::open_to_devices(database, &device.app_id)?;
            Ok(open
                .iter()
                .filter(|channel| is_enabled(channel, &device.platform))
                .map(info)
                .collect::<Vec<_>>())
        })
        .await;
    respond(found)
}

fn is_enabled(channel: &ChannelRow, platform: &str) -> bool {
    match platform {
        "ios" => channel.ios,
        "android" => channel.android,
        "electron" => channel.electron,
        _ => true,
    }
}

fn info(channel: &ChannelRow) -> ChannelInfo {
    ChannelInfo::new(channel.id.to_string(), &channel.name)
        .with_public(channel.public)
        .with_allow_self_set(channel.allow_device_self_set)
}

fn from_query(query: &HashMap<String, String>) -> ApiResult<UpdateRequest> {
    let text = |name: &str| query.get(name).cloned().unwrap_or_default();
    let mut device = UpdateRequest::default()
        .with_platform(text("platform"))
        .with_device_id(text("device_id"))
        .with_app_id(text("app_id"));
    request::validate(&mut device)?;
    Ok(device)
}

/// The member `allowSet`, which older plugins do not know.
fn allow_set(device: &UpdateRequest, allowed: bool) -> Option<bool> {
    let plugin = validation::coerce_version(&device.plugin_version)?;
    let since = match plugin.major {
        5 => Version::new(5, 34, 0),
        6 => Version::new(6, 34, 0),
        7 => Version::new(7, 34, 0),
        _ => Version::new(8, 0, 0),
    };
    (plugin >= since).then_some(allowed)
}

/// An error with status 200.
fn rejection(code: &'static str, message: &str) -> ApiError {
    ApiError::new(code, message).with_status(StatusCode::OK)
}

fn error_response(error: &ApiError) -> Response {
    Json(json!({ "error": error.code, "message": error.message })).into_response()
}

fn respond(result: ApiResult<impl serde::Serialize>) -> ApiResult<Response> {
    match result {
        Ok(body) => Ok(Json(body).into_response()),
        Err(error) if error.status == StatusCode::OK => Ok(error_response(&error)),
        Err(error) => Err(error),
    }
}
