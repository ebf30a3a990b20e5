//! Archives go when no bundle needs them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::upload;
use crate::access::Caller;
use crate::database::bundles;
use crate::names;
use crate::refusal::{Answer, Refusal};
use crate::state::App;

/// `DELETE /upload/{app_id}/{sha256}.zip`: takes back an archive that was uploaded and not registered. That it is not there is
/// no error.
pub(crate) async fn take_back(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((app_id, name)): Path<(String, String)>,
) -> Answer<Json<Value>> {
    upload::check(&caller, &app_id)?;
    if !names::is_stored_file(&name) {
        return Err(Refusal::new(
            "invalid_name",
            "the archive is named by its SHA-256 in lower-case hex and .zip",
        ));
    }
    if unneeded(&app, format!("{app_id}/{name}")).await? {
        Ok(Json(json!({ "status": "ok" })))
    } else {
        Err(Refusal::new(
            "cannot_delete_upload",
            "a bundle needs this archive: delete that first",
        ))
    }
}

/// Removes an archive unless a bundle needs it, which is what it gives then: `false`.
///
/// Is done also if whoever asked for it goes away meanwhile. The claim holds off whoever wants to register it.
pub(crate) async fn unneeded(app: &Arc<App>, path: String) -> Answer<bool> {
    let app = Arc::clone(app);
    let removing = tokio::spawn(async move {
        let _claim = app.files.claim(&path).await;
        if is_needed(&app, &path).await? {
            return Ok(false);
        }
        let removed = app.files.work("remove an archive", move |kept| kept.remove(&path));
        removed.await.map(|()| true)
    });
    removing
        .await
        .unwrap_or_else(|problem| Err(Refusal::broken("remove an archive", &problem)))
}

/// Whether a bundle needs the archive. Whoever acts on the answer holds the claim.
pub(super) async fn is_needed(app: &App, path: &str) -> Answer<bool> {
    let path = path.to_owned();
    app.database
        .read(move |database| bundles::needs_file(database, &path))
        .await
}
