//! `/statistics`: what devices reported, counted by day.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::access::Caller;
use crate::database::statistics;
use crate::input::Fields;
use crate::refusal::{Answer, Refusal};
use crate::state::App;

/// `GET /statistics?app_id`: the newest thousand counts.
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller, fields: Fields) -> Answer<Json<Value>> {
    let app_id = fields.app_id()?;
    if !caller.may_read(&app_id) {
        return Err(Refusal::new("cannot_access_app", "You can't access this app"));
    }
    let rows = app
        .database
        .read(move |database| statistics::recent(database, &app_id))
        .await?;
    Ok(Json(json!(rows)))
}
