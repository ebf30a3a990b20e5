//! Accepting connections, and letting go of them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;

use crate::config::Limits;
use crate::gate::Peer;
use crate::unread::Unread;

/// A failed accept is mostly a lack of file descriptors, which others give back.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Serves until `stop` comes, then finishes what runs. `false` if that took too long and was cut.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &Limits,
    stop: impl Future<Output = ()>,
) -> bool {
    let (graceful, places) = (GracefulShutdown::new(), Arc::new(Semaphore::new(limits.connections)));
    let mut stop = std::pin::pin!(stop);
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = &mut stop => break,
        };
        let Ok(place) = place else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, address)) => converse(stream, Peer(address), router.clone(), limits.patience, place, &graceful),
            Err(problem) => {
                tracing::warn!(%problem, "a connection could not be accepted");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
    drop(listener);
    tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_ok()
}

fn converse(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    patience: Duration,
    place: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {}))
        }
    });
    let mut builder = http1::Builder::new();
    // Also how long a connection may idle between requests.
    builder.timer(TokioTimer::new()).header_read_timeout(patience);
    let stream = TokioIo::new(Unread::for_no_longer_than(patience, stream));
    let connection = graceful.watch(builder.serve_connection(stream, service));
    tokio::spawn(async move {
        if let Err(problem) = connection.await {
            // Clients go away all the time.
            tracing::debug!(%problem, client = %peer.0, "a connection ended");
        }
        drop(place);
    });
}
