//! The response to an upload.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::redact;
use capbundle::http::client::Response;
use capbundle::http::{Headers, Url};

/// A file that a server accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpUploaded {
    /// The HTTP status, 200 to 299.
    pub status: u16,
    /// The URL in the response: its `Location`, or `url` of a JSON body. Check that devices can download it with
    /// [`url_check::check`](crate::url_check::check).
    pub url: Option<Url>,
    /// Whether it was sent more than once, because a response was lost or was an error. Then the response, for example that the file
    /// already existed, may be about an earlier attempt.
    pub repeated: bool,
}

/// The stored file, or an error with its meaning and the server's message.
pub(super) fn read(reply: &Response, url: &Url, headers: &Headers, repeated: bool) -> Result<HttpUploaded> {
    let status = reply.head.status;
    if (200..300).contains(&status) {
        let url = url_in(reply, url);
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
                format!("redirects to {to}, but uploads do not follow redirects: pass that URL if it is right")
            }
            Err(_) => problem,
        };
    }
    if let Some(said) = redact::words_of(&reply.body, &redact::secrets(headers)) {
        problem = format!("{problem} (server message: {said})");
    }
    Err(Error::Core(capbundle::Error::Server {
        url: url.to_string(),
        status,
        problem,
    }))
}

/// The URL in the response. An invalid one is ignored, since the file is stored.
fn url_in(reply: &Response, url: &Url) -> Option<Url> {
    let body = || serde_json::from_slice::<Value>(&reply.body).ok();
    let in_body = || Some(body()?.get("url")?.as_str()?.to_owned());
    let address = reply.head.headers.get("location").map(str::to_owned).or_else(in_body)?;
    url.join(&address).ok()
}

fn meaning(reply: &Response) -> &'static str {
    match reply.head.status {
        300..=399 => "redirects without a Location",
        401 => "authentication required: a header with a token is missing or wrong",
        403 => "access denied: the token lacks the permission, or the signed URL has expired",
        404 | 410 => "this URL does not accept files",
        405 | 501 => "method not supported: use the other of PUT and a form",
        409 | 412 => "the file already exists and may not be replaced",
        411 => "the request arrived without a length: a proxy may have removed it",
        413 => "the file is too large: raise the limit of the server or of the proxy in front of it",
        415 => "content type not accepted",
        429 => "too many requests",
        507 => "no space left on the server",
        500..=599 => "internal server error",
        _ => "the server refused the file",
    }
}
