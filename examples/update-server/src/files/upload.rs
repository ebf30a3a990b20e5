//! `PUT` and `POST` of archives. An archive is stored under its digest, and the response has the URL for registering it.

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

use super::multipart::Multipart;
use super::{IncomingFile, Storage};
use crate::access::Caller;
use crate::api_error::{ApiError, ApiResult};
use crate::database::apps;
use crate::state::ServerState;
use crate::validation;

/// The header with the digest that the client expects, in hexadecimal.
const EXPECTED_DIGEST: &str = "x-checksum-sha256";

/// `PUT /upload/{app_id}` and `PUT /upload/{app_id}/{name}`: the body is the archive, or a single file of a manifest if
/// the name ends in `.bin`. The name has no other meaning.
pub(crate) async fn put(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    Path(path): Path<Vec<(String, String)>>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<impl IntoResponse> {
    let kind = Kind::of(&path);
    let app_id = authorize_path(&caller, path)?;
    let _permit = acquire_permit(&state)?;
    let declared = declared_length(&headers);
    if declared.is_some_and(|length| length > state.config.limits.upload_bytes) {
        return Err(ApiError::too_large(state.config.limits.upload_bytes));
    }
    let mut upload = Upload::begin(&state)?;
    let mut body = body;
    while let Some(frame) = with_timeout(state.config.limits.timeout, body.frame()).await? {
        let frame = frame.map_err(|error| incomplete(&error))?;
        if let Ok(bytes) = frame.into_data() {
            upload.write(bytes).await?;
        }
    }
    if declared.is_some_and(|length| length != upload.size) {
        return Err(incomplete(&"the body is shorter than its Content-Length"));
    }
    upload.finish(&state, app_id, kind, &headers).await
}

/// `POST /upload/{app_id}`: the first file of a form is the archive.
pub(crate) async fn post_form(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    Path(path): Path<Vec<(String, String)>>,
    request: Request,
) -> ApiResult<impl IntoResponse> {
    let app_id = authorize_path(&caller, path)?;
    let _permit = acquire_permit(&state)?;
    let (head, body) = request.into_parts();
    let timeout = state.config.limits.timeout;
    let form = Multipart::new(&head.headers, body)?;
    let mut file = with_timeout(timeout, form.file()).await??;
    let mut upload = Upload::begin(&state)?;
    while let Some(bytes) = with_timeout(timeout, file.chunk()).await?? {
        upload.write(bytes).await?;
    }
    upload.finish(&state, app_id, Kind::Archive, &head.headers).await
}

/// What is uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The archive of a bundle.
    Archive,
    /// A single file of a manifest, by the ending `.bin` of the name.
    File,
}

impl Kind {
    fn of(path: &[(String, String)]) -> Self {
        let is_file = |(name, value): &(String, String)| name == "name" && value.strip_suffix(".bin").is_some();
        if path.iter().any(is_file) {
            Self::File
        } else {
            Self::Archive
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Archive => "zip",
            Self::File => "bin",
        }
    }
}

/// Counts the upload towards [`Limits::uploads`](crate::Limits::uploads). Called once the API key is verified.
pub(super) fn acquire_permit(state: &ServerState) -> ApiResult<SemaphorePermit<'_>> {
    state.uploads.try_acquire().map_err(|_| {
        state.metrics.rejected.fetch_add(1, Ordering::Relaxed);
        let error = ApiError::new(
            "too_many_requests",
            "the server is receiving too many uploads; retry later",
        );
        error.with_status(StatusCode::SERVICE_UNAVAILABLE).retry_after(1)
    })
}

fn authorize_path(caller: &Caller, path: Vec<(String, String)>) -> ApiResult<String> {
    let app_id = path
        .into_iter()
        .find(|(name, _)| name == "app_id")
        .map(|(_, value)| value)
        .unwrap_or_default();
    authorize(caller, &app_id)?;
    Ok(app_id)
}

