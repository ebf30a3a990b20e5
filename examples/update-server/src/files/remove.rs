//! Removes archives that no bundle references.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::upload;
use crate::access::Caller;
use crate::api_error::{ApiError, ApiResult};
use crate::database::bundles;
use crate::state::ServerState;
use crate::validation;

/// `DELETE /upload/{app_id}/{sha256}.zip` or `….bin`: deletes an archive or a single file that was uploaded but not registered. Succeeds if it does not
/// exist.
pub(crate) async fn delete_upload(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    Path((app_id, name)): Path<(String, String)>,
) -> ApiResult<Json<Value>> {
    upload::authorize(&caller, &app_id)?;
    if !validation::is_stored_name(&name) {
        return Err(ApiError::new(
            "invalid_name",
            "expected the SHA-256 of the archive in lower-case hexadecimal, followed by .zip, or that of a single file, followed by \
             .bin",
        ));
    }
    if if_unreferenced(&state, format!("{app_id}/{name}")).await? {
        Ok(Json(json!({ "status": "ok" })))
    } else {
        Err(ApiError::new(
            "cannot_delete_upload",
            "a bundle references this archive; delete the bundle first",
        ))
    }
}

/// Removes an archive unless a bundle references it. Returns `false` if one does.
///
/// Runs to its end even if the client disconnects. The lock keeps the archive from being registered concurrently.
pub(crate) async fn if_unreferenced(state: &Arc<ServerState>, path: String) -> ApiResult<bool> {
    let state = Arc::clone(state);
    let removing = tokio::spawn(async move {
        let _lock = state.files.lock(&path).await;
        if is_referenced(&state, &path).await? {
            return Ok(false);
        }
        let removed = state
            .files
            .run_blocking("remove an archive", move |storage| storage.remove(&path));
        removed.await.map(|()| true)
    });
    removing
        .await
        .unwrap_or_else(|error| Err(ApiError::internal("remove an archive", &error)))
}

/// Whether a bundle references the archive. The caller must hold the lock of the archive.
pub(super) async fn is_referenced(state: &ServerState, path: &str) -> ApiResult<bool> {
    let path = path.to_owned();
    state
        .database
        .read(move |database| bundles::references_archive(database, &path))
        .await
}
