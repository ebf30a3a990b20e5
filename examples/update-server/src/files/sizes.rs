//! Sizes of archives that an older version of this server registered without them.

use std::sync::Arc;

use crate::database::bundles;
use crate::refusal::Answer;
use crate::state::App;

/// Looks them up once. What cannot be looked up stays unknown until the next start; the log says why.
pub(crate) async fn fill_in(app: Arc<App>) {
    let Ok(paths) = app.database.read(bundles::without_size).await else {
        return;
    };
    for path in paths {
        // Failures are in the log already.
        let _ = fill_in_one(&app, path).await;
    }
}

async fn fill_in_one(app: &App, path: String) -> Answer<()> {
    let asked = path.clone();
    let size = app
        .files
        .work("look at an archive", move |kept| kept.size(&asked))
        .await?;
    let Some(size) = size else { return Ok(()) };
    app.database
        .write(move |database| bundles::set_size(database, &path, size))
        .await
}
