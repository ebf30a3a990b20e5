//! What a server says, fit to be told to a person.

use serde_json::Value;

use capbundle::http::Headers;

/// A message of a server is cut here: it goes to a terminal.
const MAX_MESSAGE: usize = 500;
/// Shorter values of headers are no secrets, and taking them out would garble what is said.
const SHORTEST_SECRET: usize = 6;

/// One line, no control characters, not too long, and without the secrets, should they have come back.
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

/// What of these headers must not be told: each value, and each word of it, since `Bearer` stands before a token.
pub(crate) fn secrets(headers: &Headers) -> Vec<&str> {
    let values = headers.iter().map(|(_, value)| value);
    let words = headers.iter().flat_map(|(_, value)| value.split_ascii_whitespace());
    values
        .chain(words)
        .filter(|word| word.len() >= SHORTEST_SECRET)
        .collect()
}

/// What an answer says in words: the message of a JSON object, the code of an object store, a line of text. Nothing for a
/// web page.
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

/// The content of the first element of this name: object stores say in one what is wrong.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(content, _)| content)
}
