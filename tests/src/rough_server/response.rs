//! Sends one response with its faults.

use std::io::{self, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::plan::{Endless, Plan};
use super::{CONNECTION_LIMIT, Request};

const PAGE: &[u8] = b"<!DOCTYPE html><title>Welcome</title><p>Please accept our terms.";
/// Bytes per write.
const CHUNK: usize = 16 << 10;

/// A response before its faults.
struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

pub(super) fn send(mut connection: TcpStream, request: &Request, plan: &Plan, sent: &AtomicU64) -> io::Result<()> {
    let Response { status, headers, body } = decide(request, plan);
    let endless = plan.endless();
    if endless == Some(Endless::Interim) {
        return never_end(connection, Endless::Interim, plan, sent);
    }
    let is_chunked = plan.is("chunked", "1") || endless.is_some_and(Endless::is_after_the_body);
    let chunked = is_chunked && (status == 200 || status == 206);
    let mut head = format!("HTTP/1.1 {status} Status\r\nConnection: close\r\n");
    for (name, value) in headers {
        put_header(&mut head, name, &value);
    }
    if chunked {
        put_header(&mut head, "Transfer-Encoding", "chunked");
    } else if !plan.is("length", "no") && !plan.is("endless", "1") {
        put_header(&mut head, "Content-Length", &body.len().to_string());
    }
    if endless == Some(Endless::Header) {
        connection.write_all(head.as_bytes())?;
        return never_end(connection, Endless::Header, plan, sent);
    }
    connection.write_all(format!("{head}\r\n").as_bytes())?;

    let cut = plan.cut(body.len()).map(|cut| cut.min(body.len()));
    let stall = plan.list_value("stall").map(|stall| stall.min(body.len()));
    let end = cut.or(stall).unwrap_or(body.len());
    let drip = plan.numeric("drip").filter(|_| plan.number() == 1);
    let piece = if drip.is_some() { 1 } else { CHUNK };
    for bytes in body[..end].chunks(piece) {
        if chunked {
            write!(connection, "{:x}\r\n", bytes.len())?;
        }
        connection.write_all(bytes)?;
        if chunked {
            connection.write_all(b"\r\n")?;
        }
        sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if let Some(pause) = drip {
            thread::sleep(Duration::from_millis(pause as u64));
        }
    }
    if cut.is_some() {
        return connection.shutdown(Shutdown::Both);
    }
    if stall.is_some() {
        // Waits until the client disconnects, or for the read timeout.
        let gone = io::Read::read(&mut connection, &mut [0; 1]);
        return gone.map(drop);
    }
    if let Some(endless) = endless.filter(|_| chunked) {
        return never_end(connection, endless, plan, sent);
    }
    if plan.is("endless", "1") {
        let more = vec![0; CHUNK];
        let started = std::time::Instant::now();
        while started.elapsed() < CONNECTION_LIMIT {
            connection.write_all(&more)?;
            sent.fetch_add(CHUNK as u64, Ordering::Relaxed);
        }
    }
    if chunked {
        connection.write_all(b"0\r\n\r\n")?;
    }
    connection.flush()
}

/// Sends an endless part other than the body, until the client disconnects or for [`CONNECTION_LIMIT`].
fn never_end(mut connection: TcpStream, endless: Endless, plan: &Plan, sent: &AtomicU64) -> io::Result<()> {
    let (first, repeated) = endless.texts();
    connection.write_all(first.as_bytes())?;
    let pace = plan.numeric("pace").map(|pace| Duration::from_millis(pace as u64));
    let flood = repeated.repeat(CHUNK / repeated.len());
    let started = std::time::Instant::now();
    while started.elapsed() < CONNECTION_LIMIT {
        match pace {
            None => {
                connection.write_all(flood.as_bytes())?;
                sent.fetch_add(flood.len() as u64, Ordering::Relaxed);
            }
            Some(pace) => {
                for byte in repeated.as_bytes() {
                    connection.write_all(&[*byte])?;
                    thread::sleep(pace);
                }
            }
        }
    }
    connection.shutdown(Shutdown::Both)
}

fn put_header(head: &mut String, name: &str, value: &str) {
    for text in [name, ": ", value, "\r\n"] {
        head.push_str(text);
    }
}

fn decide(request: &Request, plan: &Plan) -> Response {
    let error = |status: u16, headers: Vec<(&'static str, String)>| Response {
        status,
        headers,
        body: b"no".to_vec(),
    };
    if let Some(status) = plan.list_value("status").and_then(|status| u16::try_from(status).ok()) {
        let retry_after = plan
            .parameter("retry-after")
            .map(|text| ("Retry-After", text.to_owned()));
        return error(status, retry_after.into_iter().collect());
    }
    let redirect_to = |url: String| {
        let status = plan
            .numeric("redirect-status")
            .and_then(|status| status.try_into().ok());
        error(status.unwrap_or(302), vec![("Location", url)])
    };
    if let Some(to) = plan.parameter("redirect").filter(|_| plan.number() == 1) {
        return redirect_to(to.to_owned());
    }
    if plan.is("loop", "1") {
        return redirect_to(request.target.clone());
    }
    if plan.number() <= plan.numeric("html").unwrap_or(0) as u64 {
        return Response {
            status: 200,
            headers: vec![("Content-Type", "text/html; charset=utf-8".to_owned())],
            body: PAGE.to_vec(),
        };
    }
    match plan.file() {
        Some(file) => range_response(request, plan, &file),
        None => error(404, Vec::new()),
    }
}

fn range_response(request: &Request, plan: &Plan, file: &[u8]) -> Response {
    let etag = plan.etag();
    let mut headers = vec![("Content-Type", "application/zip".to_owned())];
    headers.extend(etag.clone().map(|etag| ("ETag", etag)));
    headers.extend(
        plan.parameter("encoding")
            .map(|encoding| ("Content-Encoding", encoding.to_owned())),
    );
    let whole = |headers| Response {
        status: 200,
        headers,
        body: file.to_vec(),
    };
    let range = request.header("range").and_then(|range| {
        let (from, last) = range.strip_prefix("bytes=")?.split_once('-')?;
        let end = if last.is_empty() {
            usize::MAX
        } else {
            last.parse::<usize>().ok()? + 1
        };
        Some((from.parse::<usize>().ok()?, end.min(file.len())))
    });
    let Some((from, end)) = range.filter(|_| !plan.is("ranges", "no")) else {
        return whole(headers);
    };
    // RFC 9110 §13.1.5: a range is served only if the validator is strong and matches.
    let same = request
        .header("if-range")
        .is_none_or(|validator| Some(validator) == etag.as_deref() && validator.starts_with('"'));
    if !same {
        return whole(headers);
    }
    if from >= file.len() || plan.is("early-416", "1") {
        headers.push(("Content-Range", format!("bytes */{}", file.len())));
        return Response {
            status: 416,
            headers,
            body: Vec::new(),
        };
    }
    let (start, total) = match plan.parameter("ranges") {
        Some("wrong-start") => (from.checked_sub(1).unwrap_or(1), file.len()),
        Some("wrong-total") => (from, file.len() + 1),
        _ => (from, file.len()),
    };
    if !plan.is("ranges", "unsaid") {
        headers.push(("Content-Range", format!("bytes {start}-{}/{total}", end - 1)));
    }
    Response {
        status: 206,
        headers,
        body: file[from..end].to_vec(),
    }
}
