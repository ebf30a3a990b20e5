//! Middleware for all requests: limits, metrics, the log, and CORS for devices.

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

use crate::api_error::ApiError;
use crate::config::ApiShape;
use crate::connection_limiter::ConnectionState;
use crate::input;
use crate::network;
use crate::state::ServerState;

/// The other end of the connection: the client, or the reverse proxy.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) connection: Arc<ConnectionState>,
}

/// Counts a request towards [`Limits::concurrent`](crate::Limits::concurrent). A handler releases it before it waits for
/// another server.
#[derive(Debug, Clone)]
pub(crate) struct RequestPermit(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl RequestPermit {
    fn new(permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Mutex::new(Some(permit))))
    }

    /// Releases the permit. From then on only the handler limits the time of the request.
    pub(crate) fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn is_released(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

/// Uploads have no time limit while data arrives.
const UPLOAD_ROUTES: &str = "/upload/";
/// Routes for monitoring, which are never rejected.
const UNLIMITED_ROUTES: [&str; 2] = ["/health", "/metrics"];
/// Routes for devices, including web apps.
const DEVICE_ROUTES: [&str; 5] = [
    "/updates",
    "/updates/manifest_size",
    "/channel_self",
    "/stats",
    "/bundles/{app_id}/{name}",
];
/// The Bundles API, whose responses have two shapes.
const BUNDLES_API: &str = "/bundle";
/// The route of a request that matches no route.
const NO_ROUTE: &str = "(none)";

/// Handles a request within the limits; counts and logs it.
pub(crate) async fn handle(State(state): State<Arc<ServerState>>, request: Request, next: Next) -> Response {
    let (started, method) = (Instant::now(), request.method().clone());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or(NO_ROUTE, MatchedPath::as_str)
        .to_owned();
    let client = client(&state, &request);
    let documented = state.config.api_shape == ApiShape::Documented && is_bundles_api(request.uri().path());
    state.metrics.in_flight.fetch_add(1, Ordering::Relaxed);
    let _counted = InFlight(Arc::clone(&state));
    let mut response = admit(&state, client, &route, request, next).await;
    if documented && let Some(error) = response.extensions_mut().remove::<ApiError>() {
        response = error.into_documented();
    }
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if DEVICE_ROUTES.contains(&route.as_str()) {
        allow_all_origins(headers);
    }
    let (took, status) = (started.elapsed(), response.status().as_u16());
    state.metrics.request(method_label(&method), &route, status, took);
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(method = method_label(&method), route, status, milliseconds, client = %client, "request");
    response
}

fn is_bundles_api(path: &str) -> bool {
    path.strip_prefix(BUNDLES_API)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Decrements the gauge when dropped, so also when the client disconnects.
struct InFlight(Arc<ServerState>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Passes a request to its handler if the limits permit.
///
/// A slow client does not block others: the body is read before the request counts as processed, and one client may have only
/// a few incomplete requests. Requests without a body are limited by rate alone, since many clients may share an address.
async fn admit(state: &Arc<ServerState>, client: IpAddr, route: &str, mut request: Request, next: Next) -> Response {
    if UNLIMITED_ROUTES.contains(&route) {
        mark_busy(&request);
        return with_timeout(state, None, next.run(request)).await;
    }
    if let Err(seconds) = state.address_rate.take(client, Instant::now()) {
        return rate_limited(state, seconds).into_response();
    }
    let mut open = None;
    if !request.body().is_end_stream() {
        open = state.open_bodies.take(&network::of_client(client));
        if open.is_none() {
            return overloaded(
                state,
                StatusCode::TOO_MANY_REQUESTS,
                "too many incomplete requests from this address",
            );
        }
    }
    if route.starts_with(UPLOAD_ROUTES) && matches!(*request.method(), Method::PUT | Method::POST) {
        // The handler writes the archive to disk while it arrives.
        mark_busy(&request);
        return next.run(request).await;
    }
    if open.is_some() && route != NO_ROUTE {
        let (head, body) = request.into_parts();
        match input::receive(body, state).await {
            Ok(received) => request = Request::from_parts(head, Body::from(received)),
            Err(error) => return error.into_response(),
        }
        drop(open.take());
    }
    let Ok(permit) = Arc::clone(&state.concurrent).try_acquire_owned() else {
        return overloaded(
            state,
            StatusCode::SERVICE_UNAVAILABLE,
            "the server is overloaded; retry later",
        );
    };
    mark_busy(&request);
    let permit = RequestPermit::new(permit);
    request.extensions_mut().insert(permit.clone());
    with_timeout(state, Some(&permit), next.run(request)).await
}

/// Marks the connection as busy, so that it is not closed for another one.
fn mark_busy(request: &Request) {
    if let Some(peer) = request.extensions().get::<Peer>() {
        peer.connection.mark_busy();
    }
}

/// Runs a handler. It has a time limit while it holds its permit.
async fn with_timeout(
    state: &ServerState,
    permit: Option<&RequestPermit>,
    running: impl Future<Output = Response>,
) -> Response {
    let mut running = std::pin::pin!(running);
    let result = tokio::time::timeout(state.config.limits.timeout, &mut running).await;
    match result {
        Ok(response) => response,
        Err(_) if permit.is_some_and(RequestPermit::is_released) => running.await,
        Err(_) => ApiError::timeout().into_response(),
    }
}

/// Counts and rejects a request that exceeds a limit other than a rate.
fn overloaded(state: &ServerState, status: StatusCode, message: &str) -> Response {
    state.metrics.rejected.fetch_add(1, Ordering::Relaxed);
    let error = ApiError::new("too_many_requests", message).with_status(status);
    error.retry_after(1).into_response()
}

/// Counts and rejects a request that exceeds a rate.
pub(crate) fn rate_limited(state: &ServerState, seconds: u64) -> ApiError {
    state.metrics.rejected.fetch_add(1, Ordering::Relaxed);
    let error = ApiError::new("too_many_requests", "Too many requests");
    error.with_status(StatusCode::TOO_MANY_REQUESTS).retry_after(seconds)
}

fn client(state: &ServerState, request: &Request) -> IpAddr {
    let unknown = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let peer = request
        .extensions()
        .get::<Peer>()
        .map_or(unknown, |peer| peer.address.ip());
    if state.config.behind_proxy {
        forwarded_for(request.headers()).unwrap_or(peer)
    } else {
        peer
    }
}

/// The last address in `X-Forwarded-For`, which the proxy added itself. The client may have made up those before it.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

/// The label of a method in metrics; all unknown methods share one.
fn method_label(method: &Method) -> &'static str {
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

/// Answers CORS preflight requests.
pub(crate) async fn preflight(request: Request, next: Next) -> Response {
    if request.method() == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    next.run(request).await
}

/// Adds CORS headers for all origins, because web apps call these routes from other origins. This is safe because the routes
/// use no cookies. Error responses get the headers too, so that pages can read them.
fn allow_all_origins(headers: &mut HeaderMap) {
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
    fn only_the_address_that_the_proxy_added_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded_for(&headers), None);
        headers.append("x-forwarded-for", HeaderValue::from_static("198.51.100.7, 203.0.113.9"));
        assert_eq!(forwarded_for(&headers).unwrap().to_string(), "203.0.113.9");
        headers.append("x-forwarded-for", HeaderValue::from_static("192.0.2.1"));
        assert_eq!(forwarded_for(&headers).unwrap().to_string(), "192.0.2.1");
    }
}
