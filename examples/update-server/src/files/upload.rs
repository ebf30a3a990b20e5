//! `PUT` and `POST` of an archive: it is kept under its digest, and its address is given back for registering.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use capbundle::digest::Sha256Digest;
use http_body_util::BodyExt as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::SemaphorePermit;

use super::form::Form;
use super::{Incoming, Storage};
use crate::access::Caller;
use crate::database::apps;
use crate::names;
use crate::refusal::{Answer, Refusal};
use crate::state::App;

/// The digest the sender expects, in hex.
const EXPECTED: &str = "x-checksum-sha256";

/// `PUT /upload/{app_id}` and `PUT /upload/{app_id}/{name}`: the body is the archive. The name is for people and logs.
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(path): Path<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Body,
) -> Answer<impl IntoResponse> {
    let app_id = checked(&caller, path)?;
    let _place = place(&app)?;
    let declared = declared_length(&headers);
    if declared.is_some_and(|length| length > app.config.limits.upload_bytes) {
        return Err(Refusal::too_large(app.config.limits.upload_bytes));
    }
    let mut upload = Upload::begin(&app)?;
    let mut body = body;
    while let Some(frame) = patiently(app.config.limits.patience, body.frame()).await? {
        let frame = frame.map_err(|problem| broken_off(&problem))?;
        if let Ok(bytes) = frame.into_data() {
            upload.write(bytes).await?;
        }
    }
    if declared.is_some_and(|length| length != upload.size) {
        return Err(broken_off(&"it is shorter than its Content-Length"));
    }
    upload.finish(&app, app_id, &headers).await
}

/// `POST /upload/{app_id}`: a form whose first file is the archive.
pub(crate) async fn post_form(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(path): Path<Vec<(String, String)>>,
    request: Request,
) -> Answer<impl IntoResponse> {
    let app_id = checked(&caller, path)?;
    let _place = place(&app)?;
    let (head, body) = request.into_parts();
    let patience = app.config.limits.patience;
    let form = Form::new(&head.headers, body)?;
    let mut file = patiently(patience, form.file()).await??;
    let mut upload = Upload::begin(&app)?;
    while let Some(bytes) = patiently(patience, file.chunk()).await?? {
        upload.write(bytes).await?;
    }
    upload.finish(&app, app_id, &head.headers).await
}

/// A place among the uploads that are received at once. Held from the moment that the key is known to be good.
fn place(app: &App) -> Answer<SemaphorePermit<'_>> {
    app.uploads.try_acquire().map_err(|_| {
        app.metrics.turned_away.fetch_add(1, Ordering::Relaxed);
        let refusal = Refusal::new("too_many_requests", "the server receives too many uploads just now");
        refusal.with_status(StatusCode::SERVICE_UNAVAILABLE).retry_after(1)
    })
}

fn checked(caller: &Caller, path: Vec<(String, String)>) -> Answer<String> {
    let app_id = path
        .into_iter()
        .find(|(name, _)| name == "app_id")
        .map(|(_, value)| value)
        .unwrap_or_default();
    check(caller, &app_id)?;
    Ok(app_id)
}

/// Whether archives of this app are this caller's business.
pub(crate) fn check(caller: &Caller, app_id: &str) -> Answer<()> {
    if !names::is_app_id(app_id) {
        return Err(Refusal::new(
            "invalid_app_id",
            format!("the app's id: expected {}", names::EXPECTED_APP_ID),
        ));
    }
    if !caller.may_write(app_id) {
        let refusal = Refusal::new("cannot_create_bundle", "this key may not publish for this app");
        return Err(refusal.with_status(StatusCode::FORBIDDEN));
    }
    Ok(())
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Waits for a client, but not for ever.
async fn patiently<T>(patience: Duration, coming: impl Future<Output = T>) -> Answer<T> {
    tokio::time::timeout(patience, coming)
        .await
        .map_err(|_| Refusal::too_slow())
}

fn broken_off(problem: &dyn std::fmt::Display) -> Refusal {
    Refusal::new("upload_broken_off", format!("the upload broke off: {problem}"))
}

/// An archive that is still coming.
struct Upload {
    file: Incoming,
    digest: Sha256,
    size: u64,
    limit: u64,
}

impl Upload {
    fn begin(app: &App) -> Answer<Self> {
        Ok(Self {
            file: app
                .files
                .incoming()
                .map_err(|error| Refusal::disk("begin an upload", &error))?,
            digest: Sha256::new(),
            size: 0,
            limit: app.config.limits.upload_bytes,
        })
    }

    async fn write(&mut self, bytes: Bytes) -> Answer<()> {
        self.size += bytes.len() as u64;
        if self.size > self.limit {
            return Err(Refusal::too_large(self.limit));
        }
        // A chunk is a few dozen KiB, which take less time than handing them to another thread.
        self.digest.update(&bytes);
        self.file
            .write_all(&bytes)
            .map_err(|error| Refusal::disk("write an upload", &error))?;
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn finish(
        self,
        app: &Arc<App>,
        app_id: String,
        headers: &HeaderMap,
    ) -> Answer<(StatusCode, Json<serde_json::Value>)> {
        if self.size == 0 {
            return Err(Refusal::new("missing_file", "the archive is empty"));
        }
        let digest = Sha256Digest::from_bytes(self.digest.finalize().into());
        let expected = headers.get(EXPECTED).and_then(|value| value.to_str().ok());
        if expected.is_some_and(|expected| !expected.trim().eq_ignore_ascii_case(&digest.to_string())) {
            return Err(Refusal::new(
                "checksum_mismatch",
                format!("what came has SHA-256 {digest}"),
            ));
        }
        let path = format!("{app_id}/{digest}.zip");
        let (new_apps, keeping, file) = (app.config.new_apps, path.clone(), self.file);
        app.database
            .write(move |database| {
                if new_apps {
                    apps::ensure(database, &app_id)?;
                }
                apps::rules(database, &app_id)?
                    .map(drop)
                    .ok_or_else(|| Refusal::new("cannot_find_app", "there is no such app; `app create` makes it"))
            })
            .await?;
        let claim = app.files.claim(&path).await;
        let keep = move |kept: &dyn Storage| {
            // To the end, also if the client goes away meanwhile.
            let _claim = claim;
            kept.keep(file, &keeping)
        };
        let new = app.files.work("keep an archive", keep).await?;
        app.metrics.uploaded_bytes.fetch_add(self.size, Ordering::Relaxed);
        let url = format!("{}/bundles/{path}", app.base_url);
        let answer = json!({ "status": "ok", "url": url, "sha256": digest.to_string(), "size": self.size });
        // So that whoever takes an upload back takes back only what that upload brought.
        let status = if new { StatusCode::CREATED } else { StatusCode::OK };
        Ok((status, Json(answer)))
    }
}
