//! Why a response is not the requested file.

use crate::http::transport::Headers;

/// The problem with a status other than 200, 206 and 416.
pub(super) fn status_problem(status: u16) -> &'static str {
    match status {
        401 => "authentication required: the URL needs a token, or is not public",
        403 => "access denied: the URL is not public, or its signature has expired",
        404 | 410 => "no such file",
        408 | 425 => "the server was too busy to respond",
        429 => "too many requests",
        501 | 505 => "the server does not support this request",
        507 => "the server has no space left",
        500..=599 => "internal server error",
        300..=399 => "redirects without a Location",
        _ => "unexpected status for a download",
    }
}

/// The problem with a `Content-Encoding`: digests and ranges are those of the bytes as they are stored.
pub(super) fn encoding_problem(headers: &Headers) -> Option<String> {
    match headers.get("content-encoding").map(str::trim) {
        None | Some("" | "identity") => None,
        Some(encoding) => Some(format!(
            "unrequested Content-Encoding \"{encoding}\": disable compression for archives on the server"
        )),
    }
}
