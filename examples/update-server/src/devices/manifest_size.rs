//! `POST /updates/manifest_size`: how much a device will download, for `getBundleDownloadSize` of Capgo's plugin.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::request;
use crate::api_error::{ApiError, ApiResult};
use crate::database::{bundles, manifests};
use crate::input;
use crate::state::ServerState;
use crate::validation;

#[derive(Deserialize)]
struct SizeRequest {
    #[serde(default)]
    app_id: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    manifest: Vec<RequestedFile>,
}

#[derive(Deserialize)]
struct RequestedFile {
    file_name: Option<String>,
    file_hash: Option<String>,
    download_url: Option<String>,
}

pub(crate) async fn post(State(state): State<Arc<ServerState>>, body: Body) -> ApiResult<Json<Value>> {
    let request: SizeRequest = request::parse(&input::read_body(body).await?)?;
    if !validation::is_app_id(&request.app_id) {
        let message = format!("app_id: expected {}", validation::EXPECTED_APP_ID);
        return Err(ApiError::new("invalid_app_id", message));
    }
    let (app_id, version) = (request.app_id, request.version);
    let files = state
        .database
        .read(move |database| {
            let bundle = bundles::by_name(database, &app_id, &version)?;
            match bundle.and_then(|bundle| bundle.manifest_id) {
                Some(id) => manifests::files(database, id),
                None => Ok(Vec::new()),
            }
        })
        .await?;
    let sizes: HashMap<(&str, &str), u64> = files
        .iter()
        .filter_map(|file| Some(((file.file_name.as_str(), file.file_hash.as_str()), file.size?)))
        .collect();
    let (mut total, mut known) = (0, 0);
    let files: Vec<Value> = request
        .manifest
        .iter()
        .map(|file| {
            let name = (file.file_name.as_deref(), file.file_hash.as_deref());
            let size = name.0.zip(name.1).and_then(|name| sizes.get(&name));
            let mut row = json!({
                "file_name": file.file_name,
                "file_hash": file.file_hash,
                "download_url": file.download_url,
            });
            if let Some(size) = size {
                total += size;
                known += 1;
                row["size"] = json!(size);
            } else {
                row["error"] = json!("size_not_found");
            }
            row
        })
        .collect();
    let unknown = files.len() - known;
    Ok(Json(json!({
        "totalSize": total,
        "knownFiles": known,
        "unknownFiles": unknown,
        "files": files,
    })))
}
