//! Accepts and serves connections.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use crate::config::Limits;
use crate::connection_limiter::{ConnectionLimiter, ConnectionPermit};
use crate::middleware::Peer;
use crate::write_timeout::WriteTimeout;

/// Delay after a failed accept, which is usually caused by a lack of file descriptors.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Serves until `stop` completes, then finishes running requests. Returns `false` if some were aborted at the drain timeout.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &Limits,
    limiter: Arc<ConnectionLimiter>,
    stop: impl Future<Output = ()>,
) -> bool {
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            }
        };
        let admitted = tokio::select! {
            admitted = limiter.admit(address.ip()) => admitted,
            () = &mut stop => break,
        };
        let Some(permit) = admitted else {
            tracing::debug!(client = %address, "rejected a connection: its network has too many");
            continue;
        };
        let peer = Peer {
            address,
            connection: Arc::clone(permit.state()),
        };
        serve_connection(stream, peer, router.clone(), limits.timeout, permit, &graceful);
    }
    drop(listener);
    tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_ok()
}

fn serve_connection(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    timeout: Duration,
    permit: ConnectionPermit,
    graceful: &GracefulShutdown,
) {
    let permit = Arc::new(permit);
    let (state, address) = (Arc::clone(&peer.connection), peer.address);
    let held = Arc::clone(&permit);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (router, peer, permit) = (router.clone(), peer.clone(), Arc::clone(&held));
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
            Ok::<_, Infallible>(response.map(|body| TrackedBody { body, permit }))
        }
    });
    let mut builder = http1::Builder::new();
    // This also limits how long a connection may be idle between requests.
    builder.timer(TokioTimer::new()).header_read_timeout(timeout);
    let stream = TokioIo::new(WriteTimeout::new(stream, timeout, Arc::clone(&state)));
    let connection = graceful.watch(builder.serve_connection(stream, service));
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                // Normal: clients may disconnect at any time.
                tracing::debug!(%error, client = %address, "a connection ended");
            },
            () = state.evicted() => tracing::debug!(client = %address, "closed an idle connection to accept a new one"),
        }
        drop(permit);
    });
}

/// A response body that marks the connection as idle when it is dropped, which is when it has been sent.
struct TrackedBody {
    body: Body,
    permit: Arc<ConnectionPermit>,
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        self.permit.mark_idle();
    }
}
