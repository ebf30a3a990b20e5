//! A store of the S3 protocol in the process of a test, with signature checks: `s3s-fs` on a folder. Listens on loopback and
//! ends with its owner.

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

/// A running store; stops when dropped.
#[derive(Debug)]
pub struct S3Store {
    /// Where it listens.
    pub address: SocketAddr,
    _runtime: Runtime,
}

/// What a store is like.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The one access key, and its secret.
    pub credentials: (&'a str, &'a str),
    /// Names of the store: a bucket may stand before each of them.
    pub domains: &'a [&'a str],
    /// Whether everybody may read objects.
    pub public: bool,
}

impl S3Store {
    /// Starts a store on the folder `root`, each folder in which is a bucket.
    ///
    /// # Panics
    /// When it cannot listen or read the folder.
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
            // The port is a part of a name unless it is the usual one, as it is behind a proxy. What is no name of the store is
            // taken for a bucket.
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
                // A client that goes away in the middle is what some tests are about.
                tokio::spawn(async move { connection.await.is_ok() });
            }
        });
        Self {
            address,
            _runtime: runtime,
        }
    }
}

/// Objects are for everybody, all else is for who signs.
struct ReadableByAll;

impl S3Access for ReadableByAll {
    // What the trait's own macro makes of an `async fn`.
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
