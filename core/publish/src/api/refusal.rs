//! Reads the error responses of the Bundles API.

use serde_json::Value;

use super::advice::{advice_for_code, advice_for_text};

/// The longest error code. Longer text is a message.
const MAX_CODE: usize = 64;

/// The code and the message of an error object, of which four forms are known:
///
/// - `error` is a message, `status` is `KO`, `code` is the code and `message` has the details (documented, and our server);
/// - the same without `code` (documented);
/// - `error` is the code and `message` the message (Capgo's backend);
/// - `status` is a message and `error` has its details (older servers).
pub(super) fn words(body: &Value, is_error_status: bool) -> Option<(Option<String>, String)> {
    let text = |name: &str| {
        body.get(name)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    let (error, message, status) = (text("error"), text("message"), text("status"));
    let is_refusal = body
        .get("error")
        .is_some_and(|error| !error.is_null() && *error != Value::Bool(false))
        || status.is_some_and(|status| status.eq_ignore_ascii_case("KO"));
    if !is_refusal && !is_error_status {
        return None;
    }
    let stated = text("code").filter(|code| is_code(code));
    let status = status.filter(|status| !["ko", "error"].contains(&status.to_ascii_lowercase().as_str()));
    // If there is a member `code`, `error` is a message for people.
    let error_as_code = error.filter(|error| is_code(error));
    let code = stated.or(error_as_code);
    let error_as_text = error.filter(|error| code != Some(*error));
    let said: Vec<&str> = match (stated, message) {
        (Some(_), Some(message)) => error_as_text
            .filter(|error| *error != message)
            .into_iter()
            .chain([message])
            .collect(),
        (None, Some(message)) => vec![message],
        (_, None) => status.into_iter().chain(error_as_text).collect(),
    };
    Some((code.map(str::to_owned), said.join(": ")))
}

fn is_code(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    text.len() <= MAX_CODE && text.bytes().all(is_part)
}

/// The advice for a refusal.
pub(super) fn advice(code: Option<&str>, message: &str, status: u16) -> Option<&'static str> {
    let by_status = || match status {
        401 => advice_for_code("invalid_apikey"),
        403 => advice_for_text("Insufficient permissions to manage bundles"),
        429 => advice_for_code("too_many_requests"),
        _ => None,
    };
    code.and_then(advice_for_code)
        .or_else(|| advice_for_text(message))
        // Details follow the documented text.
        .or_else(|| advice_for_text(message.split_once(": ")?.0))
        .or_else(by_status)
}
