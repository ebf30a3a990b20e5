//! Sends the update request and checks that web apps may read the responses.

use std::sync::{Mutex, PoisonError};

use capbundle::http::client::Client;
use capbundle::http::download::WEB_PAGE;
use capbundle::http::{
    Head, Headers, Method, Receiver, RedirectPolicy, Request, RetryPolicy, Transport, TransportError, Url,
};
use capbundle::update::UpdateClient;
use capbundle::update::protocol::UpdateResponse;
use capbundle::{Error, ErrorKind};

use super::device::Device;
use super::{Notes, wrong};
use crate::args::DebugArgs;
use crate::error::{Failure, Result};
use crate::interrupt;

/// The origin of pages in Capacitor's web views.
const ORIGIN: &str = "https://localhost";

/// Sends the request as the plugin does.
pub(super) fn send(
    args: &DebugArgs,
    device: &Device,
    transport: &dyn Transport,
    notes: &mut Notes<'_>,
) -> Result<UpdateResponse> {
    let web_view = WebView {
        transport,
        received: Mutex::default(),
    };
    let control = interrupt::control();
    let client = UpdateClient::new(&web_view, &control).with_redirects(RedirectPolicy::Never);
    let answer = client
        .ask(&device.url, &device.request)
        .map_err(|error| explained(error, &device.url))?;
    let headers = web_view.received.into_inner().unwrap_or_else(PoisonError::into_inner);
    check_cors(args, &headers, &format!("the update URL {}", device.url), notes)?;
    Ok(answer)
}

fn explained(error: Error, url: &Url) -> Failure {
    match &error {
        Error::Server { status: 300..=399, .. } => wrong(
            "update_url_redirects",
            format!("{error}; some versions of the plugin do not resend a POST: configure the final URL in the app"),
        ),
        Error::Server { status, problem, .. } if problem == WEB_PAGE => wrong(
            "html_page",
            format!(
                "{url} answered {status} with a web page: the URL belongs to a website, a login page or a parked domain, not to an \
                update server"
            ),
        ),
        Error::Server { status: 404, .. } => {
            Failure::from(error).adding("there is no update server at this path; most self-hosted servers use /updates")
        }
        Error::Server { status: 401 | 403, .. } => {
            Failure::from(error).adding("the URL is not public, and devices have no credentials")
        }
        Error::Network { .. } => {
            Failure::from(error).adding("check that the URL is right and reachable from the internet")
        }
        _ if error.kind() == ErrorKind::NotTrusted => wrong("not_secure", format!("{error}; devices reject it too")),
        _ => error.into(),
    }
}

/// Checks that the page of a web app may read the archive.
pub(super) fn check_archive_cors(
    args: &DebugArgs,
    url: &Url,
    transport: &dyn Transport,
    notes: &mut Notes<'_>,
) -> Result<()> {
    let control = interrupt::control();
    let client = Client::new(transport, &control, "check whether web apps may read the archive")
        .with_redirects(RedirectPolicy::Never)
        .with_retry(RetryPolicy::never());
    let head = client.head(&mut || {
        let mut request = Request::new(Method::Get, url.clone());
        request.headers.add("Origin", ORIGIN)?;
        request.headers.add("Range", "bytes=0-0")?;
        Ok::<_, Error>(request)
    });
    match head {
        Err(error) if error.kind() == ErrorKind::Cancelled => Err(error.into()),
        // The archive was downloaded and verified, so a failure of this request is only a warning.
        Err(error) => {
            let problem = format!("cannot check whether web apps may read the archive: {error}");
            notes.warn("cors_unknown", problem);
            Ok(())
        }
        // After a redirect, the headers of another server apply. The download followed it.
        Ok(head) if head.status >= 300 => Ok(()),
        Ok(head) => check_cors(args, &head.headers, &format!("the archive at {url}"), notes),
    }
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

/// Sends requests with the origin of a web view, and keeps the headers of the last response.
#[derive(Debug)]
struct WebView<'a> {
    transport: &'a dyn Transport,
    received: Mutex<Headers>,
}

impl Transport for WebView<'_> {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let mut request = request.clone();
        request
            .headers
            .add("Origin", ORIGIN)
            .map_err(TransportError::Receiver)?;
        let mut recording = Recording {
            receiver,
            received: &self.received,
        };
        self.transport.send(&request, &mut recording)
    }
}

struct Recording<'a> {
    receiver: &'a mut dyn Receiver,
    received: &'a Mutex<Headers>,
}

impl Receiver for Recording<'_> {
    fn sent(&mut self, count: u64) -> capbundle::Result<()> {
        self.receiver.sent(count)
    }

    fn begin(&mut self, head: &Head) -> capbundle::Result<()> {
        *self.received.lock().unwrap_or_else(PoisonError::into_inner) = head.headers.clone();
        self.receiver.begin(head)
    }

    fn write(&mut self, bytes: &[u8]) -> capbundle::Result<()> {
        self.receiver.write(bytes)
    }
}
