//! A request that is refused: what the client is told.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The result of every request.
pub(crate) type Answer<T, E = Refusal> = Result<T, E>;

/// What the Bundles API documents as `error`.
pub(crate) mod documented {
    pub(crate) const NOT_FOUND: &str = "Bundle not found";
    pub(crate) const INVALID_VERSION: &str = "Invalid version format";
    pub(crate) const STORAGE: &str = "Failed to delete bundle from storage";
    pub(crate) const PERMISSION: &str = "Insufficient permissions to manage bundles";
}

/// Status, code and words. By itself an answer in the shape of Capgo's servers, `{"error","message","moreInfo"}`, where `error`
/// is the code.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) more: Value,
    /// What is documented for it, if it is one of the documented errors.
    documented: Option<&'static str>,
    /// Seconds until it is worth trying again.
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    /// Status 400, as Capgo's API answers nearly everything.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.into(),
            more: json!({}),
            documented: None,
            retry_after: None,
        }
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// This refusal is one of the [`documented`] errors.
    pub(crate) fn documented(mut self, error: &'static str) -> Self {
        self.documented = Some(error);
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self.more = json!({ "retryAfterSeconds": seconds });
        self
    }

    pub(crate) fn unauthorized(code: &'static str, message: &str) -> Self {
        Self::new(code, message)
            .documented(documented::PERMISSION)
            .with_status(StatusCode::UNAUTHORIZED)
    }

    pub(crate) fn too_large(limit: u64) -> Self {
        Self::new("payload_too_large", format!("at most {limit} bytes are taken"))
            .with_status(StatusCode::PAYLOAD_TOO_LARGE)
    }

    pub(crate) fn too_slow() -> Self {
        Self::new("request_timeout", "nothing came for too long").with_status(StatusCode::REQUEST_TIMEOUT)
    }

    /// Something broke here. The log has what; the client gets no inner workings.
    pub(crate) fn broken(operation: &str, problem: &dyn std::fmt::Display) -> Self {
        tracing::error!(operation, %problem, "a request failed");
        Self::new("unknown_error", "the server failed; its log says more")
            .with_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The disk is full, or broken.
    pub(crate) fn disk(operation: &str, problem: &std::io::Error) -> Self {
        if problem.kind() == std::io::ErrorKind::StorageFull {
            tracing::error!(operation, "the disk is full");
            return Self::new("no_space", "the server's disk is full").with_status(StatusCode::INSUFFICIENT_STORAGE);
        }
        Self::broken(operation, problem)
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(problem: rusqlite::Error) -> Self {
        Self::broken("use the database", &problem)
    }
}

impl Refusal {
    /// The answer in the shape that the Bundles API documents: `error` is text, `status` is `KO`. The code is in `code`, and
    /// details are in `message`.
    pub(crate) fn into_documented(self) -> Response {
        let error = self.documented.unwrap_or(&self.message);
        let body = json!({
            "error": error,
            "status": "KO",
            "code": self.code,
            "message": self.message,
            "moreInfo": self.more,
        });
        self.answer(body)
    }

    fn answer(&self, body: Value) -> Response {
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            headers.insert("x-ratelimit-reset", HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code, "message": self.message, "moreInfo": self.more });
        let mut response = self.answer(body);
        // For the gate, which knows in which shape the route answers.
        response.extensions_mut().insert(self);
        response
    }
}
