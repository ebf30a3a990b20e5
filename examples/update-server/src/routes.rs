//! Which path goes where.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post, put};
use axum::{Json, http::request::Parts};
use serde_json::json;

use crate::access::Caller;
use crate::database::bundles;
use crate::devices::{channel_self, reports, updates};
use crate::files::{remove, serve, upload};
use crate::gate;
use crate::metrics::Now;
use crate::publishing::{bundle, channel, statistics};
use crate::refusal::{Answer, Refusal};
use crate::state::App;

pub(crate) fn router(app: Arc<App>) -> Router {
    let bundles = get(bundle::list)
        .post(bundle::create)
        .put(bundle::set_channel)
        .delete(bundle::delete);
    let channels = get(channel::list).post(channel::set).delete(channel::delete);
    let publishing = Router::new()
        .route("/bundle", bundles.clone())
        .route("/bundle/", bundles)
        .route("/bundle/metadata", post(bundle::describe))
        .route("/channel", channels.clone())
        .route("/channel/", channels)
        .route("/statistics", get(statistics::list))
        .route("/upload/{app_id}", put(upload::put).post(upload::post_form))
        .route(
            "/upload/{app_id}/{name}",
            put(upload::put).post(upload::post_form).delete(remove::take_back),
        );
    let devices = Router::new()
        .route("/updates", post(updates::ask).get(fine).options(fine))
        .route(
            "/channel_self",
            post(channel_self::choose)
                .put(channel_self::now)
                .delete(channel_self::leave)
                .get(channel_self::list)
                .options(fine),
        )
        .route("/stats", post(reports::take).options(fine))
        .route("/bundles/{app_id}/{name}", get(serve::archive).options(fine))
        .layer(from_fn(gate::answer_preflight));
    Router::new()
        .merge(publishing)
        .merge(devices)
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        // Bodies are bounded where they are read: JSON and archives have limits of their own.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&app), gate::pass))
        .with_state(app)
}

async fn fine() -> Json<serde_json::Value> {
    Json(json!({ "status": "ok" }))
}

/// Whether the server can do its work: it reads its database and writes to its folder.
async fn health(State(app): State<Arc<App>>) -> Answer<Json<serde_json::Value>> {
    app.database
        .read(|database| Ok(database.query_row("SELECT count(*) FROM apps", [], |row| row.get::<_, i64>(0))?))
        .await?;
    let writable = app.files.incoming();
    writable.map_err(|error| Refusal::disk("write to the data folder", &error))?;
    Ok(Json(json!({ "status": "ok" })))
}

async fn metrics(State(app): State<Arc<App>>, mut parts: Parts) -> Answer<impl IntoResponse> {
    use axum::extract::FromRequestParts as _;
    let caller = if app.config.open_metrics {
        None
    } else {
        Some(Caller::from_request_parts(&mut parts, &app).await?)
    };
    let usage = app.database.read(|database| bundles::usage(database, None)).await?;
    let now = Now {
        usage: &usage,
        connections: app.places.open(),
        evicted: app.places.evicted(),
    };
    let may_read = |app_id: &str| caller.as_ref().is_none_or(|caller| caller.may_read(app_id));
    Ok((
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        app.metrics.text(&now, may_read),
    ))
}

async fn not_found() -> Refusal {
    Refusal::new("not_found", "there is nothing at this address").with_status(StatusCode::NOT_FOUND)
}

async fn not_allowed() -> Refusal {
    Refusal::new("method_not_allowed", "this address does not take this method")
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
}
