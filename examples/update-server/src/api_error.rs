//! The errors that clients get.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The result of a request handler.
pub(crate) type ApiResult<T, E = ApiError> = Result<T, E>;

/// The values of `error` that the Bundles API documents.
pub(crate) mod documented {
    pub(crate) const NOT_FOUND: &str = "Bundle not found";
    pub(crate) const INVALID_VERSION: &str = "Invalid version format";
    pub(crate) const STORAGE: &str = "Failed to delete bundle from storage";
    pub(crate) const PERMISSION: &str = "Insufficient permissions to manage bundles";
}

/// An error response. Its default shape is that of Capgo's servers, `{"error","message","moreInfo"}`, where `error` is the
/// code.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) more_info: Value,
    /// Its `error` in the Bundles API, if that documents it.
    documented: Option<&'static str>,
    /// Seconds until the client should retry.
    pub(crate) retry_after: Option<u64>,
}

impl ApiError {
    /// An error with status 400, which Capgo's API uses for almost all errors.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.into(),
            more_info: json!({}),
            documented: None,
            retry_after: None,
        }
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Marks it as one of the [`documented`] errors.
    pub(crate) fn documented(mut self, error: &'static str) -> Self {
        self.documented = Some(error);
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self.more_info = json!({ "retryAfterSeconds": seconds });
        self
    }

    pub(crate) fn unauthorized(code: &'static str, message: &str) -> Self {
        Self::new(code, message)
            .documented(documented::PERMISSION)
            .with_status(StatusCode::UNAUTHORIZED)
    }

    pub(crate) fn too_large(limit: u64) -> Self {
        Self::new(
            "payload_too_large",
            format!("the body exceeds the limit of {limit} bytes"),
        )
        .with_status(StatusCode::PAYLOAD_TOO_LARGE)
    }

    pub(crate) fn timeout() -> Self {
        Self::new("request_timeout", "the request timed out").with_status(StatusCode::REQUEST_TIMEOUT)
    }

    /// An internal error. The log has the details; the client gets none.
    pub(crate) fn internal(operation: &str, error: &dyn std::fmt::Display) -> Self {
        tracing::error!(operation, %error, "a request failed");
        Self::new("unknown_error", "internal server error; the server log has the details")
            .with_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// An I/O error of the disk or the bucket.
    pub(crate) fn storage(operation: &str, error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            tracing::error!(operation, "the disk is full");
            return Self::new("no_space", "the server's disk is full").with_status(StatusCode::INSUFFICIENT_STORAGE);
        }
        Self::internal(operation, error)
    }
}

impl From<rusqlite::Error> for ApiError {
    fn from(error: rusqlite::Error) -> Self {
        Self::internal("use the database", &error)
    }
}

impl ApiError {
    /// The response in the shape that the Bundles API documents: `error` is text and `status` is `KO`. The code is in `code`.
    pub(crate) fn into_documented(self) -> Response {
        let error = self.documented.unwrap_or(&self.message);
        let body = json!({
            "error": error,
            "status": "KO",
            "code": self.code,
            "message": self.message,
            "moreInfo": self.more_info,
        });
        self.response(body)
    }

    fn response(&self, body: Value) -> Response {
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            headers.insert("x-ratelimit-reset", HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.code, "message": self.message, "moreInfo": self.more_info });
        let mut response = self.response(body);
        // For the middleware, which knows the shape that the route needs.
        response.extensions_mut().insert(self);
        response
    }
}
