//! `/statistics`: the events that devices reported, counted by day.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::readable_app;
use crate::access::Caller;
use crate::api_error::ApiResult;
use crate::database::statistics;
use crate::input::Fields;
use crate::state::ServerState;

/// `GET /statistics?app_id`: the newest 1,000 counts.
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    fields: Fields,
) -> ApiResult<Json<Value>> {
    let app_id = readable_app(&caller, &fields)?;
    let rows = state
        .database
        .read(move |database| statistics::recent(database, &app_id))
        .await?;
    Ok(Json(json!(rows)))
}
