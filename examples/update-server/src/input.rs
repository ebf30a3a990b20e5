//! The members of a request, from a JSON body or from the query.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest, Query, Request};
use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::names;
use crate::refusal::{Answer, Refusal};
use crate::state::App;

/// The members of a request: of its JSON body, and what that does not name from its query.
pub(crate) struct Fields(Map<String, Value>);

impl FromRequest<Arc<App>> for Fields {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Arc<App>) -> Answer<Self> {
        let query = Query::<HashMap<String, String>>::try_from_uri(request.uri());
        let unreadable = |_| Refusal::new("invalid_query", "the query cannot be read");
        let Query(query) = query.map_err(unreadable)?;
        let mut members: Map<String, Value> = query
            .into_iter()
            .map(|(name, value)| (name, Value::String(value)))
            .collect();
        let bytes = read_body(request.into_body()).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(members));
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(said)) => {
                members.extend(said);
                Ok(Self(members))
            }
            Ok(_) => Err(Refusal::new("invalid_json_parse_body", "the body is not a JSON object")),
            Err(problem) => Err(Refusal::new(
                "invalid_json_parse_body",
                format!("the body is not JSON: {problem}"),
            )),
        }
    }
}

/// How long a body may take; a second more for every [`MIN_RATE`] bytes that arrived.
const SMALL_WITHIN: Duration = Duration::from_secs(5);
/// Bytes a second. A phone on the slowest network has more.
const MIN_RATE: u64 = 16 << 10;
/// Bodies up to this size are received without asking for memory. A batch of all reports that a plugin keeps is smaller.
const SMALL: usize = 256 << 10;
/// Bodies above [`SMALL`] that are in memory at once.
pub(crate) const LARGE_BODIES: usize = 64;

/// Receives a whole body from a client, within the limits of size, time and memory.
pub(crate) async fn receive(mut body: Body, app: &App) -> Answer<Bytes> {
    let limits = &app.config.limits;
    let limit = limits.json_bytes;
    if body.size_hint().lower() > limit as u64 {
        return Err(Refusal::too_large(limit as u64));
    }
    let started = Instant::now();
    let mut received = Vec::new();
    let mut large = None;
    loop {
        let earned = Duration::from_millis(received.len() as u64 * 1000 / MIN_RATE);
        let allowed = (SMALL_WITHIN + earned).min(limits.patience);
        let frame = tokio::time::timeout_at(started + allowed, body.frame()).await;
        let Some(frame) = frame.map_err(|_| Refusal::too_slow())? else {
            return Ok(Bytes::from(received));
        };
        let frame = frame.map_err(|problem| broken_off(&problem))?;
        let Ok(bytes) = frame.into_data() else { continue };
        if received.len() + bytes.len() > limit {
            return Err(Refusal::too_large(limit as u64));
        }
        received.extend_from_slice(&bytes);
        if received.len() > SMALL && large.is_none() {
            let permit = app.large_bodies.try_acquire().map_err(|_| {
                let refusal = Refusal::new(
                    "too_many_requests",
                    "the server receives too many large requests just now",
                );
                refusal.with_status(StatusCode::SERVICE_UNAVAILABLE).retry_after(1)
            })?;
            large = Some(permit);
        }
    }
}

/// The whole body of a request that the gate has received.
pub(crate) async fn read_body(body: Body) -> Answer<Bytes> {
    let collected = body.collect().await.map_err(|problem| broken_off(&problem))?;
    Ok(collected.to_bytes())
}

fn broken_off(problem: &dyn std::fmt::Display) -> Refusal {
    Refusal::new("invalid_json_parse_body", format!("the body broke off: {problem}"))
}

impl Fields {
    /// Text that is not empty; a number counts as its digits.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// As [`text`](Self::text), for what means something else when it is left out: a member that is there and says nothing is a
    /// mistake, such as a variable of a script that is not set. `code` is that of its refusal.
    pub(crate) fn text_if_given(&self, name: &str, code: &'static str) -> Answer<Option<String>> {
        let text = self.text(name);
        if text.is_none() && self.0.contains_key(name) {
            let message =
                format!("{name} is there and says nothing: give it a text that is not empty, or leave it out");
            return Err(Refusal::new(code, message));
        }
        Ok(text)
    }

    /// A member as it was sent; `None` if it is absent or `null`.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A whole number, or digits.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A number with a fraction, or its text.
    pub(crate) fn fraction(&self, name: &str) -> Option<f64> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The app, which every request of the API names.
    pub(crate) fn app_id(&self) -> Answer<String> {
        let app_id = self
            .text("app_id")
            .ok_or_else(|| Refusal::new("missing_app_id", "Missing app_id"))?;
        if names::is_app_id(&app_id) {
            return Ok(app_id);
        }
        Err(Refusal::new(
            "invalid_app_id",
            format!("app_id: expected {}", names::EXPECTED_APP_ID),
        ))
    }
}
