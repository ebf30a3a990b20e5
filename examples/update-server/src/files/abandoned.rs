//! Uploads that nobody registered: looked for again and again, since a server runs for weeks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::remove;
use crate::refusal::{Answer, Refusal};
use crate::state::App;

/// Oftener would be nothing but work.
const SHORTEST: Duration = Duration::from_millis(10);

/// Clears for as long as it is polled, the first time at once.
pub(crate) async fn clear_regularly(app: Arc<App>) {
    let mut turns = tokio::time::interval(app.config.limits.clearing.max(SHORTEST));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // What is odd stays so, and is told once.
    let mut told = BTreeSet::new();
    loop {
        turns.tick().await;
        let cleared = clear(&app, &mut told).await;
        if cleared > 0 {
            tracing::info!(cleared, "uploads that nobody registered were removed");
        }
    }
}

async fn clear(app: &Arc<App>, told: &mut BTreeSet<String>) -> usize {
    let folder = app.files.folder().clone();
    let Ok(looked) = tokio::task::spawn_blocking(move || folder.look()).await else {
        return 0;
    };
    for odd in looked.odd {
        if !told.contains(&odd) {
            tracing::warn!(problem = %odd, "left alone in the folder of archives");
            told.insert(odd);
        }
    }
    let mut cleared = 0;
    for path in looked.old {
        // Why one was not removed is in the log already; the next turn tries again.
        cleared += clear_one(app, path).await.map_or(0, usize::from);
    }
    cleared
}

/// Removes the archive if no bundle needs it. It is looked at anew under its claim: since the folder was listed it may have
/// been uploaded again or registered.
async fn clear_one(app: &App, path: String) -> Answer<bool> {
    let _claim = app.files.claim(&path).await;
    if remove::is_needed(app, &path).await? {
        return Ok(false);
    }
    let folder = app.files.folder().clone();
    match tokio::task::spawn_blocking(move || folder.remove_old(&path)).await {
        Ok(removed) => removed.map_err(|error| Refusal::disk("remove an abandoned upload", &error)),
        Err(problem) => Err(Refusal::broken("remove an abandoned upload", &problem)),
    }
}
