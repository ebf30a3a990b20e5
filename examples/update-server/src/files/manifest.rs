//! `PUT /upload/{app_id}/manifest.json`: the manifest of a bundle, uploaded before the bundle is registered with its digest.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use capbundle::Limits;
use capbundle::digest::Sha256Digest;
use capbundle::path::SafePath;
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{remove, upload};
use crate::access::Caller;
use crate::api_error::{ApiError, ApiResult};
use crate::database::apps;
use crate::database::manifests::{self, FilePlace, ManifestFileRow};
use crate::input::Fields;
use crate::state::ServerState;
use crate::validation::{self, Checksum};

/// Largest document: 10,000 files with signed hashes of RSA-4096 and long URLs.
const MAX_BYTES: usize = 16 << 20;
/// The limit of Capgo's servers.
const MAX_FILES: usize = 10_000;
/// The ending of a compressed file.
const BROTLI: &str = ".br";

/// A file as the publisher sends it.
#[derive(Deserialize)]
struct SentFile {
    file_name: String,
    file_hash: String,
    download_url: String,
    #[serde(default)]
    file_size: Option<u64>,
}

pub(crate) async fn put(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    Path(app_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<(StatusCode, Json<Value>)> {
    upload::authorize(&caller, &app_id)?;
    let _permit = upload::acquire_permit(&state)?;
    let document = receive(&state, body).await?;
    let digest = Sha256Digest::of(&document);
    upload::require_digest(&headers, &digest)?;
    let files = parse(&state, &app_id, &document)?;
    let count = files.len();
    let (new_apps, digest_text, rows) = (state.config.new_apps, digest.to_string(), files.clone());
    let (id, inserted) = state
        .database
        .write(move |database| {
            if new_apps {
                apps::create_if_missing(database, &app_id)?;
            }
            apps::require(database, &app_id)?;
            manifests::insert(database, &app_id, &digest_text, &rows)
        })
        .await?;
    // From here on the rows keep the files from being removed.
    if let Err(error) = require_stored(&state, id, files).await {
        if inserted {
            let remove = state
                .database
                .write(move |database| manifests::remove_unused(database, id));
            remove.await?;
        }
        return Err(error);
    }
    let body = json!({ "status": "ok", "sha256": digest.to_string(), "files": count });
    let status = if inserted { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(body)))
}

/// `DELETE /upload/{app_id}/manifest.json?sha256=…`: removes a manifest that no bundle has. Its files stay until they are deleted
/// themselves or a day has passed.
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    Path(app_id): Path<String>,
    fields: Fields,
) -> ApiResult<Json<Value>> {
    upload::authorize(&caller, &app_id)?;
    let digest = fields.text("sha256").ok_or_else(|| invalid("Missing sha256"))?;
    let remove = move |database: &rusqlite::Transaction<'_>| match manifests::by_digest(database, &app_id, &digest)? {
        Some(id) => manifests::remove_unused(database, id).map(drop),
        None => Ok(()),
    };
    state.database.write(remove).await?;
    Ok(Json(json!({ "status": "ok" })))
}

async fn receive(state: &ServerState, mut body: Body) -> ApiResult<Vec<u8>> {
    let mut received = Vec::new();
    while let Some(frame) = upload::with_timeout(state.config.limits.timeout, body.frame()).await? {
        let frame = frame.map_err(|error| upload::incomplete(&error))?;
        let Ok(bytes) = frame.into_data() else { continue };
        if received.len() + bytes.len() > MAX_BYTES {
            return Err(ApiError::too_large(MAX_BYTES as u64));
        }
        received.extend_from_slice(&bytes);
    }
    Ok(received)
}

fn parse(state: &ServerState, app_id: &str, document: &[u8]) -> ApiResult<Vec<ManifestFileRow>> {
    let sent: Vec<SentFile> =
        serde_json::from_slice(document).map_err(|error| invalid(&format!("the manifest is not valid: {error}")))?;
    if sent.is_empty() || sent.len() > MAX_FILES {
        return Err(invalid(&format!(
            "expected 1 to {MAX_FILES} files, found {}",
            sent.len()
        )));
    }
    let mut targets = HashSet::new();
    sent.into_iter()
        .map(|file| {
            let target = file.file_name.strip_suffix(BROTLI).unwrap_or(&file.file_name);
            let target = SafePath::parse(target.as_bytes(), &Limits::default());
            let unsafe_name = || invalid(&format!("file_name {:?} is not a safe path", file.file_name));
            let target = target.ok().flatten().ok_or_else(unsafe_name)?;
            if !targets.insert(target) {
                return Err(invalid(&format!("file_name {:?} occurs twice", file.file_name)));
            }
            if Checksum::parse(&file.file_hash).is_none() {
                let message = format!(
                    "file_hash of {:?} is neither a SHA-256 nor a signed one",
                    file.file_name
                );
                return Err(invalid(&message));
            }
            Ok(ManifestFileRow {
                place: place(state, app_id, &file.download_url)?,
                size: file.file_size,
                file_name: file.file_name,
                file_hash: file.file_hash,
            })
        })
        .collect()
}

