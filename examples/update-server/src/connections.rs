//! Accepting connections, and letting go of them.

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
use crate::gate::Peer;
use crate::places::{Place, Places};
use crate::unread::Unread;

/// A failed accept is mostly a lack of file descriptors, which others give back.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Serves until `stop` comes, then finishes what runs. `false` if that took too long and was cut.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &Limits,
    places: Arc<Places>,
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
            Err(problem) => {
                tracing::warn!(%problem, "a connection could not be accepted");
                tokio::time::sleep(AFTER_FAILURE).await;
                continue;
            }
        };
        let admitted = tokio::select! {
            admitted = places.admit(address.ip()) => admitted,
            () = &mut stop => break,
        };
        let Some(place) = admitted else {
            tracing::debug!(client = %address, "refused a connection: its network has too many");
            continue;
        };
        let peer = Peer {
            address,
            activity: Arc::clone(place.activity()),
        };
        converse(stream, peer, router.clone(), limits.patience, place, &graceful);
    }
    drop(listener);
    tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_ok()
}

fn converse(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    patience: Duration,
    place: Place,
    graceful: &GracefulShutdown,
) {
    let place = Arc::new(place);
    let (activity, address) = (Arc::clone(&peer.activity), peer.address);
    let held = Arc::clone(&place);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (router, peer, place) = (router.clone(), peer.clone(), Arc::clone(&held));
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
            Ok::<_, Infallible>(response.map(|body| Served { body, place }))
        }
    });
    let mut builder = http1::Builder::new();
    // Also how long a connection may idle between requests.
    builder.timer(TokioTimer::new()).header_read_timeout(patience);
    let stream = TokioIo::new(Unread::for_no_longer_than(patience, stream, Arc::clone(&activity)));
    let connection = graceful.watch(builder.serve_connection(stream, service));
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => if let Err(problem) = ended {
                // Clients go away all the time.
                tracing::debug!(%problem, client = %address, "a connection ended");
            },
            () = activity.evicted() => tracing::debug!(client = %address, "closed an idle connection to make room"),
        }
        drop(place);
    });
}

/// The body of an answer; when it is written, the connection waits for the next request.
struct Served {
    body: Body,
    place: Arc<Place>,
}

impl HttpBody for Served {
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

impl Drop for Served {
    fn drop(&mut self) {
        self.place.waits();
    }
}
