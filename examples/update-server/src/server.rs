//! A server that runs: started, asked where it is, stopped.

use std::fs::{File, TryLockError};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use tokio::sync::{Semaphore, oneshot};

use crate::config::Config;
use crate::connections;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::files::{Archives, abandoned, sizes};
use crate::input::LARGE_BODIES;
use crate::metrics::Metrics;
use crate::places::Places;
use crate::quota::Quota;
use crate::rate::{AddressRate, Rate};
use crate::routes;
use crate::state::App;
use crate::verify::Verifier;

/// Held as long as a server works in a folder.
const LOCK: &str = "server.lock";

/// A server in threads of its own. Dropped, it stops as [`stop`](Self::stop) does.
pub struct Server {
    address: SocketAddr,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Server {
    /// Starts a server; it listens when this returns.
    ///
    /// # Errors
    /// [`Error::Setting`] for a public URL that phones would refuse, [`Error::InUse`] if another server works in the folder,
    /// [`Error::Listen`], [`Error::File`], [`Error::Database`], [`Error::Newer`].
    pub fn start(config: Config) -> Result<Self> {
        let (listener, address, app, lock) = prepare(config)?;
        let url = app.base_url.clone();
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let body = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .thread_name("capbundle-server")
                .build();
            let runtime = runtime.map_err(|problem| Error::Stopped(problem.to_string()))?;
            let served = runtime.block_on(async {
                let listener =
                    tokio::net::TcpListener::from_std(listener).map_err(|source| Error::Listen { address, source })?;
                // Nobody waits for it any more if the starter is gone.
                let _ = ready.send(());
                let limits = app.config.limits.clone();
                let clearing = tokio::spawn(abandoned::clear_regularly(Arc::clone(&app)));
                let sizes = tokio::spawn(sizes::fill_in(Arc::clone(&app)));
                let asked_to_stop = async {
                    // A dropped sender asks too.
                    let _ = stopped.await;
                };
                let places = Arc::clone(&app.places);
                if !connections::serve(listener, routes::router(app), &limits, places, asked_to_stop).await {
                    tracing::warn!("requests were cut: they took longer than the server waits when it stops");
                }
                clearing.abort();
                sizes.abort();
                Ok(())
            });
            runtime.shutdown_timeout(std::time::Duration::from_secs(5));
            drop(lock);
            served
        };
        let thread = std::thread::Builder::new()
            .name("capbundle-server".to_owned())
            .spawn(body);
        let thread = thread.map_err(|problem| Error::Stopped(problem.to_string()))?;
        if is_ready.recv().is_err() {
            return Err(join(thread)
                .err()
                .unwrap_or_else(|| Error::Stopped("it never listened".to_owned())));
        }
        tracing::info!(%address, url, "listening");
        Ok(Self {
            address,
            url,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The start of its URLs, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes no more connections, finishes the requests that run (as long as
    /// [`drain`](crate::Limits::drain) allows), and ends.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the server had died before.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        drop(self.stop.take());
        self.thread.take().map_or(Ok(()), join)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(problem) = self.end() {
            tracing::error!(%problem, "the server did not end well");
        }
    }
}

fn join(thread: JoinHandle<Result<()>>) -> Result<()> {
    thread
        .join()
        .unwrap_or_else(|_| Err(Error::Stopped("its thread panicked".to_owned())))
}

fn prepare(config: Config) -> Result<(TcpListener, SocketAddr, Arc<App>, File)> {
    let database = Database::open(&config.data)?;
    let lock = lock(&config.data)?;
    let files = Archives::open(&config)?;
    let listen = config.listen;
    // Before it listens: nobody reaches a server that is about to refuse to run.
    config.base_url(listen)?;
    let failed = |source| Error::Listen {
        address: listen,
        source,
    };
    let listener = TcpListener::bind(listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let limits = &config.limits;
    let app = App {
        base_url: config.base_url(address)?,
        database: Arc::new(database),
        files,
        metrics: Metrics::new(),
        addresses: AddressRate::new(limits.per_address),
        keys: Rate::new(limits.per_key),
        places: Places::new(limits.connections, limits.idle_connections, !config.behind_proxy),
        slots: Arc::new(Semaphore::new(limits.concurrent)),
        open_bodies: Quota::new(limits.open_bodies),
        large_bodies: Semaphore::new(LARGE_BODIES),
        uploads: Semaphore::new(limits.uploads),
        verifier: Verifier::new(&config)?,
        config,
    };
    Ok((listener, address, Arc::new(app), lock))
}

/// Two servers in one folder would clear away each other's uploads.
fn lock(data: &Path) -> Result<File> {
    let path = data.join(LOCK);
    let file = File::create(&path).map_err(Error::file("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { data: data.to_owned() }),
        Err(TryLockError::Error(problem)) => Err(Error::file("lock", &path)(problem)),
    }
}
