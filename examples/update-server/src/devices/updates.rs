//! `POST /updates`: the update protocol.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use capbundle::update::protocol::{BUILT_IN, ManifestEntry, Notice, UpdateRequest};
use rusqlite::Connection;
use serde_json::json;

use super::decision::{self, ChannelAssignment, Decision};
use super::request;
use crate::api_error::{ApiError, ApiResult};
use crate::database::bundles::BundleRow;
use crate::database::channels::{self, ChannelRow};
use crate::database::manifests::{FilePlace, ManifestFileRow};
use crate::database::{apps, bundles, manifests};
use crate::input;
use crate::state::ServerState;

pub(crate) async fn post(State(state): State<Arc<ServerState>>, body: Body) -> ApiResult<Response> {
    let mut request: UpdateRequest = request::parse(&input::read_body(body).await?)?;
    request::validate(&mut request)?;
    let shared = Arc::clone(&state);
    let decision = state
        .database
        .read(move |database| decide(&shared, database, &request))
        .await?;
    let (outcome, response) = match decision {
        Decision::Offer(offer) => ("update".to_owned(), Json(offer).into_response()),
        Decision::BuiltIn => (
            BUILT_IN.to_owned(),
            Json(json!({ "version": BUILT_IN })).into_response(),
        ),
        Decision::NoUpdate(notice) => (notice.error.as_str().to_owned(), Json(notice).into_response()),
    };
    state.metrics.update(&outcome);
    Ok(response)
}

fn decide(state: &ServerState, database: &Connection, request: &UpdateRequest) -> ApiResult<Decision> {
    let versions = match decision::Versions::parse(request) {
        Ok(versions) => versions,
        Err(notice) => return Ok(Decision::NoUpdate(notice)),
    };
    apps::require(database, &request.app_id)?;
    let Some((channel, assignment)) = channel_of(database, request)? else {
        let message = "the app has no public channel, and the device chose none";
        return Ok(Decision::NoUpdate(Box::new(Notice::new("no_channel", message))));
    };
    let bundle = match decision::select_bundle(&channel, request) {
        Some(id) => bundles::by_id(database, &request.app_id, id)?,
        None => None,
    };
    let url = bundle
        .as_ref()
        .map(|bundle| archive_url(state, bundle))
        .transpose()?
        .flatten();
    let mut decision = decision::decide(request, &versions, &channel, assignment, bundle.as_ref(), url);
    let manifest = bundle.and_then(|bundle| bundle.manifest_id);
    if let (Decision::Offer(offer), Some(id), true) = (&mut decision, manifest, versions.supports_manifest()) {
        offer.manifest = manifest_entries(state, manifests::files(database, id)?);
    }
    Ok(decision)
}

/// The single files as devices get them. The URLs of stored files are built for each response, as that of an archive.
fn manifest_entries(state: &ServerState, files: Vec<ManifestFileRow>) -> Vec<ManifestEntry> {
    files
        .into_iter()
        .map(|file| {
            let url = match file.place {
                FilePlace::Path(path) => format!("{}/bundles/{path}", state.base_url),
                FilePlace::Url(url) => url,
            };
            ManifestEntry::new(file.file_name, file.file_hash, url)
        })
        .collect()
}

/// The channel that the device chose, else the default channel of the app, else the public channel.
pub(super) fn channel_of(
    database: &Connection,
    request: &UpdateRequest,
) -> ApiResult<Option<(ChannelRow, ChannelAssignment)>> {
    let app_id = &request.app_id;
    if let Some(channel) = channels::chosen(database, app_id, &request.device_id)? {
        return Ok(Some((channel, ChannelAssignment::DeviceOverride)));
    }
    if let Some(name) = &request.default_channel
        && let Some(channel) = channels::by_name(database, app_id, name)?
    {
        return Ok(Some((channel, ChannelAssignment::AppDefault)));
    }
    let public = channels::public(database, app_id, &request.platform)?;
    Ok(public.map(|channel| (channel, ChannelAssignment::Public)))
}

/// The URL of the archive; `None` if this server stored it and the file is missing.
fn archive_url(state: &ServerState, bundle: &BundleRow) -> ApiResult<Option<String>> {
    let Some(path) = &bundle.r2_path else {
        return Ok(bundle.external_url.clone());
    };
    let exists = state
        .files
        .storage()
        .likely_exists(path)
        .map_err(|error| ApiError::storage("look for an archive", &error))?;
    // Built for each response, so that the server may move to another URL.
    Ok(exists.then(|| format!("{}/bundles/{path}", state.base_url)))
}
