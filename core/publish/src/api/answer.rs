//! What a server's answer means, whichever of its shapes it has.

use std::time::SystemTime;

use serde_json::Value;

use super::refusal::{ApiError, advice, words};
use crate::error::{Error, Result};
use crate::redact::printable;
use capbundle::http::client::Response;
use capbundle::http::{Url, retry_after};

/// The JSON of an answer that is no refusal; an empty answer is `null`.
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

/// Whether nothing is there, rather than something that says what it has not found.
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

/// Rows of a list: bare, or inside `data`; or one row alone.
pub(super) fn rows(body: Value) -> Result<Vec<Value>, String> {
    match body {
        Value::Array(rows) => Ok(rows),
        Value::Object(mut fields) => match fields.remove("data") {
            Some(Value::Array(rows)) => Ok(rows),
            Some(row @ Value::Object(_)) => Ok(vec![row]),
            Some(_) => Err("its data is no list".to_owned()),
            None if fields.contains_key("id") => Ok(vec![Value::Object(fields)]),
            None => Err("it is an object that is neither a list nor a row".to_owned()),
        },
        Value::Null => Err("it is empty".to_owned()),
        _ => Err("it is neither a list nor an object".to_owned()),
    }
}

/// An answer that is no answer.
pub(super) fn malformed(url: &str, problem: &str) -> Error {
    Error::Core(capbundle::Error::Server {
        url: url.to_owned(),
        status: 200,
        problem: format!("this is no answer of the Bundles API: {problem}"),
    })
}

fn no_json(reply: &Response, url: &str) -> Error {
    let status = reply.head.status;
    let kind = reply.head.headers.get("content-type").unwrap_or_default();
    let is_page = kind.to_ascii_lowercase().contains("html") || reply.body.trim_ascii_start().starts_with(b"<");
    let problem = match (is_page, status) {
        (true, 200..300) => {
            "a web page came instead of JSON: the base URL is not that of an API, or a captive portal or login page answers"
        }
        (true, _) => "a web page came instead of JSON, from a proxy or CDN in front of the server, perhaps",
        (false, _) => "what came is not JSON: the base URL may not be that of an API",
    };
    Error::Core(capbundle::Error::Server {
        url: url.to_owned(),
        status,
        problem: problem.to_owned(),
    })
}

/// Only reading follows redirects: what changes something goes where the caller said or nowhere.
fn redirected(reply: &Response, url: &str) -> Error {
    let to = reply.head.headers.get("location").and_then(|to| to.parse::<Url>().ok());
    let problem = match to {
        Some(to) => format!("it redirects to {to}; if that is right, give the API's base URL there"),
        None => "it redirects without saying where".to_owned(),
    };
    Error::Core(capbundle::Error::Server {
        url: url.to_owned(),
        status: reply.head.status,
        problem,
    })
}
