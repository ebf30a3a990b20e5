//! `GET` and `HEAD` of an archive, whole or in part.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::range::{Wanted, wanted};
use crate::names;
use crate::refusal::{Answer, Refusal};
use crate::state::App;

/// Read from the disk at once.
const CHUNK: usize = 64 << 10;
/// An archive never changes under its address.
const FOREVER: &str = "public, max-age=31536000, immutable";

pub(crate) async fn archive(
    State(app): State<Arc<App>>,
    Path((app_id, name)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Answer<Response> {
    // Both names are checked whole, so that no path leads anywhere else.
    if !names::is_app_id(&app_id) || !names::is_stored_file(&name) {
        return Err(not_found());
    }
    let path = format!("{app_id}/{name}");
    let elsewhere = app.files.kept().elsewhere(&path);
    if let Some(address) = elsewhere.map_err(|error| Refusal::disk("address an archive", &error))? {
        return remote(&app, path, address, &method).await;
    }
    let mut file = match File::open(app.files.path(&path)).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(not_found()),
        opened => opened.map_err(|error| Refusal::disk("open an archive", &error))?,
    };
    let metadata = file
        .metadata()
        .await
        .map_err(|error| Refusal::disk("look at an archive", &error))?;
    let size = metadata.len();
    let etag = format!("\"{}\"", name.trim_end_matches(".zip"));
    let mut answer = Response::builder()
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, FOREVER)
        .header(header::ETAG, &etag);
    let (first, length) = match wanted(&headers, &etag, size) {
        Wanted::Nothing => return finish(answer.status(StatusCode::NOT_MODIFIED), Body::empty()),
        Wanted::Impossible => {
            let refusal = Refusal::new("range_not_satisfiable", format!("the archive has {size} bytes"));
            let mut response = refusal.with_status(StatusCode::RANGE_NOT_SATISFIABLE).into_response();
            let range = header::HeaderValue::from_str(&format!("bytes */{size}"));
            response
                .headers_mut()
                .extend(range.ok().map(|range| (header::CONTENT_RANGE, range)));
            return Ok(response);
        }
        Wanted::All => (0, size),
        Wanted::Part { first, last } => {
            let range = format!("bytes {first}-{last}/{size}");
            answer = answer
                .status(StatusCode::PARTIAL_CONTENT)
                .header(header::CONTENT_RANGE, range);
            (first, last - first + 1)
        }
    };
    answer = answer
        .header(header::CONTENT_TYPE, "application/zip")
        .header(header::CONTENT_LENGTH, length);
    if method == Method::HEAD {
        return finish(answer, Body::empty());
    }
    file.seek(io::SeekFrom::Start(first))
        .await
        .map_err(|error| Refusal::disk("read an archive", &error))?;
    let stream = ReaderStream::with_capacity(file.take(length), CHUNK);
    finish(answer, Body::from_stream(stream))
}

/// A device is sent to where the archive is. Nobody keeps where: an address of a private bucket holds for an hour.
async fn remote(app: &App, path: String, address: String, method: &Method) -> Answer<Response> {
    let answer = Response::builder().header(header::CACHE_CONTROL, "no-store");
    if method != Method::HEAD {
        let answer = answer.status(StatusCode::FOUND).header(header::LOCATION, address);
        return finish(answer, Body::empty());
    }
    // Such an address is signed for GET alone.
    let size = app
        .files
        .work("look at an archive", move |kept| kept.size(&path))
        .await?;
    let size = size.ok_or_else(not_found)?;
    let answer = answer
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CONTENT_TYPE, "application/zip")
        .header(header::CONTENT_LENGTH, size);
    finish(answer, Body::empty())
}

fn finish(answer: axum::http::response::Builder, body: Body) -> Answer<Response> {
    answer.body(body).map_err(|problem| Refusal::broken("answer", &problem))
}

fn not_found() -> Refusal {
    Refusal::new("not_found", "there is no such archive").with_status(StatusCode::NOT_FOUND)
}
