//! Removes abandoned uploads: those that were not registered within a day.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::remove;
use crate::api_error::{ApiError, ApiResult};
use crate::state::ServerState;

/// The shortest interval, which keeps a configured zero from using up a core.
const MIN_INTERVAL: Duration = Duration::from_millis(10);

/// Removes abandoned uploads now and then regularly, for as long as it is polled.
pub(crate) async fn run(state: Arc<ServerState>) {
    let mut interval = tokio::time::interval(state.config.limits.cleanup_interval.max(MIN_INTERVAL));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Unexpected files stay, and are logged only once.
    let mut logged = BTreeSet::new();
    loop {
        interval.tick().await;
        // Manifests first: the files of one that is removed may be expired.
        let removed = super::manifest::remove_abandoned(&state).await + remove_expired(&state, &mut logged).await;
        if removed > 0 {
            tracing::info!(removed, "removed abandoned uploads");
        }
    }
}

async fn remove_expired(state: &Arc<ServerState>, logged: &mut BTreeSet<String>) -> usize {
    let folder = state.files.folder().clone();
    let Ok(scan) = tokio::task::spawn_blocking(move || folder.scan()).await else {
        return 0;
    };
    for message in scan.unexpected {
        if !logged.contains(&message) {
            tracing::warn!(reason = %message, "ignored in the folder of archives");
            logged.insert(message);
        }
    }
    let mut removed = 0;
    for path in scan.expired {
        // A failure is already in the log, and the next run retries it.
        removed += remove_if_abandoned(state, path).await.map_or(0, usize::from);
    }
    removed
}

/// Removes the archive if it is still expired and no bundle references it. It checks again while it holds the lock, since the
/// archive may have been uploaded again or registered after the scan.
async fn remove_if_abandoned(state: &ServerState, path: String) -> ApiResult<bool> {
    let _lock = state.files.lock(&path).await;
    if remove::is_referenced(state, &path).await? {
        return Ok(false);
    }
    let folder = state.files.folder().clone();
    match tokio::task::spawn_blocking(move || folder.remove_expired(&path)).await {
        Ok(removed) => removed.map_err(|error| ApiError::storage("remove an abandoned upload", &error)),
        Err(error) => Err(ApiError::internal("remove an abandoned upload", &error)),
    }
}