/// Checks that the caller may upload archives of the app.
pub(crate) fn authorize(caller: &Caller, app_id: &str) -> ApiResult<()> {
    if !validation::is_app_id(app_id) {
        return Err(ApiError::new(
            "invalid_app_id",
            format!("app_id: expected {}", validation::EXPECTED_APP_ID),
        ));
    }
    if !caller.may_write(app_id) {
        let error = ApiError::new(
            "cannot_create_bundle",
            "the API key does not permit publishing for this app",
        );
        return Err(error.with_status(StatusCode::FORBIDDEN));
    }
    Ok(())
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Waits for the client, up to `timeout`.
pub(super) async fn with_timeout<T>(timeout: Duration, future: impl Future<Output = T>) -> ApiResult<T> {
    tokio::time::timeout(timeout, future)
        .await
        .map_err(|_| ApiError::timeout())
}

pub(super) fn incomplete(reason: &dyn std::fmt::Display) -> ApiError {
    ApiError::new("upload_broken_off", format!("the upload is incomplete: {reason}"))
}

/// Checks the digest that the client expects, if it sent one.
pub(super) fn require_digest(headers: &HeaderMap, found: &Sha256Digest) -> ApiResult<()> {
    let expected = headers.get(EXPECTED_DIGEST).and_then(|value| value.to_str().ok());
    if expected.is_none_or(|expected| expected.trim().eq_ignore_ascii_case(&found.to_string())) {
        return Ok(());
    }
    Err(ApiError::new(
        "checksum_mismatch",
        format!("the archive does not match X-Checksum-Sha256: its SHA-256 is {found}"),
    ))
}

/// An upload in progress.
struct Upload {
    file: IncomingFile,
    digest: Sha256,
    size: u64,
    limit: u64,
}

impl Upload {
    fn begin(state: &ServerState) -> ApiResult<Self> {
        Ok(Self {
            file: state
                .files
                .incoming()
                .map_err(|error| ApiError::storage("begin an upload", &error))?,
            digest: Sha256::new(),
            size: 0,
            limit: state.config.limits.upload_bytes,
        })
    }

    async fn write(&mut self, bytes: Bytes) -> ApiResult<()> {
        self.size += bytes.len() as u64;
        if self.size > self.limit {
            return Err(ApiError::too_large(self.limit));
        }
        // Hashing and writing a chunk of a few dozen KiB is faster than handing it to another thread.
        self.digest.update(&bytes);
        self.file
            .write_all(&bytes)
            .map_err(|error| ApiError::storage("write an upload", &error))?;
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn finish(
        self,
        state: &Arc<ServerState>,
        app_id: String,
        kind: Kind,
        headers: &HeaderMap,
    ) -> ApiResult<(StatusCode, Json<serde_json::Value>)> {
        if self.size == 0 && kind == Kind::Archive {
            return Err(ApiError::new("missing_file", "the archive is empty"));
        }
        let digest = Sha256Digest::from_bytes(self.digest.finalize().into());
        require_digest(headers, &digest)?;
        let path = format!("{app_id}/{digest}.{}", kind.extension());
        let (new_apps, archive, file) = (state.config.new_apps, path.clone(), self.file);
        state
            .database
            .write(move |database| {
                if new_apps {
                    apps::create_if_missing(database, &app_id)?;
                }
                apps::rules(database, &app_id)?.map(drop).ok_or_else(|| {
                    ApiError::new("cannot_find_app", "the app does not exist; create it with `app create`")
                })
            })
            .await?;
        let lock = state.files.lock(&path).await;
        let store = move |storage: &dyn Storage| {
            // Holds the lock until the archive is stored, even if the client disconnects.
            let _lock = lock;
            storage.store(file, &archive)
        };
        let new = state.files.run_blocking("store an archive", store).await?;
        state.metrics.uploaded_bytes.fetch_add(self.size, Ordering::Relaxed);
        let url = format!("{}/bundles/{path}", state.base_url);
        let body = json!({ "status": "ok", "url": url, "sha256": digest.to_string(), "size": self.size });
        // Tells the client whether it may delete this upload later without affecting an earlier one.
        let status = if new { StatusCode::CREATED } else { StatusCode::OK };
        Ok((status, Json(body)))
    }
}
