//! What a server says to an upload.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::redact;
use capbundle::http::client::Response;
use capbundle::http::{Headers, Url};

/// A file that a server has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpUploaded {
    /// The HTTP status, 200 to 299.
    pub status: u16,
    /// Where the server says it is: its `Location`, or `url` of a JSON answer. Where the server says it, not where devices
    /// must be able to get it: check that with [`external::check`](crate::url_check::check).
    pub url: Option<Url>,
    /// Whether it was sent more than once, since an answer did not come or was no answer. Then nobody knows whether what the
    /// server says of it, for example that it was there before, is about an earlier try.
    pub repeated: bool,
}

/// Success, or what is wrong in the server's words and in plain ones.
pub(super) fn read(reply: &Response, url: &Url, headers: &Headers, repeated: bool) -> Result<HttpUploaded> {
    let status = reply.head.status;
    if (200..300).contains(&status) {
        let url = told_address(reply, url);
        return Ok(HttpUploaded { status, url, repeated });
    }
    let mut problem = meaning(reply).to_owned();
    if let Some(to) = reply
        .head
        .headers
        .get("location")
        .filter(|_| (300..400).contains(&status))
    {
        problem = match url.join(to) {
            Ok(to) => {
                format!("it redirects to {to}, and a file is sent only where you say: give that address if it is right")
            }
            Err(_) => problem,
        };
    }
    if let Some(said) = redact::words_of(&reply.body, &redact::secrets(headers)) {
        problem = format!("{problem} (it says: {said})");
    }
    Err(Error::Core(capbundle::Error::Server {
        url: url.to_string(),
        status,
        problem,
    }))
}

/// An address that cannot be one is as good as none: the file is stored.
fn told_address(reply: &Response, url: &Url) -> Option<Url> {
    let body = || serde_json::from_slice::<Value>(&reply.body).ok();
    let in_body = || Some(body()?.get("url")?.as_str()?.to_owned());
    let address = reply.head.headers.get("location").map(str::to_owned).or_else(in_body)?;
    url.join(&address).ok()
}

fn meaning(reply: &Response) -> &'static str {
    match reply.head.status {
        300..=399 => "it redirects without saying where",
        401 => "it wants to know who sends: a header with a token is missing or wrong",
        403 => "it does not let you store this: the token may not, or the signed address has expired",
        404 | 410 => "there is nothing that takes files at this address",
        405 | 501 => "it takes no files this way: try the other of PUT and a form",
        409 | 412 => "there is such a file already, and it may not be replaced",
        411 => "it found no length: a proxy may have taken it out",
        413 => "the file is too large for it: raise its limit, or that of the proxy in front of it",
        415 => "it does not take files of this content type",
        429 => "it was asked too often",
        507 => "it has no space left",
        500..=599 => "it has a problem of its own",
        _ => "it refused the file",
    }
}
