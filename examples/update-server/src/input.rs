//! Request bodies, and the fields that API requests carry in their JSON body or their query.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest, Query, Request};
use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::api_error::{ApiError, ApiResult};
use crate::state::ServerState;
use crate::validation;

/// The fields of a request: the members of its JSON body, and those parameters of its query that the body lacks.
pub(crate) struct Fields(Map<String, Value>);

impl FromRequest<Arc<ServerState>> for Fields {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Arc<ServerState>) -> ApiResult<Self> {
        let query = Query::<HashMap<String, String>>::try_from_uri(request.uri());
        let invalid = |_| ApiError::new("invalid_query", "the query is malformed");
        let Query(query) = query.map_err(invalid)?;
        let mut members: Map<String, Value> = query
            .into_iter()
            .map(|(name, value)| (name, Value::String(value)))
            .collect();
        let bytes = read_body(request.into_body()).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(members));
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(body)) => {
                members.extend(body);
                Ok(Self(members))
            }
            Ok(_) => Err(ApiError::new(
                "invalid_json_parse_body",
                "expected a JSON object as body",
            )),
            Err(error) => Err(ApiError::new(
                "invalid_json_parse_body",
                format!("the body is not valid JSON: {error}"),
            )),
        }
    }
}

/// Time to receive a body, plus one second for every [`MIN_RATE`] bytes that arrived.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes per second. A phone on the slowest network has more.
const MIN_RATE: u64 = 16 << 10;
/// Larger bodies count towards [`LARGE_BODIES`]. A batch of all events that a plugin keeps is smaller.
const LARGE: usize = 256 << 10;
/// Bodies above [`LARGE`] that may be in memory at once.
pub(crate) const LARGE_BODIES: usize = 64;

/// Receives a body completely, within the limits of size, time and memory.
pub(crate) async fn receive(mut body: Body, state: &ServerState) -> ApiResult<Bytes> {
    let limits = &state.config.limits;
    let limit = limits.json_bytes;
    if body.size_hint().lower() > limit as u64 {
        return Err(ApiError::too_large(limit as u64));
    }
    let started = Instant::now();
    let mut received = Vec::new();
    let mut large = None;
    loop {
        let extension = Duration::from_millis(received.len() as u64 * 1000 / MIN_RATE);
        let allowed = (BODY_TIMEOUT + extension).min(limits.timeout);
        let frame = tokio::time::timeout_at(started + allowed, body.frame()).await;
        let Some(frame) = frame.map_err(|_| ApiError::timeout())? else {
            return Ok(Bytes::from(received));
        };
        let frame = frame.map_err(|error| incomplete(&error))?;
        let Ok(bytes) = frame.into_data() else { continue };
        if received.len() + bytes.len() > limit {
            return Err(ApiError::too_large(limit as u64));
        }
        received.extend_from_slice(&bytes);
        if received.len() > LARGE && large.is_none() {
            let permit = state.large_bodies.try_acquire().map_err(|_| {
                let error = ApiError::new(
                    "too_many_requests",
                    "the server is receiving too many large requests; retry later",
                );
                error.with_status(StatusCode::SERVICE_UNAVAILABLE).retry_after(1)
            })?;
            large = Some(permit);
        }
    }
}

/// The body of a request, which the middleware has already received.
pub(crate) async fn read_body(body: Body) -> ApiResult<Bytes> {
    let collected = body.collect().await.map_err(|error| incomplete(&error))?;
    Ok(collected.to_bytes())
}

fn incomplete(error: &dyn std::fmt::Display) -> ApiError {
    ApiError::new("invalid_json_parse_body", format!("the body is incomplete: {error}"))
}

impl Fields {
    /// A string that is not empty, or a number in decimal digits.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// Like [`text`](Self::text), but fails with `code` if the field is present and empty. For fields whose absence has a
    /// meaning of its own: an empty value is a mistake, such as an unset variable of a script.
    pub(crate) fn optional_text(&self, name: &str, code: &'static str) -> ApiResult<Option<String>> {
        let text = self.text(name);
        if text.is_none() && self.0.contains_key(name) {
            let message = format!("expected a non-empty string for {name}; omit the field if it does not apply");
            return Err(ApiError::new(code, message));
        }
        Ok(text)
    }

    /// A field as it was sent; `None` if it is absent or `null`.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// An integer, or a string of one.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A number, or a string of one.
    pub(crate) fn fraction(&self, name: &str) -> Option<f64> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A boolean, or a string of one.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The app id, which all API requests carry.
    pub(crate) fn app_id(&self) -> ApiResult<String> {
        let app_id = self
            .text("app_id")
            .ok_or_else(|| ApiError::new("missing_app_id", "Missing app_id"))?;
        if validation::is_app_id(&app_id) {
            return Ok(app_id);
        }
        Err(ApiError::new(
            "invalid_app_id",
            format!("app_id: expected {}", validation::EXPECTED_APP_ID),
        ))
    }
}
