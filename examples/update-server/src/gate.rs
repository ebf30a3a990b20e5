//! What every request passes: how many at once, how often, how long; and what is counted and logged of it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::refusal::Refusal;
use crate::state::App;

/// Who is connected; a proxy, if there is one in front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Uploads take as long as they take, as long as something comes.
const UPLOADS: &str = "/upload/";
/// Asked by machines that must not be turned away.
const ALWAYS: [&str; 2] = ["/health", "/metrics"];

pub(crate) async fn pass(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (started, method) = (Instant::now(), request.method().clone());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("(none)", MatchedPath::as_str)
        .to_owned();
    let client = client(&app, &request);
    app.metrics.in_flight.fetch_add(1, Ordering::Relaxed);
    let _counted = InFlight(Arc::clone(&app));
    let mut response = match admit(&app, client, &route) {
        Ok(_slot) => work(&app, &route, next.run(request)).await,
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let (took, status) = (started.elapsed(), response.status().as_u16());
    app.metrics.request(method_word(&method), &route, status, took);
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(method = method_word(&method), route, status, milliseconds, client = %client, "request");
    response
}

/// Counts down even when the client goes away and the request is dropped.
struct InFlight(Arc<App>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn admit(app: &Arc<App>, client: IpAddr, route: &str) -> Result<Option<tokio::sync::OwnedSemaphorePermit>, Refusal> {
    if ALWAYS.contains(&route) {
        return Ok(None);
    }
    if let Err(seconds) = app.addresses.take(network(client), Instant::now()) {
        return Err(too_often(app, seconds));
    }
    Arc::clone(&app.slots).try_acquire_owned().map(Some).map_err(|_| {
        app.metrics.turned_away.fetch_add(1, Ordering::Relaxed);
        let refusal = Refusal::new("too_many_requests", "the server has too much to do just now");
        refusal.with_status(StatusCode::SERVICE_UNAVAILABLE).retry_after(1)
    })
}

async fn work(app: &App, route: &str, running: impl Future<Output = Response>) -> Response {
    if route.starts_with(UPLOADS) {
        return running.await;
    }
    let answered = tokio::time::timeout(app.config.limits.patience, running).await;
    answered.unwrap_or_else(|_| Refusal::too_slow().into_response())
}

/// Counts and refuses.
pub(crate) fn too_often(app: &App, seconds: u64) -> Refusal {
    app.metrics.turned_away.fetch_add(1, Ordering::Relaxed);
    let refusal = Refusal::new("too_many_requests", "Too many requests");
    refusal.with_status(StatusCode::TOO_MANY_REQUESTS).retry_after(seconds)
}

fn client(app: &App, request: &Request) -> IpAddr {
    let unknown = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let peer = request.extensions().get::<Peer>().map_or(unknown, |peer| peer.0.ip());
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

/// One IPv6 client has a whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = u128::from(address) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from(bits))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
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

/// Web views ask from other origins: devices' routes are open to all of them. No cookies, so nothing can be abused.
pub(crate) async fn open_to_web_views(request: Request, next: Next) -> Response {
    let asks_first = request.method() == Method::OPTIONS;
    let mut response = if asks_first {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
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
    response
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

    #[test]
    fn one_network_is_one_client() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:aaaa::1"), of("2001:db8:1:2:bbbb::2"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
