//! What every request passes: how many at once, how often, how long; and what is counted and logged of it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::body::{Body, HttpBody as _};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;

use crate::config::ApiShape;
use crate::input;
use crate::network;
use crate::places::Activity;
use crate::refusal::Refusal;
use crate::state::App;

/// Who is connected; a proxy, if there is one in front.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) activity: Arc<Activity>,
}

/// A request's place among those that are worked on. A handler gives it back before it waits for somebody else.
#[derive(Debug, Clone)]
pub(crate) struct Slot(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Slot {
    fn taken(permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Mutex::new(Some(permit))))
    }

    /// Gives the place back. From then on the request has no time limit but its handler's own.
    pub(crate) fn give_back(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn was_given_back(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

/// Uploads take as long as they take, as long as something comes.
const UPLOADS: &str = "/upload/";
/// Asked by machines that must not be turned away.
const ALWAYS: [&str; 2] = ["/health", "/metrics"];
/// What devices ask, web apps among them.
const DEVICES: [&str; 4] = ["/updates", "/channel_self", "/stats", "/bundles/{app_id}/{name}"];
/// The Bundles API, whose answers have two shapes.
const BUNDLES: &str = "/bundle";
/// The route of a request that has none.
const NO_ROUTE: &str = "(none)";

pub(crate) async fn pass(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (started, method) = (Instant::now(), request.method().clone());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or(NO_ROUTE, MatchedPath::as_str)
        .to_owned();
    let client = client(&app, &request);
    let documented = app.config.api_shape == ApiShape::Documented && is_bundles_api(request.uri().path());
    app.metrics.in_flight.fetch_add(1, Ordering::Relaxed);
    let _counted = InFlight(Arc::clone(&app));
    let mut response = admit(&app, client, &route, request, next).await;
    if documented && let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        response = refusal.into_documented();
    }
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if DEVICES.contains(&route.as_str()) {
        open_to_web_apps(headers);
    }
    let (took, status) = (started.elapsed(), response.status().as_u16());
    app.metrics.request(method_word(&method), &route, status, took);
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(method = method_word(&method), route, status, milliseconds, client = %client, "request");
    response
}

fn is_bundles_api(path: &str) -> bool {
    path.strip_prefix(BUNDLES)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Counts down even when the client goes away and the request is dropped.
struct InFlight(Arc<App>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lets a request through to its handler, or refuses it.
///
/// A slow client costs others nothing: a body is read before the request takes a slot, and what one client may keep open of
/// such requests is bounded. Requests without a body are bounded by their rate alone, since many clients may share an address.
async fn admit(app: &Arc<App>, client: IpAddr, route: &str, mut request: Request, next: Next) -> Response {
    if ALWAYS.contains(&route) {
        is_served(&request);
        return timed(app, None, next.run(request)).await;
    }
    if let Err(seconds) = app.addresses.take(client, Instant::now()) {
        return too_often(app, seconds).into_response();
    }
    let mut open = None;
    if !request.body().is_end_stream() {
        open = app.open_bodies.take(&network::of_client(client));
        if open.is_none() {
            return turn_away(
                app,
                StatusCode::TOO_MANY_REQUESTS,
                "too many unfinished requests from this address",
            );
        }
    }
    if route.starts_with(UPLOADS) && matches!(*request.method(), Method::PUT | Method::POST) {
        // The archive goes to the disk as it comes, in the handler.
        is_served(&request);
        return next.run(request).await;
    }
    if open.is_some() && route != NO_ROUTE {
        let (head, body) = request.into_parts();
        match input::receive(body, app).await {
            Ok(received) => request = Request::from_parts(head, Body::from(received)),
            Err(refusal) => return refusal.into_response(),
        }
        drop(open.take());
    }
    let Ok(permit) = Arc::clone(&app.slots).try_acquire_owned() else {
        return turn_away(
            app,
            StatusCode::SERVICE_UNAVAILABLE,
            "the server has too much to do just now",
        );
    };
    is_served(&request);
    let slot = Slot::taken(permit);
    request.extensions_mut().insert(slot.clone());
    timed(app, Some(&slot), next.run(request)).await
}

/// From now on the connection is not closed to make room for others.
fn is_served(request: &Request) {
    if let Some(peer) = request.extensions().get::<Peer>() {
        peer.activity.is_served();
    }
}

/// Runs a handler, which has a time limit for as long as it holds its slot.
async fn timed(app: &App, slot: Option<&Slot>, running: impl Future<Output = Response>) -> Response {
    let mut running = std::pin::pin!(running);
    let answered = tokio::time::timeout(app.config.limits.patience, &mut running).await;
    match answered {
        Ok(response) => response,
        Err(_) if slot.is_some_and(Slot::was_given_back) => running.await,
        Err(_) => Refusal::too_slow().into_response(),
    }
}

fn turn_away(app: &App, status: StatusCode, message: &str) -> Response {
    app.metrics.turned_away.fetch_add(1, Ordering::Relaxed);
    let refusal = Refusal::new("too_many_requests", message).with_status(status);
    refusal.retry_after(1).into_response()
}

/// Counts and refuses.
pub(crate) fn too_often(app: &App, seconds: u64) -> Refusal {
    app.metrics.turned_away.fetch_add(1, Ordering::Relaxed);
    let refusal = Refusal::new("too_many_requests", "Too many requests");
    refusal.with_status(StatusCode::TOO_MANY_REQUESTS).retry_after(seconds)
}

fn client(app: &App, request: &Request) -> IpAddr {
    let unknown = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let peer = request
        .extensions()
        .get::<Peer>()
        .map_or(unknown, |peer| peer.address.ip());
    if app.config.behind_proxy {
        forwarded(request.headers()).unwrap_or(peer)
    } else {
        peer
    }
}

/// The last address of `X-Forwarded-For`: the one the proxy saw itself; those before it are what the client claims.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

/// Methods that clients make up count as one.
fn method_word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Answers the question that a web view asks before a request to another origin (CORS preflight).
pub(crate) async fn answer_preflight(request: Request, next: Next) -> Response {
    if request.method() == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    next.run(request).await
}

/// Web apps ask from other origins: devices' routes are open to all of them, also when the answer is a refusal. No cookies, so
/// nothing can be abused.
fn open_to_web_apps(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            "GET, HEAD, POST, PUT, DELETE, OPTIONS",
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Content-Type, Range, If-Range, If-None-Match",
        ),
        (
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "Accept-Ranges, Content-Length, Content-Range, ETag, Retry-After",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn only_the_proxys_own_word_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded(&headers), None);
        headers.append("x-forwarded-for", HeaderValue::from_static("198.51.100.7, 203.0.113.9"));
        assert_eq!(forwarded(&headers).unwrap().to_string(), "203.0.113.9");
        headers.append("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
        assert_eq!(forwarded(&headers).unwrap().to_string(), "192.0.2.1");
    }
}
