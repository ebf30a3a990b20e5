//! `GET` and `HEAD` of archives and single files.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::range::{self, RangeOutcome};
use crate::api_error::{ApiError, ApiResult};
use crate::state::ServerState;
use crate::validation;

/// Bytes per read from disk.
const CHUNK_SIZE: usize = 64 << 10;
/// The archive at a URL never changes.
const CACHE_FOREVER: &str = "public, max-age=31536000, immutable";

pub(crate) async fn archive(
    State(state): State<Arc<ServerState>>,
    Path((app_id, name)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult<Response> {
    // Both names are validated completely, so the path cannot leave the folder.
    if !validation::is_app_id(&app_id) || !validation::is_stored_name(&name) {
        return Err(not_found());
    }
    let path = format!("{app_id}/{name}");
    let url = state.files.storage().redirect_url(&path);
    if let Some(url) = url.map_err(|error| ApiError::storage("create the URL of an archive", &error))? {
        return redirect(&state, path, url, &method).await;
    }
    let mut file = match File::open(state.files.path(&path)).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(not_found()),
        opened => opened.map_err(|error| ApiError::storage("open an archive", &error))?,
    };
    let metadata = file
        .metadata()
        .await
        .map_err(|error| ApiError::storage("read the size of an archive", &error))?;
    let size = metadata.len();
    let etag = format!("\"{}\"", name.trim_end_matches(".zip").trim_end_matches(".bin"));
    let mut response = Response::builder()
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, CACHE_FOREVER)
        .header(header::ETAG, &etag);
    let (first, length) = match range::evaluate(&headers, &etag, size) {
        RangeOutcome::NotModified => return finish(response.status(StatusCode::NOT_MODIFIED), Body::empty()),
        RangeOutcome::NotSatisfiable => {
            let message = format!("the range is beyond the archive of {size} bytes");
            let error = ApiError::new("range_not_satisfiable", message);
            let mut response = error.with_status(StatusCode::RANGE_NOT_SATISFIABLE).into_response();
            let range = header::HeaderValue::from_str(&format!("bytes */{size}"));
            response
                .headers_mut()
                .extend(range.ok().map(|range| (header::CONTENT_RANGE, range)));
            return Ok(response);
        }
        RangeOutcome::Whole => (0, size),
        RangeOutcome::Part { first, last } => {
            let range = format!("bytes {first}-{last}/{size}");
            response = response
                .status(StatusCode::PARTIAL_CONTENT)
                .header(header::CONTENT_RANGE, range);
            (first, last - first + 1)
        }
    };
    response = response
        .header(header::CONTENT_TYPE, content_type(&name))
        .header(header::CONTENT_LENGTH, length);
    if method == Method::HEAD {
        return finish(response, Body::empty());
    }
    file.seek(io::SeekFrom::Start(first))
        .await
        .map_err(|error| ApiError::storage("read an archive", &error))?;
    let stream = ReaderStream::with_capacity(file.take(length), CHUNK_SIZE);
    finish(response, Body::from_stream(stream))
}

/// Redirects to the archive. The redirect must not be cached, because a presigned URL is valid for one hour only.
async fn redirect(state: &ServerState, path: String, url: String, method: &Method) -> ApiResult<Response> {
    let response = Response::builder().header(header::CACHE_CONTROL, "no-store");
    if method != Method::HEAD {
        let response = response.status(StatusCode::FOUND).header(header::LOCATION, url);
        return finish(response, Body::empty());
    }
    // A presigned URL is valid for GET only, so this server answers HEAD.
    let content_type = content_type(path.rsplit('/').next().unwrap_or_default());
    let size = state
        .files
        .run_blocking("read the size of an archive", move |storage| storage.size(&path))
        .await?;
    let size = size.ok_or_else(not_found)?;
    let response = response
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CONTENT_TYPE, content_type)
        .header(header::CONTENT_LENGTH, size);
    finish(response, Body::empty())
}

fn content_type(name: &str) -> &'static str {
    if validation::is_file_name(name) {
        "application/octet-stream"
    } else {
        "application/zip"
    }
}

fn finish(response: axum::http::response::Builder, body: Body) -> ApiResult<Response> {
    response
        .body(body)
        .map_err(|error| ApiError::internal("build a response", &error))
}

fn not_found() -> ApiError {
    ApiError::new("not_found", "archive not found").with_status(StatusCode::NOT_FOUND)
}
