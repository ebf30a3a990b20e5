//! An S3 server in the process of the test, with signature checks: `s3s-fs` on a folder. It listens on the loopback address and
//! stops when it is dropped.

use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::S3Result;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::host::MultiDomain;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::runtime::{self, Runtime};

/// A running store, stopped on drop.
#[derive(Debug)]
pub struct S3Store {
    /// The address it listens on.
    pub address: SocketAddr,
    _runtime: Runtime,
}

/// The settings of a store.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The access key id and the secret.
    pub credentials: (&'a str, &'a str),
    /// The domains of the store, for virtual-hosted-style requests.
    pub domains: &'a [&'a str],
    /// Whether objects are publicly readable.
    pub public: bool,
}

impl S3Store {
    /// Starts a store on the folder `root`, in which each folder is a bucket.
    ///
    /// # Panics
    /// If it cannot listen or read the folder.
    #[must_use]
    pub fn start(root: &Path, settings: Settings<'_>) -> Self {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(root).unwrap());
        let (key, secret) = settings.credentials;
        builder.set_auth(SimpleAuth::from_single(key, secret));
        if !settings.domains.is_empty() {
            // A `Host` includes the port unless it is the default, as behind a proxy. Any other host counts as a bucket.
            let with_port = |name: &&str| [(*name).to_owned(), format!("{name}:{}", address.port())];
            let mut names: Vec<String> = settings.domains.iter().flat_map(with_port).collect();
            names.push(address.to_string());
            builder.set_host(MultiDomain::new(names).unwrap());
        }
        if settings.public {
            builder.set_access(ReadableByAll);
        }
        let service = builder.build();
        runtime.spawn(async move {
            let http = Builder::new(TokioExecutor::new());
            while let Ok((socket, _)) = listener.accept().await {
                let connection = http
                    .serve_connection(TokioIo::new(socket), service.clone())
                    .into_owned();
                // Errors are expected: in some tests the client disconnects early.
                tokio::spawn(async move { connection.await.is_ok() });
            }
        });
        Self {
            address,
            _runtime: runtime,
        }
    }
}

/// Anyone may read objects; everything else requires a signature.
struct ReadableByAll;

impl S3Access for ReadableByAll {
    // The signature that `async_trait` generates.
    fn check<'s, 'c, 'd, 'f>(
        &'s self,
        context: &'c mut S3AccessContext<'d>,
    ) -> Pin<Box<dyn Future<Output = S3Result<()>> + Send + 'f>>
    where
        Self: 'f,
        's: 'f,
        'c: 'f,
        'd: 'f,
    {
        let reads = matches!(context.s3_op().name(), "GetObject" | "HeadObject");
        let allowed = if reads || context.credentials().is_some() {
            Ok(())
        } else {
            Err(s3s::s3_error!(AccessDenied, "Signature is required"))
        };
        Box::pin(std::future::ready(allowed))
    }
}
