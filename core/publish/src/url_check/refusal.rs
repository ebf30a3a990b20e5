//! Errors for responses that are not the file.

use crate::redact;
use capbundle::Error;
use capbundle::http::{Head, Url};

/// The error for a response with this head and start of a body.
pub(super) fn explained(url: &Url, head: &Head, body: &[u8]) -> Error {
    let meaning = match head.status {
        401 => "authentication required: the URL must be public for devices",
        403 => "access denied: the file or its bucket is private, or a signed URL has expired",
        404 | 410 => "no such file: it was not uploaded, or has another name (names are case-sensitive)",
        405 | 501 => "this URL does not serve files",
        300..=399 => "redirects without a Location",
        429 => "too many requests",
        500..=599 => "internal server error",
        200..=299 => "unexpected status for a download",
        _ => "the server refused the download",
    };
    let said = redact::words_of(body, &[]).map(|said| format!(" (server message: {said})"));
    Error::Server {
        url: url.to_string(),
        status: head.status,
        problem: format!("{meaning}{}", said.unwrap_or_default()),
    }
}

/// The error for a web page in place of the file.
pub(super) fn web_page(url: &Url, status: u16) -> Error {
    Error::Server {
        url: url.to_string(),
        status,
        problem: "expected an archive, found a web page: an error page with a success status, a login page, or a download page rather \
                  than the download itself"
            .to_owned(),
    }
}

/// The error for a compressed response: digests are those of the stored bytes.
pub(super) fn encoded(url: &Url, status: u16, encoding: &str) -> Error {
    Error::Server {
        url: url.to_string(),
        status,
        problem: format!(
            "unrequested Content-Encoding {encoding:?}: disable compression for archives, and remove metadata of that name"
        ),
    }
}

/// The error for a file of another size.
pub(super) fn size(url: &Url, status: u16, found: u64, expected: u64) -> Error {
    Error::Server {
        url: url.to_string(),
        status,
        problem: format!(
            "expected {expected} bytes, found {found}: another file was uploaded, or a cache serves an older one"
        ),
    }
}
