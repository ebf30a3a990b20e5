//! Sends the update request and parses the response.

use capbundle::ErrorKind;
use capbundle::http::{Body, Head, Headers, Method, Receiver, Request, Transport, TransportError, Url};
use capbundle::update::protocol::UpdateResponse;

use super::device::Device;
use super::{Notes, wrong};
use crate::args::DebugArgs;
use crate::commands::fetch::is_html;
use crate::error::{Failure, Result};
use crate::interrupt;

/// Size limit of a response, more than the protocol needs.
const MAX_BYTES: usize = 1 << 20;
/// The origin of pages in Capacitor's web views.
const ORIGIN: &str = "https://localhost";

/// Sends the request as the plugin does.
pub(super) fn send(
    args: &DebugArgs,
    device: &Device,
    transport: &dyn Transport,
    notes: &mut Notes<'_>,
) -> Result<UpdateResponse> {
    let mut request = Request::new(Method::Post, device.url.clone());
    request.headers.add("Content-Type", "application/json")?;
    request.headers.add("Accept", "application/json")?;
    request.headers.add("Origin", ORIGIN)?;
    let agent = format!(
        "CapacitorUpdater/{} ({}) {}/{}",
        device.request.plugin_version, device.request.app_id, device.request.platform, device.request.version_os
    );
    request.headers.add("User-Agent", agent)?;
    let body = serde_json::to_vec(&device.request);
    let body = body.map_err(|error| Failure::refused("io", format!("cannot serialize the request: {error}")))?;
    request.body = Some(Body::Bytes(body));
    request.control = interrupt::control();
    let answer = exchange(transport, &request, MAX_BYTES)?;
    let status = answer.head.status;
    if (300..400).contains(&status) {
        let to = answer.head.headers.get("location").unwrap_or("an unknown URL");
        let to = super::explain::without_query(to);
        return Err(wrong(
            "update_url_redirects",
            format!(
                "{} redirects to {to}, and the plugin does not resend a POST: configure that URL in the app",
                device.url
            ),
        ));
    }
    if is_html(&answer.body) {
        return Err(wrong(
            "html_page",
            format!(
                "{} answered {status} with a web page: the URL belongs to a website, a login page or a parked domain, not to an update \
                server",
                device.url
            ),
        ));
    }
    check_cors(
        args,
        &answer.head.headers,
        &format!("the update URL {}", device.url),
        notes,
    )?;
    UpdateResponse::parse(&device.url.to_string(), status, &answer.body).map_err(|error| {
        let failure = Failure::from(error);
        match status {
            404 => failure.adding("there is no update server at this path; most self-hosted servers use /updates"),
            401 | 403 => failure.adding("the URL is not public, and devices have no credentials"),
            _ => failure,
        }
    })
}

/// Checks that the page of a web app may read the archive.
pub(super) fn check_archive_cors(
    args: &DebugArgs,
    url: &Url,
    transport: &dyn Transport,
    notes: &mut Notes<'_>,
) -> Result<()> {
    let mut request = Request::new(Method::Get, url.clone());
    request.headers.add("Origin", ORIGIN)?;
    request.headers.add("Range", "bytes=0-0")?;
    request.control = interrupt::control();
    let answer = match exchange(transport, &request, MAX_BYTES) {
        Err(failure) if failure.code == ErrorKind::Cancelled.as_str() => return Err(failure),
        // The archive was downloaded and verified, so a failure of this request is only a warning.
        Err(failure) => {
            let problem = format!(
                "cannot check whether web apps may read the archive: {}",
                failure.message
            );
            notes.warn("cors_unknown", problem);
            return Ok(());
        }
        Ok(answer) => answer,
    };
    // After a redirect, the headers of another server apply. The download followed it.
    if answer.head.status < 300 {
        check_cors(args, &answer.head.headers, &format!("the archive at {url}"), notes)?;
    }
    Ok(())
}

fn check_cors(args: &DebugArgs, headers: &Headers, what: &str, notes: &mut Notes<'_>) -> Result<()> {
    let allowed = headers.get("access-control-allow-origin").map(str::trim);
    if matches!(allowed, Some("*" | ORIGIN)) {
        return Ok(());
    }
    let problem = format!(
        "{what} has no Access-Control-Allow-Origin header for {ORIGIN}: native apps can read it, web apps cannot"
    );
    if args.web {
        return Err(wrong("no_cors", problem));
    }
    notes.warn("no_cors", problem);
    Ok(())
}

/// A response, truncated if it is too long.
struct Response {
    head: Head,
    body: Vec<u8>,
}

fn exchange(transport: &dyn Transport, request: &Request, max_bytes: usize) -> Result<Response> {
    let mut collected = Collector {
        answer: None,
        max_bytes,
        full: false,
    };
    let sent = transport.send(request, &mut collected);
    let network = |problem: String| {
        Failure::from(capbundle::Error::Network {
            url: request.url.without_query().to_owned(),
            problem,
        })
    };
    match (sent, collected.answer) {
        (_, Some(answer)) if collected.full => Ok(answer),
        (Ok(()), Some(answer)) => Ok(answer),
        (Ok(()), None) => Err(network("no response".to_owned())),
        (Err(TransportError::Broken(problem)), _) => {
            Err(network(problem).adding("check that the URL is right and reachable from the internet"))
        }
        (Err(TransportError::Refused(problem)), _) => Err(wrong(
            "not_secure",
            format!("{}: {problem}; devices reject it too", request.url),
        )),
        (Err(TransportError::Receiver(error)), _) => Err(error.into()),
        (Err(_), _) => Err(network("the request failed".to_owned())),
    }
}

struct Collector {
    answer: Option<Response>,
    max_bytes: usize,
    full: bool,
}

impl Receiver for Collector {
    fn begin(&mut self, head: &Head) -> capbundle::Result<()> {
        self.answer = Some(Response {
            head: head.clone(),
            body: Vec::new(),
        });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> capbundle::Result<()> {
        let Some(answer) = &mut self.answer else { return Ok(()) };
        let room = self.max_bytes.saturating_sub(answer.body.len());
        answer.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room {
            self.full = true;
            return Err(capbundle::Error::Network {
                url: String::new(),
                problem: "the response is too long".to_owned(),
            });
        }
        Ok(())
    }
}
