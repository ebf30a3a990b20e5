//! `POST /stats`: events that devices report, one or an array.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use capbundle::update::protocol::{StatsEvent, StatsResponse, StatsResult, is_known_action};
use rusqlite::Connection;
use serde_json::Value;

use super::request;
use crate::api_error::{ApiError, ApiResult};
use crate::database::{apps, statistics};
use crate::input;
use crate::state::ServerState;

/// More than any plugin sends: they keep at most 200 events.
const MAX_EVENTS: usize = 1000;

pub(crate) async fn post(State(state): State<Arc<ServerState>>, body: Body) -> ApiResult<Json<StatsResponse>> {
    let body: Value = request::parse(&input::read_body(body).await?)?;
    match body {
        Value::Array(events) if events.len() > MAX_EVENTS => Err(ApiError::new(
            "too_many_events",
            format!("expected at most {MAX_EVENTS} events, found {}", events.len()),
        )),
        Value::Array(events) => {
            // One transaction, with one sync for all events.
            let counted = state
                .database
                .write(move |database| {
                    Ok(events
                        .into_iter()
                        .map(|event| count(database, event))
                        .collect::<Vec<_>>())
                })
                .await?;
            counted.iter().flatten().for_each(|event| update_metrics(&state, event));
            let results = counted
                .into_iter()
                .enumerate()
                .map(|(index, result)| event_result(index, result.map(drop)))
                .collect::<Vec<_>>();
            Ok(Json(StatsResponse::ok().with_results(results)))
        }
        single => {
            update_metrics(
                &state,
                &state.database.write(move |database| count(database, single)).await?,
            );
            Ok(Json(StatsResponse::ok()))
        }
    }
}

fn event_result(index: usize, result: ApiResult<()>) -> StatsResult {
    match result {
        Ok(()) => StatsResult::ok(index),
        Err(error) => StatsResult::refused(index, error.code),
    }
}

/// An event that was counted.
struct CountedEvent {
    app_id: String,
    /// A version of the app, `builtin`, or `other`.
    version: String,
    action: String,
}

fn update_metrics(state: &ServerState, event: &CountedEvent) {
    state.metrics.report(&event.app_id, &event.version, &event.action);
}

fn count(database: &Connection, event: Value) -> ApiResult<CountedEvent> {
    let mut event: StatsEvent = serde_json::from_value(event)
        .map_err(|error| ApiError::new("invalid_json_body", format!("the event is invalid: {error}")))?;
    request::validate(&mut event.device)?;
    if !is_known_action(&event.action) {
        return Err(ApiError::new(
            "invalid_action",
            format!("unknown action {:?}", event.action),
        ));
    }
    apps::require(database, &event.device.app_id)?;
    // An event about a single file appends it to the version, as in `1.0.0:index.html`.
    let version = event.device.version_name.split(':').next().unwrap_or_default();
    let platform = match event.device.platform.as_str() {
        known @ ("ios" | "android" | "electron") => known,
        _ => "other",
    };
    let version = statistics::count(database, &event.device.app_id, platform, version, &event.action)?;
    Ok(CountedEvent {
        app_id: event.device.app_id,
        version,
        action: event.action,
    })
}
