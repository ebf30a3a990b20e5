//! A request for one byte of the file, as a web app sends it: whether downloads can resume, and whether web apps may read it.

use super::note::UrlNote;
use super::options::UrlCheckOptions;
use capbundle::http::client::Client;
use capbundle::http::download::content_range;
use capbundle::http::{RetryPolicy, Transport, Url};
use capbundle::progress::Control;
use capbundle::{Error, Result};

/// The notes from one more request. A failure is a note too, since the whole file was read before.
pub(super) fn probe(
    transport: &dyn Transport,
    url: &Url,
    size: u64,
    options: &UrlCheckOptions,
    control: &Control,
) -> Result<Vec<UrlNote>> {
    let operation = "check the address";
    let client = Client::new(transport, control, operation).with_retry(RetryPolicy::never());
    let head = client.head(&mut || -> Result<_> {
        let mut request = options.request(url);
        request.headers.add("Range", "bytes=0-0")?;
        request.headers.add("Origin", options.origin.clone())?;
        Ok(request)
    });
    control.check(operation)?;
    let head = match head {
        Ok(head) => head,
        Err(error) => {
            let why = match error {
                Error::Network { problem, .. } => problem,
                error => error.to_string(),
            };
            return Ok(vec![UrlNote::NoRanges(format!("range request: {why}"))]);
        }
    };
    let range = head.headers.get("content-range").and_then(content_range);
    // An empty file has no range.
    let has_ranges = size == 0 || (head.status == 206 && range.is_some_and(|(from, _)| from == 0));
    let no_ranges = (!has_ranges).then(|| UrlNote::NoRanges(format!("status {} for a range request", head.status)));
    let is_strong = |etag: &str| etag.starts_with('"');
    let validates = head.headers.get("etag").is_some_and(is_strong) || head.headers.get("last-modified").is_some();
    let no_validator = (has_ranges && !validates).then_some(UrlNote::NoValidator);
    let allowed = head.headers.get("access-control-allow-origin").map(str::trim);
    let may_read = allowed.is_some_and(|allowed| allowed == "*" || allowed == options.origin);
    let no_cors = (!may_read).then(|| UrlNote::NoCors(options.origin.clone()));
    Ok(no_ranges.into_iter().chain(no_validator).chain(no_cors).collect())
}
