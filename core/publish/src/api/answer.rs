//! Reads the responses of different servers.

use std::time::SystemTime;

use serde_json::Value;

use super::refusal::{advice, words};
use crate::api_error::ApiError;
use crate::error::{Error, Result};
use crate::redact::printable;
use capbundle::http::client::Response;
use capbundle::http::{Url, retry_after};

/// The JSON of a successful response; an empty body is `null`.
pub(super) fn read(reply: &Response, url: &str, secret: &str) -> Result<Value> {
    let status = reply.head.status;
    if (300..400).contains(&status) {
        return Err(redirected(reply, url));
    }
    let is_error_status = !(200..300).contains(&status);
    let body = match serde_json::from_slice::<Value>(&reply.body) {
        Ok(body) => body,
        Err(_) if reply.body.trim_ascii().is_empty() => Value::Null,
        Err(_) => return Err(no_json(reply, url)),
    };
    let Some((code, message)) = words(&body, is_error_status) else {
        return Ok(body);
    };
    let (code, message) = (
        code.map(|code| printable(&code, &[secret])),
        printable(&message, &[secret]),
    );
    Err(Error::Api(Box::new(ApiError {
        url: url.to_owned(),
        status,
        advice: advice(code.as_deref(), &message, status),
        code,
        message,
        retry_after: retry_after(&reply.head.headers, SystemTime::now()),
    })))
}

/// Whether the path does not exist, rather than an item in it.
pub(super) fn is_no_such_path(reply: &Response) -> bool {
    if reply.head.status != 404 {
        return false;
    }
    match serde_json::from_slice::<Value>(&reply.body) {
        Ok(body) => match words(&body, true) {
            Some((Some(code), _)) => code == "not_found",
            Some((None, message)) => message.is_empty(),
            None => true,
        },
        Err(_) => true,
    }
}

/// The rows of a list: bare, inside `data`, or a single row.
pub(super) fn rows(body: Value) -> Result<Vec<Value>, String> {
    match body {
        Value::Array(rows) => Ok(rows),
        Value::Object(mut fields) => match fields.remove("data") {
            Some(Value::Array(rows)) => Ok(rows),
            Some(row @ Value::Object(_)) => Ok(vec![row]),
            Some(_) => Err("data is not an array".to_owned()),
            None if fields.contains_key("id") => Ok(vec![Value::Object(fields)]),
            None => Err("the object is neither a list nor a row".to_owned()),
        },
        Value::Null => Err("the response is empty".to_owned()),
        _ => Err("expected an array or an object".to_owned()),
    }
}

/// The error for an invalid response.
pub(super) fn malformed(url: &str, problem: &str) -> Error {
    Error::Core(capbundle::Error::Server {
        url: url.to_owned(),
        status: 200,
        problem: format!("invalid response of the Bundles API: {problem}"),
    })
}

fn no_json(reply: &Response, url: &str) -> Error {
    let status = reply.head.status;
    let kind = reply.head.headers.get("content-type").unwrap_or_default();
    let is_page = kind.to_ascii_lowercase().contains("html") || reply.body.trim_ascii_start().starts_with(b"<");
    let problem = match (is_page, status) {
        (true, 200..300) => {
            "expected JSON, found a web page: the base URL is not that of an API, or it is a captive portal or login page"
        }
        (true, _) => "expected JSON, found a web page, perhaps from a proxy or CDN in front of the server",
        (false, _) => "the response is not JSON: the base URL may not be that of an API",
    };
    Error::Core(capbundle::Error::Server {
        url: url.to_owned(),
        status,
        problem: problem.to_owned(),
    })
}

/// Only reads follow redirects: a change is sent only to the host that the caller named.
fn redirected(reply: &Response, url: &str) -> Error {
    let to = reply.head.headers.get("location").and_then(|to| to.parse::<Url>().ok());
    let problem = match to {
        Some(to) => format!("redirects to {to}; if that is right, pass its base URL"),
        None => "redirects without a Location".to_owned(),
    };
    Error::Core(capbundle::Error::Server {
        url: url.to_owned(),
        status: reply.head.status,
        problem,
    })
}
