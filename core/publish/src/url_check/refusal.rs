//! Answers that are not the file, in plain words.

use crate::redact;
use capbundle::Error;
use capbundle::http::{Head, Url};

/// An answer with this head and this beginning of a body.
pub(super) fn explained(url: &Url, head: &Head, body: &[u8]) -> Error {
    let meaning = match head.status {
        401 => "it wants to know who asks: devices get no further, the address must be public",
        403 => "it may not be read: the file or its bucket is private, or a signed address has expired",
        404 | 410 => "there is no such file: it was not uploaded, or is called otherwise (capitals count)",
        405 | 501 => "this is nothing that hands out files",
        300..=399 => "it redirects without saying where",
        429 => "it was asked too often",
        500..=599 => "it has a problem of its own",
        200..=299 => "this is no answer to a download",
        _ => "it does not give the file",
    };
    let said = redact::words_of(body, &[]).map(|said| format!(" (it says: {said})"));
    Error::Server {
        url: url.to_string(),
        status: head.status,
        problem: format!("{meaning}{}", said.unwrap_or_default()),
    }
}

/// A page where the file should be.
pub(super) fn web_page(url: &Url, status: u16) -> Error {
    Error::Server {
        url: url.to_string(),
        status,
        problem: "it sends a web page instead of the archive: an error page that calls itself a success, a login, or a page to \
                  download from rather than the download itself"
            .to_owned(),
    }
}

/// Compressed on its way: digests are those of the bytes as they are stored.
pub(super) fn encoded(url: &Url, status: u16, encoding: &str) -> Error {
    Error::Server {
        url: url.to_string(),
        status,
        problem: format!(
            "it sends the archive with Content-Encoding {encoding:?}, though nobody asked for that: switch compression off for \
             archives, and the metadata of that name"
        ),
    }
}

/// Another length than that of the file.
pub(super) fn size(url: &Url, status: u16, found: u64, expected: u64) -> Error {
    Error::Server {
        url: url.to_string(),
        status,
        problem: format!(
            "the file there has {found} bytes, expected {expected}: another one was uploaded, or a cache still has an older"
        ),
    }
}
