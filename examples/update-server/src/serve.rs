//! `capbundle-update-server serve`.

use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use capbundle_update_server::{ApiShape, Config, S3, Server};

use crate::command_line::{LogFormat, ServeOptions, Shape};

pub(crate) fn run(data: &Path, options: ServeOptions) -> Result<(), Box<dyn std::error::Error>> {
    let log = tracing_subscriber::fmt()
        .with_max_level(options.log)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    match options.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    // Installed before the server listens, so that a signal never interrupts a request.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = runtime.block_on(async { Signals::new() })?;
    let server = Server::start(config(data, options))?;
    let signal = runtime.block_on(signals.next());
    tracing::info!(signal, "stopping; waiting for running requests");
    server.stop()?;
    tracing::info!("stopped");
    Ok(())
}

fn config(data: &Path, options: ServeOptions) -> Config {
    let mut config = Config::loopback(data);
    config.listen = options.listen;
    config.public_url = options.public_url;
    config.s3 = options.s3_bucket.map(|bucket| {
        let mut s3 = S3::bucket(bucket);
        s3.region = options.s3_region;
        s3.endpoint = options.s3_endpoint;
        s3.prefix = options.s3_prefix.unwrap_or_default();
        s3.public_url = options.s3_public_url;
        s3.profile = options.s3_profile;
        s3
    });
    config.behind_proxy = options.behind_proxy;
    config.open_metrics = options.open_metrics;
    config.new_apps = !options.no_new_apps;
    config.api_shape = match options.api_shape {
        Shape::Documented => ApiShape::Documented,
        Shape::Backend => ApiShape::Backend,
    };
    config.verify_external = options.verify_external;
    config.allow_verify_from = options.allow_verify_from;
    config.verify_ca_file = options.verify_ca_file;
    let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    let limits = &mut config.limits;
    limits.verify_timeout = Duration::from_secs(options.verify_timeout);
    limits.open_bodies = count(options.open_bodies);
    limits.uploads = count(options.uploads);
    limits.connections = count(options.connections);
    limits.idle_connections = count(options.idle_connections);
    limits.upload_bytes = options.max_upload << 20;
    limits.per_address = options.rate_address;
    limits.per_key = options.rate_key;
    limits.concurrent = count(options.concurrent);
    limits.timeout = Duration::from_secs(options.timeout);
    limits.drain = Duration::from_secs(options.drain);
    config
}

/// The signals that stop the server.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            Err(_) => "cannot wait for Ctrl-C",
        }
    }
}
