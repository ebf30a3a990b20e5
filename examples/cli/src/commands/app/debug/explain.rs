//! What an answer means, in plain words.

use capbundle::update::protocol::{Notice, UpdateAnswer};

use crate::error::Failure;

/// Meaning first, the server's own words behind.
pub(super) fn notice(notice: &Notice) -> String {
    match notice.error.meaning() {
        Some(meaning) => format!("{meaning} ({notice})"),
        None => notice.to_string(),
    }
}

/// Why an answer brings no update.
pub(super) fn refusal(answer: &UpdateAnswer) -> Failure {
    match answer {
        UpdateAnswer::Blocked(found) => Failure::refused(
            code(found),
            format!(
                "a rule of the channel keeps the bundle from this device: {}",
                notice(found)
            ),
        ),
        UpdateAnswer::Failed(found) => Failure::refused(
            code(found),
            format!("the server cannot answer this device: {}", notice(found)),
        ),
        UpdateAnswer::Limited {
            notice: found,
            retry_after,
        } => {
            let why = found
                .as_ref()
                .map(|found| format!(": {}", notice(found)))
                .unwrap_or_default();
            let wait = retry_after.map(|wait| format!("; it asks to wait {} s", wait.as_secs()));
            let code = found.as_ref().map_or_else(|| "too_many_requests".to_owned(), code);
            Failure::refused(
                code,
                format!(
                    "the server asks this device to keep silent{why}{}",
                    wait.unwrap_or_default()
                ),
            )
        }
        UpdateAnswer::Nothing { message } => Failure::refused(
            "empty_answer",
            format!(
                "the answer has neither a bundle nor a code{}: Capgo's plugin takes that for a failed download; a server that has \
                 nothing new answers {{\"error\":\"no_new_version_available\",\"kind\":\"up_to_date\"}}",
                message
                    .as_ref()
                    .map(|said| format!(" (it says: {said})"))
                    .unwrap_or_default()
            ),
        ),
        _ => Failure::refused("unsupported", "the answer is of a kind that this version does not know"),
    }
}

/// The server's code, if it looks like one.
fn code(notice: &Notice) -> String {
    let text = notice.error.as_str();
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !text.is_empty() && text.len() <= 64 && text.bytes().all(is_code) {
        text.to_owned()
    } else {
        "server".to_owned()
    }
}

/// A query may be an authority of its own.
pub(super) fn without_query(url: &str) -> String {
    url.split_once('?')
        .map_or(url.to_owned(), |(before, _)| format!("{before}?…"))
}
