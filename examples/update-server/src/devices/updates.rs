//! `POST /updates`: what is there for this device?

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use capbundle::update::protocol::{BUILT_IN, Notice, UpdateRequest};
use rusqlite::Connection;
use serde_json::json;

use super::decide::{self, Decision, Way};
use super::request;
use crate::database::bundles::Bundle;
use crate::database::channels::{self, Channel};
use crate::database::{apps, bundles};
use crate::input;
use crate::refusal::{Answer, Refusal};
use crate::state::App;

pub(crate) async fn ask(State(app): State<Arc<App>>, body: Body) -> Answer<Response> {
    let mut request: UpdateRequest = request::read(&input::read_body(body).await?)?;
    request::check(&mut request)?;
    let answering = Arc::clone(&app);
    let decision = app
        .database
        .read(move |database| answer(&answering, database, &request))
        .await?;
    let (outcome, response) = match decision {
        Decision::Offer(offer) => ("update".to_owned(), Json(offer).into_response()),
        Decision::BuiltIn => (
            BUILT_IN.to_owned(),
            Json(json!({ "version": BUILT_IN })).into_response(),
        ),
        Decision::No(notice) => (notice.error.as_str().to_owned(), Json(notice).into_response()),
    };
    app.metrics.update(&outcome);
    Ok(response)
}

fn answer(app: &App, database: &Connection, request: &UpdateRequest) -> Answer<Decision> {
    let versions = match decide::versions(request) {
        Ok(versions) => versions,
        Err(notice) => return Ok(Decision::No(notice)),
    };
    apps::must_exist(database, &request.app_id)?;
    let Some((channel, way)) = channel_of(database, request)? else {
        let message = "no default channel or override: make a channel public, or choose one in the app";
        return Ok(Decision::No(Box::new(Notice::new("no_channel", message))));
    };
    let bundle = match decide::wanted_bundle(&channel, request) {
        Some(id) => bundles::by_id(database, &request.app_id, id)?,
        None => None,
    };
    let url = bundle
        .as_ref()
        .map(|bundle| address(app, bundle))
        .transpose()?
        .flatten();
    Ok(decide::decide(request, &versions, &channel, way, bundle.as_ref(), url))
}

/// The device's own choice, else the app's, else the public channel.
pub(super) fn channel_of(database: &Connection, request: &UpdateRequest) -> Answer<Option<(Channel, Way)>> {
    let app_id = &request.app_id;
    if let Some(channel) = channels::chosen(database, app_id, &request.device_id)? {
        return Ok(Some((channel, Way::Chosen)));
    }
    if let Some(name) = &request.default_channel
        && let Some(channel) = channels::by_name(database, app_id, name)?
    {
        return Ok(Some((channel, Way::DefaultOfApp)));
    }
    let public = channels::public(database, app_id, &request.platform)?;
    Ok(public.map(|channel| (channel, Way::Public)))
}

/// Where the archive is; nothing if it was here and is gone.
fn address(app: &App, bundle: &Bundle) -> Answer<Option<String>> {
    let Some(path) = &bundle.r2_path else {
        return Ok(bundle.external_url.clone());
    };
    let there = app
        .files
        .kept()
        .seems_there(path)
        .map_err(|error| Refusal::disk("look for an archive", &error))?;
    // Made anew, so that the server may move to another address.
    Ok(there.then(|| format!("{}/bundles/{path}", app.base_url)))
}
