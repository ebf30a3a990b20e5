//! `POST /stats`: what happened on devices, one event or an array.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use capbundle::update::protocol::{StatsAnswer, StatsEvent, StatsResult, is_known_action};
use rusqlite::Connection;
use serde_json::Value;

use super::request;
use crate::database::{apps, statistics};
use crate::input;
use crate::refusal::{Answer, Refusal};
use crate::state::App;

/// Plugins keep at most 200 events.
const MAX_EVENTS: usize = 1000;

pub(crate) async fn take(State(app): State<Arc<App>>, body: Body) -> Answer<Json<StatsAnswer>> {
    let sent: Value = request::read(&input::read_body(body).await?)?;
    let status = "ok".to_owned();
    match sent {
        Value::Array(events) if events.len() > MAX_EVENTS => Err(Refusal::new(
            "too_many_events",
            format!("at most {MAX_EVENTS} events are taken at once"),
        )),
        Value::Array(events) => {
            // All or nothing reaches the disk, in one go.
            let counted = app
                .database
                .write(move |database| {
                    Ok(events
                        .into_iter()
                        .map(|event| count(database, event))
                        .collect::<Vec<_>>())
                })
                .await?;
            counted.iter().flatten().for_each(|counted| show(&app, counted));
            let results = counted
                .into_iter()
                .enumerate()
                .map(|(index, result)| result_of(index, result.map(drop)))
                .collect();
            Ok(Json(StatsAnswer {
                status,
                results: Some(results),
            }))
        }
        single => {
            show(
                &app,
                &app.database.write(move |database| count(database, single)).await?,
            );
            Ok(Json(StatsAnswer { status, results: None }))
        }
    }
}

fn result_of(index: usize, result: Answer<()>) -> StatsResult {
    match result {
        Ok(()) => StatsResult {
            status: "ok".to_owned(),
            index,
            error: None,
        },
        Err(refusal) => StatsResult {
            status: "error".to_owned(),
            index,
            error: Some(refusal.code.to_owned()),
        },
    }
}

/// A report that was counted.
struct Counted {
    app_id: String,
    /// A version that the app had once, `builtin` or `other`.
    version: String,
    action: String,
}

fn show(app: &App, counted: &Counted) {
    app.metrics.report(&counted.app_id, &counted.version, &counted.action);
}

fn count(database: &Connection, event: Value) -> Answer<Counted> {
    let mut event: StatsEvent = serde_json::from_value(event)
        .map_err(|problem| Refusal::new("invalid_json_body", format!("this is no event: {problem}")))?;
    request::check(&mut event.device)?;
    if !is_known_action(&event.action) {
        return Err(Refusal::new("invalid_action", "there is no such action"));
    }
    apps::must_exist(database, &event.device.app_id)?;
    // A report of one file names it behind the version.
    let version = event.device.version_name.split(':').next().unwrap_or_default();
    let platform = match event.device.platform.as_str() {
        known @ ("ios" | "android" | "electron") => known,
        _ => "other",
    };
    let version = statistics::count(database, &event.device.app_id, platform, version, &event.action)?;
    Ok(Counted {
        app_id: event.device.app_id,
        version,
        action: event.action,
    })
}
