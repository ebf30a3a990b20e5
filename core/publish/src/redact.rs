//! Makes messages of servers safe to print.

use serde_json::Value;

use capbundle::http::Headers;

/// Messages of servers are cut to this length.
const MAX_MESSAGE: usize = 500;
/// Shorter header values are not secrets, and removing them would garble messages.
const MIN_SECRET_LEN: usize = 6;

/// One line without control characters and without the secrets, cut to a length.
pub(crate) fn printable(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "[secret]");
    }
    let line: String = text
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(MAX_MESSAGE)
        .collect();
    let cut = if text.chars().nth(MAX_MESSAGE).is_some() {
        "…"
    } else {
        ""
    };
    format!("{}{cut}", line.trim())
}

/// The secrets in these headers: each value, and each word of it, since a token follows `Bearer`.
pub(crate) fn secrets(headers: &Headers) -> Vec<&str> {
    let values = headers.iter().map(|(_, value)| value);
    let words = headers.iter().flat_map(|(_, value)| value.split_ascii_whitespace());
    values
        .chain(words)
        .filter(|word| word.len() >= MIN_SECRET_LEN)
        .collect()
}

/// The message in a response: of a JSON object, the code of an object store, or a line of text. `None` for a web page.
pub(crate) fn words_of(body: &[u8], secrets: &[&str]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    let said = if let Ok(Value::Object(object)) = serde_json::from_str::<Value>(text) {
        let word = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
        word("message").or_else(|| word("error")).or_else(|| word("detail"))?
    } else if text.starts_with('<') {
        element(text, "Code")?.to_owned()
    } else {
        text.lines().next()?.to_owned()
    };
    let said = printable(&said, secrets);
    (!said.is_empty()).then_some(said)
}

/// The content of the first XML element of this name.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(content, _)| content)
}
