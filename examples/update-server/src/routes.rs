//! The routes.

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
use crate::api_error::{ApiError, ApiResult};
use crate::database::bundles;
use crate::devices::{channel_self, manifest_size, reports, updates};
use crate::files::{download, manifest, remove, upload};
use crate::metrics::Gauges;
use crate::middleware;
use crate::publishing::{bundle, channel, statistics};
use crate::state::ServerState;

pub(crate) fn router(state: Arc<ServerState>) -> Router {
    let bundles = get(bundle::list)
        .post(bundle::create)
        .put(bundle::promote)
        .delete(bundle::delete);
    let channels = get(channel::list).post(channel::set).delete(channel::delete);
    let publishing = Router::new()
        .route("/bundle", bundles.clone())
        .route("/bundle/", bundles)
        .route("/bundle/metadata", post(bundle::set_metadata))
        .route("/bundle/files", post(manifest::known))
        .route("/channel", channels.clone())
        .route("/channel/", channels)
        .route("/statistics", get(statistics::list))
        .route("/upload/{app_id}", put(upload::put).post(upload::post_form))
        .route(
            "/upload/{app_id}/manifest.json",
            put(manifest::put).delete(manifest::delete),
        )
        .route(
            "/upload/{app_id}/{name}",
            put(upload::put).post(upload::post_form).delete(remove::delete_upload),
        );
    let devices = Router::new()
        .route("/updates", post(updates::post).get(ok).options(ok))
        .route("/updates/manifest_size", post(manifest_size::post).options(ok))
        .route(
            "/channel_self",
            post(channel_self::choose)
                .put(channel_self::current)
                .delete(channel_self::leave)
                .get(channel_self::list)
                .options(ok),
        )
        .route("/stats", post(reports::post).options(ok))
        .route("/bundles/{app_id}/{name}", get(download::archive).options(ok))
        .layer(from_fn(middleware::preflight));
    Router::new()
        .merge(publishing)
        .merge(devices)
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        // The handlers limit the bodies: JSON and archives have different limits.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&state), middleware::handle))
        .with_state(state)
}

async fn ok() -> Json<serde_json::Value> {
    Json(json!({ "status": "ok" }))
}

/// Reads the database and writes to the data folder.
async fn health(State(state): State<Arc<ServerState>>) -> ApiResult<Json<serde_json::Value>> {
    state
        .database
        .read(|database| Ok(database.query_row("SELECT count(*) FROM apps", [], |row| row.get::<_, i64>(0))?))
        .await?;
    let probe = state.files.incoming();
    probe.map_err(|error| ApiError::storage("write to the data folder", &error))?;
    Ok(Json(json!({ "status": "ok" })))
}

async fn metrics(State(state): State<Arc<ServerState>>, mut parts: Parts) -> ApiResult<impl IntoResponse> {
    use axum::extract::FromRequestParts as _;
    let caller = if state.config.open_metrics {
        None
    } else {
        Some(Caller::from_request_parts(&mut parts, &state).await?)
    };
    let usage = state.database.read(|database| bundles::usage(database, None)).await?;
    let gauges = Gauges {
        usage: &usage,
        connections: state.connections.open(),
        evicted: state.connections.evicted(),
    };
    let may_read = |app_id: &str| caller.as_ref().is_none_or(|caller| caller.may_read(app_id));
    Ok((
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        state.metrics.text(&gauges, may_read),
    ))
}

async fn not_found() -> ApiError {
    ApiError::new("not_found", "no such route").with_status(StatusCode::NOT_FOUND)
}

async fn not_allowed() -> ApiError {
    ApiError::new("method_not_allowed", "this route does not support this method")
        .with_status(StatusCode::METHOD_NOT_ALLOWED)
}
