//! Explains the server's responses.

use capbundle::update::protocol::{Notice, UpdateResponse};

use crate::error::Failure;

/// The meaning of a notice, followed by the server's own text.
pub(super) fn notice(notice: &Notice) -> String {
    match notice.error.meaning() {
        Some(meaning) => format!("{meaning} ({notice})"),
        None => notice.to_string(),
    }
}

/// The failure for a response without an update.
pub(super) fn refusal(answer: &UpdateResponse) -> Failure {
    match answer {
        UpdateResponse::Blocked(found) => Failure::refused(
            code(found),
            format!("a rule of the channel excludes this device: {}", notice(found)),
        ),
        UpdateResponse::Failed(found) => Failure::refused(
            code(found),
            format!("the server rejected the request of this device: {}", notice(found)),
        ),
        UpdateResponse::Limited {
            notice: found,
            retry_after,
        } => {
            let why = found
                .as_ref()
                .map(|found| format!(": {}", notice(found)))
                .unwrap_or_default();
            let wait = retry_after.map(|wait| format!("; retry after {} s", wait.as_secs()));
            let code = found.as_ref().map_or_else(|| "too_many_requests".to_owned(), code);
            Failure::refused(
                code,
                format!("the server rate-limits this device{why}{}", wait.unwrap_or_default()),
            )
        }
        UpdateResponse::Nothing { message } => Failure::refused(
            "empty_answer",
            format!(
                "the response has neither a bundle nor an error code{}: Capgo's plugin treats that as a failed download; a server \
                without an update must return {{\"error\":\"no_new_version_available\",\"kind\":\"up_to_date\"}}",
                message
                    .as_ref()
                    .map(|text| format!(" (message: {text})"))
                    .unwrap_or_default()
            ),
        ),
        _ => Failure::refused("unsupported", "this version does not support the kind of response"),
    }
}

/// The server's error code, if it is well-formed.
fn code(notice: &Notice) -> String {
    let text = notice.error.as_str();
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !text.is_empty() && text.len() <= 64 && text.bytes().all(is_code) {
        text.to_owned()
    } else {
        "server".to_owned()
    }
}

/// Removes the query of a URL, which may contain secrets.
pub(super) fn without_query(url: &str) -> String {
    url.split_once('?')
        .map_or(url.to_owned(), |(before, _)| format!("{before}?…"))
}
