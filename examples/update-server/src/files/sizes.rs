//! Records the sizes of archives that an older version registered without them.

use std::sync::Arc;

use crate::api_error::ApiResult;
use crate::database::bundles;
use crate::state::ServerState;

/// Looks up all missing sizes once. A size that cannot be looked up stays unknown until the next start.
pub(crate) async fn backfill(state: Arc<ServerState>) {
    let Ok(paths) = state.database.read(bundles::without_size).await else {
        return;
    };
    for path in paths {
        // Failures are already in the log.
        let _ = backfill_one(&state, path).await;
    }
}

async fn backfill_one(state: &ServerState, path: String) -> ApiResult<()> {
    let archive = path.clone();
    let size = state
        .files
        .run_blocking("read the size of an archive", move |storage| storage.size(&archive))
        .await?;
    let Some(size) = size else { return Ok(()) };
    state
        .database
        .write(move |database| bundles::set_size(database, &path, size))
        .await
}
