//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use capbundle_update_server::AddressRange;
use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  capbundle-update-server key create --name ci
  capbundle-update-server serve --public-url https://updates.example.com --behind-proxy

Every option can also be set by the environment variable that --help shows.
TLS needs a reverse proxy; the README has a configuration of three lines.";

/// Self-hosted update server for Capacitor apps: uploads, Bundles API, channels, updates.
#[derive(Parser)]
#[command(name = "capbundle-update-server", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Folder of the database and the archives; created if it does not exist
    #[arg(
        long,
        global = true,
        value_name = "FOLDER",
        env = "CAPBUNDLE_SERVER_DATA",
        default_value = "capbundle-data"
    )]
    pub(crate) data: PathBuf,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the server until SIGINT or SIGTERM, then finish running requests
    Serve(Box<ServeOptions>),
    /// Create, list and revoke the API keys of publishers
    #[command(subcommand)]
    Key(KeyCommand),
    /// Create an app, or change which bundles it accepts
    #[command(subcommand)]
    App(AppCommand),
}

#[derive(Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct ServeOptions {
    /// Address and port to listen on
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "CAPBUNDLE_SERVER_LISTEN",
        default_value = "127.0.0.1:8787"
    )]
    pub(crate) listen: SocketAddr,
    /// URL at which devices reach the server; https, because phones require it (http for loopback only)
    #[arg(long, value_name = "URL", env = "CAPBUNDLE_SERVER_PUBLIC_URL")]
    pub(crate) public_url: Option<String>,
    /// Store archives in this S3 bucket and redirect devices to it; credentials come from the AWS environment variables or
    /// ~/.aws
    #[arg(long, value_name = "BUCKET", env = "CAPBUNDLE_SERVER_S3_BUCKET")]
    pub(crate) s3_bucket: Option<String>,
    /// Region of the bucket
    #[arg(
        long,
        value_name = "REGION",
        env = "CAPBUNDLE_SERVER_S3_REGION",
        requires = "s3_bucket"
    )]
    pub(crate) s3_region: Option<String>,
    /// URL of the S3 endpoint [default: AWS]
    #[arg(
        long,
        value_name = "URL",
        env = "CAPBUNDLE_SERVER_S3_ENDPOINT",
        requires = "s3_bucket"
    )]
    pub(crate) s3_endpoint: Option<String>,
    /// Prefix of the keys of all archives
    #[arg(
        long,
        value_name = "PREFIX",
        env = "CAPBUNDLE_SERVER_S3_PREFIX",
        requires = "s3_bucket"
    )]
    pub(crate) s3_prefix: Option<String>,
    /// Public URL of the bucket or its CDN, containing {key}. Without it, devices get presigned URLs that are valid for an hour
    #[arg(
        long,
        value_name = "URL",
        env = "CAPBUNDLE_SERVER_S3_PUBLIC_URL",
        requires = "s3_bucket"
    )]
    pub(crate) s3_public_url: Option<String>,
    /// Profile in ~/.aws to use
    #[arg(
        long,
        value_name = "NAME",
        env = "CAPBUNDLE_SERVER_S3_PROFILE",
        requires = "s3_bucket"
    )]
    pub(crate) s3_profile: Option<String>,
    /// The server is behind a reverse proxy: take the client's address from the last entry of X-Forwarded-For
    #[arg(long, env = "CAPBUNDLE_SERVER_BEHIND_PROXY")]
    pub(crate) behind_proxy: bool,
    /// Serve /metrics without a key
    #[arg(long, env = "CAPBUNDLE_SERVER_OPEN_METRICS")]
    pub(crate) open_metrics: bool,
    /// Accept uploads and bundles only for apps that `app create` created
    #[arg(long, env = "CAPBUNDLE_SERVER_NO_NEW_APPS")]
    pub(crate) no_new_apps: bool,
    /// Shape of the responses of /bundle
    #[arg(long, value_enum, env = "CAPBUNDLE_SERVER_API_SHAPE", default_value_t = Shape::Documented)]
    pub(crate) api_shape: Shape,
    /// Download and verify an archive at an external URL before it is registered; `app create` overrides this for an app
    #[arg(long, env = "CAPBUNDLE_SERVER_VERIFY_EXTERNAL")]
    pub(crate) verify_external: bool,
    /// Address range that --verify-external may connect to although it is not public, such as 10.1.0.0/16; may be repeated
    #[arg(
        long,
        value_name = "RANGE",
        env = "CAPBUNDLE_SERVER_ALLOW_VERIFY_FROM",
        value_delimiter = ','
    )]
    pub(crate) allow_verify_from: Vec<AddressRange>,
    /// CA certificates (PEM) that --verify-external trusts in addition to Mozilla's
    #[arg(long, value_name = "FILE", env = "CAPBUNDLE_SERVER_VERIFY_CA_FILE")]
    pub(crate) verify_ca_file: Option<PathBuf>,
    /// Seconds that --verify-external may take to download an archive
    #[arg(long, value_name = "SECONDS", env = "CAPBUNDLE_SERVER_VERIFY_TIMEOUT", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) verify_timeout: u64,
    /// Largest archive, in MiB
    #[arg(long, value_name = "MIB", env = "CAPBUNDLE_SERVER_MAX_UPLOAD", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub(crate) max_upload: u64,
    /// Requests per minute from one address; a whole office may share one address
    #[arg(long, value_name = "COUNT", env = "CAPBUNDLE_SERVER_RATE_ADDRESS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate_address: u32,
    /// Requests per minute with one key
    #[arg(long, value_name = "COUNT", env = "CAPBUNDLE_SERVER_RATE_KEY", default_value_t = 1200, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate_key: u32,
    /// Requests that are processed at once
    #[arg(long, value_name = "COUNT", env = "CAPBUNDLE_SERVER_CONCURRENT", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    pub(crate) concurrent: u32,
    /// Requests of one address whose body is incomplete
    #[arg(long, value_name = "COUNT", env = "CAPBUNDLE_SERVER_OPEN_BODIES", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    pub(crate) open_bodies: u32,
    /// Uploads that are received at once
    #[arg(long, value_name = "COUNT", env = "CAPBUNDLE_SERVER_UPLOADS", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    pub(crate) uploads: u32,
    /// Open connections; the last eighth is reserved for networks with few connections
    #[arg(long, value_name = "COUNT", env = "CAPBUNDLE_SERVER_CONNECTIONS", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(16..=1 << 20))]
    pub(crate) connections: u32,
    /// Idle connections of one address; beyond them, the oldest is closed
    #[arg(long, value_name = "COUNT", env = "CAPBUNDLE_SERVER_IDLE_CONNECTIONS", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub(crate) idle_connections: u32,
    /// Seconds that a request may take, and that a client may neither send nor receive anything
    #[arg(long, value_name = "SECONDS", env = "CAPBUNDLE_SERVER_TIMEOUT", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
    /// Seconds to wait for running requests when the server stops
    #[arg(long, value_name = "SECONDS", env = "CAPBUNDLE_SERVER_DRAIN", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub(crate) drain: u64,
    /// Format of the log on standard error
    #[arg(long, value_enum, env = "CAPBUNDLE_SERVER_LOG_FORMAT", default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// Log level: error, warn, info or debug
    #[arg(long, value_name = "LEVEL", env = "CAPBUNDLE_SERVER_LOG", default_value = "info")]
    pub(crate) log: tracing::level_filters::LevelFilter,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// Like the documentation of the Bundles API
    Documented,
    /// Like Capgo's servers
    Backend,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Plain text
    Text,
    /// One JSON object per line
    Json,
}

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Create a key and print it; a running server accepts it immediately
    Create {
        /// Name of the key, such as where it is used
        #[arg(long)]
        name: String,
        /// Limit the key to this app; may be repeated [default: every app]
        #[arg(long, value_name = "APP_ID")]
        app: Vec<String>,
        /// Allow only reading
        #[arg(long)]
        read_only: bool,
    },
    /// List all keys: number, name, apps, time of creation
    List,
    /// Revoke a key
    Revoke {
        /// The number that `key list` shows
        id: i64,
    },
}

#[derive(Subcommand)]
pub(crate) enum AppCommand {
    /// Create the app with a public channel `production`, or replace the rules of an existing app
    Create {
        /// App id, such as com.example.app
        app_id: String,
        /// Accept only encrypted bundles
        #[arg(long)]
        require_encryption: bool,
        /// Accept only bundles that are encrypted with the key of this id, which `capbundle key show` prints
        #[arg(long, value_name = "KEY_ID")]
        key_id: Option<String>,
        /// Whether to download and verify an archive at an external URL before it is registered [default: as for `serve`]
        #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
        verify_external: Option<bool>,
        /// Public key of the app's bundles (PEM), which is needed to verify encrypted and signed bundles
        #[arg(long, value_name = "FILE")]
        public_key: Option<PathBuf>,
    },
}