fn place(state: &ServerState, app_id: &str, url: &str) -> ApiResult<FilePlace> {
    if let Some(path) = url.strip_prefix(&format!("{}/bundles/", state.base_url)) {
        let name = path.strip_prefix(&format!("{app_id}/"));
        if !name.is_some_and(validation::is_file_name) {
            return Err(invalid("download_url is not the URL of a file of this app"));
        }
        return Ok(FilePlace::Path(path.to_owned()));
    }
    let invalid_in_url = |letter: char| letter.is_whitespace() || letter.is_control();
    if !url.starts_with("https://") || url.contains(invalid_in_url) || url.len() > validation::MAX_URL {
        return Err(invalid("download_url must start with https://"));
    }
    Ok(FilePlace::Url(url.to_owned()))
}

/// Checks that this server stores the files that have its URL, and records their sizes.
async fn require_stored(state: &Arc<ServerState>, id: i64, files: Vec<ManifestFileRow>) -> ApiResult<()> {
    for file in files {
        let FilePlace::Path(path) = file.place else { continue };
        // Waits until a removal that began before the rows were inserted has ended.
        let _lock = state.files.lock(&path).await;
        let stored = path.clone();
        let size = state
            .files
            .run_blocking("look for a file", move |storage| storage.size(&stored))
            .await?;
        let Some(size) = size else {
            return Err(invalid(&format!(
                "{:?}: this server has no such file; upload it first",
                file.file_name
            )));
        };
        if file.size != Some(size) {
            let set = move |database: &rusqlite::Transaction<'_>| manifests::set_size(database, id, &path, size);
            state.database.write(set).await?;
        }
    }
    Ok(())
}

/// `POST /bundle/files`: which of the files with these digests this server stores for manifests of the app, so that a
/// publisher does not send them again.
pub(crate) async fn known(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    fields: Fields,
) -> ApiResult<Json<Value>> {
    let app_id = fields.app_id()?;
    if !caller.may_write(&app_id) {
        return Err(ApiError::new("cannot_access_app", "You can't access this app").with_status(StatusCode::FORBIDDEN));
    }
    let digests = fields.value("sha256").and_then(Value::as_array);
    let digests: Option<Vec<Sha256Digest>> =
        digests.and_then(|list| list.iter().map(|digest| digest.as_str()?.parse().ok()).collect());
    let digests = digests.filter(|digests| digests.len() <= MAX_FILES);
    let digests = digests.ok_or_else(|| invalid("sha256: expected an array of SHA-256 in hexadecimal"))?;
    let base = format!("{}/bundles", state.base_url);
    let known = state
        .database
        .read(move |database| {
            let mut known = serde_json::Map::new();
            for digest in digests {
                let path = format!("{app_id}/{digest}.bin");
                if manifests::known_size(database, &path)?.is_some() {
                    known.insert(digest.to_string(), Value::String(format!("{base}/{path}")));
                }
            }
            Ok(known)
        })
        .await?;
    Ok(Json(json!({ "status": "ok", "known": known })))
}

/// Removes the manifests that were not registered within a day. Returns how many.
pub(super) async fn remove_abandoned(state: &Arc<ServerState>) -> usize {
    let removed = state
        .database
        .write(|database| {
            let ids = manifests::abandoned(database)?;
            let mut paths = Vec::new();
            for id in &ids {
                paths.extend(manifests::remove_unused(database, *id)?);
            }
            Ok((ids.len(), paths))
        })
        .await;
    let Ok((count, paths)) = removed else { return 0 };
    for path in paths {
        // A failure is already in the log. Only space is lost.
        let _ = remove::if_unreferenced(state, path).await;
    }
    count
}

fn invalid(message: &str) -> ApiError {
    ApiError::new("invalid_manifest", message)
}
