//! Starting and stopping the server.

use std::fs::{File, TryLockError};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use tokio::sync::{Semaphore, oneshot};

use crate::config::Config;
use crate::connection_limiter::ConnectionLimiter;
use crate::connections;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::files::{Archives, cleanup, sizes};
use crate::input::LARGE_BODIES;
use crate::metrics::Metrics;
use crate::quota::Quota;
use crate::rate_limiter::{AddressRateLimiter, RateLimiter};
use crate::routes;
use crate::state::ServerState;
use crate::verify::Verifier;

/// Locked while a server uses the data folder.
const LOCK: &str = "server.lock";

/// A running server, on its own threads. Dropping it stops it like [`stop`](Self::stop).
pub struct Server {
    address: SocketAddr,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Server {
    /// Starts a server. It accepts connections once this returns.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a setting such as a public URL that phones refuse, [`Error::InUse`] if another server uses
    /// the folder, [`Error::Listen`], [`Error::File`], [`Error::Database`], [`Error::NewerDatabase`].
    pub fn start(config: Config) -> Result<Self> {
        let (listener, address, state, lock) = prepare(config)?;
        let url = state.base_url.clone();
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let body = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .thread_name("capbundle-server")
                .build();
            let runtime = runtime.map_err(|error| Error::Stopped(error.to_string()))?;
            let served = runtime.block_on(async {
                let listener =
                    tokio::net::TcpListener::from_std(listener).map_err(|source| Error::Listen { address, source })?;
                // Fails only if `start` no longer waits.
                let _ = ready.send(());
                let limits = state.config.limits.clone();
                let cleanup = tokio::spawn(cleanup::run(Arc::clone(&state)));
                let backfill = tokio::spawn(sizes::backfill(Arc::clone(&state)));
                let stop_requested = async {
                    // A dropped sender is a request to stop too.
                    let _ = stopped.await;
                };
                let connections = Arc::clone(&state.connections);
                if !connections::serve(listener, routes::router(state), &limits, connections, stop_requested).await {
                    tracing::warn!("aborted requests that did not finish within the drain time");
                }
                cleanup.abort();
                backfill.abort();
                Ok(())
            });
            runtime.shutdown_timeout(std::time::Duration::from_secs(5));
            drop(lock);
            served
        };
        let thread = std::thread::Builder::new()
            .name("capbundle-server".to_owned())
            .spawn(body);
        let thread = thread.map_err(|error| Error::Stopped(error.to_string()))?;
        if is_ready.recv().is_err() {
            return Err(join(thread)
                .err()
                .unwrap_or_else(|| Error::Stopped("its thread ended before it accepted connections".to_owned())));
        }
        tracing::info!(%address, url, "listening");
        Ok(Self {
            address,
            url,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base of its URLs, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops accepting connections, waits for running requests for at most [`drain`](crate::Limits::drain), and stops.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the server had already failed.
    pub fn stop(mut self) -> Result<()> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> Result<()> {
        drop(self.stop.take());
        self.thread.take().map_or(Ok(()), join)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.shut_down() {
            tracing::error!(%error, "the server did not stop cleanly");
        }
    }
}

fn join(thread: JoinHandle<Result<()>>) -> Result<()> {
    thread
        .join()
        .unwrap_or_else(|_| Err(Error::Stopped("a server thread panicked".to_owned())))
}

fn prepare(config: Config) -> Result<(TcpListener, SocketAddr, Arc<ServerState>, File)> {
    let database = Database::open(&config.data)?;
    let lock = lock(&config.data)?;
    let files = Archives::open(&config)?;
    let listen = config.listen;
    // Checked before it listens, so that no client reaches a server that is about to exit.
    config.base_url(listen)?;
    let failed = |source| Error::Listen {
        address: listen,
        source,
    };
    let listener = TcpListener::bind(listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let limits = &config.limits;
    let state = ServerState {
        base_url: config.base_url(address)?,
        database: Arc::new(database),
        files,
        metrics: Metrics::new(),
        address_rate: AddressRateLimiter::new(limits.per_address),
        key_rate: RateLimiter::new(limits.per_key),
        connections: ConnectionLimiter::new(limits.connections, limits.idle_connections, !config.behind_proxy),
        concurrent: Arc::new(Semaphore::new(limits.concurrent)),
        open_bodies: Quota::new(limits.open_bodies),
        large_bodies: Semaphore::new(LARGE_BODIES),
        uploads: Semaphore::new(limits.uploads),
        verifier: Verifier::new(&config)?,
        config,
    };
    Ok((listener, address, Arc::new(state), lock))
}

/// Two servers in one folder would delete each other's uploads.
fn lock(data: &Path) -> Result<File> {
    let path = data.join(LOCK);
    let file = File::create(&path).map_err(Error::file("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { data: data.to_owned() }),
        Err(TryLockError::Error(error)) => Err(Error::file("lock", &path)(error)),
    }
}
