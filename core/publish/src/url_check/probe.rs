//! One byte of the file, asked for as a web app would: how downloads resume, and who may read.

use super::{CheckOptions, Note};
use capbundle::http::download::content_range;
use capbundle::http::{Cleartext, Exchange, Head, Receiver, Transport, Url};
use capbundle::progress::Control;
use capbundle::{Error, Result};

/// What one more request says. Nothing of it is an error: the file was read to its end already.
pub(super) fn probe(
    transport: &dyn Transport,
    url: &Url,
    size: u64,
    options: &CheckOptions,
    control: &Control,
) -> Result<Vec<Note>> {
    let mut request = options.request(url, control);
    request.headers.add("Range", "bytes=0-0")?;
    request.headers.add("Origin", options.origin.clone())?;
    let mut head = HeadAlone(None);
    let exchange = Exchange::run(transport, &request, Cleartext::LoopbackOnly, &mut head);
    control.check("check the address")?;
    let Some(head) = head.0 else {
        let why = match exchange {
            Ok(Exchange::Broken(problem)) => problem,
            Ok(Exchange::Complete) => "no answer came".to_owned(),
            Err(error) => error.to_string(),
        };
        return Ok(vec![Note::NoRanges(format!("asked for a part of it: {why}"))]);
    };
    let range = head.headers.get("content-range").and_then(content_range);
    // There is no part of an empty file.
    let has_ranges = size == 0 || (head.status == 206 && range.is_some_and(|(from, _)| from == 0));
    let no_ranges = (!has_ranges).then(|| Note::NoRanges(format!("asked for a part, it answered {}", head.status)));
    let is_strong = |etag: &str| etag.starts_with('"');
    let validates = head.headers.get("etag").is_some_and(is_strong) || head.headers.get("last-modified").is_some();
    let no_validator = (has_ranges && !validates).then_some(Note::NoValidator);
    let allowed = head.headers.get("access-control-allow-origin").map(str::trim);
    let may_read = allowed.is_some_and(|allowed| allowed == "*" || allowed == options.origin);
    let no_cors = (!may_read).then(|| Note::NoCors(options.origin.clone()));
    Ok(no_ranges.into_iter().chain(no_validator).chain(no_cors).collect())
}

/// Ends the transfer before the body, which may be the whole file.
struct HeadAlone(Option<Head>);

impl Receiver for HeadAlone {
    fn begin(&mut self, head: &Head) -> Result<()> {
        self.0 = Some(head.clone());
        Err(Error::Cancelled {
            operation: "read the answer",
        })
    }

    fn write(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
}
