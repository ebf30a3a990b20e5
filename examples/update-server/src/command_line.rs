//! Options and commands.

use std::net::SocketAddr;
use std::path::PathBuf;

use capbundle_update_server::AddressRange;
use clap::{Args, Parser, Subcommand, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  capbundle-update-server key create --name ci
  capbundle-update-server serve --public-url https://updates.example.com --behind-proxy

Every option can be given as a variable of the environment too, whose name --help shows.
TLS is the business of a reverse proxy in front; see the README for one that takes three lines.";

/// Serves over-the-air bundles to Capacitor apps: uploads, Bundles API, channels, updates.
#[derive(Parser)]
#[command(name = "capbundle-update-server", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Folder of the database and the bundles; made if it is missing
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
    /// Run the server until SIGINT or SIGTERM; running requests are finished
    Serve(Box<ServeOptions>),
    /// Make, list and revoke the keys of those who publish
    #[command(subcommand)]
    Key(KeyCommand),
    /// Make an app, or say which bundles it takes
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
    /// Address by which devices reach the server; https, since phones take nothing else (http for loopback only)
    #[arg(long, value_name = "URL", env = "CAPBUNDLE_SERVER_PUBLIC_URL")]
    pub(crate) public_url: Option<String>,
    /// Keep archives in this bucket of an S3 store, and send devices there; credentials from the usual variables of AWS, or
    /// ~/.aws
    #[arg(long, value_name = "BUCKET", env = "CAPBUNDLE_SERVER_S3_BUCKET")]
    pub(crate) s3_bucket: Option<String>,
    /// The bucket's region
    #[arg(
        long,
        value_name = "REGION",
        env = "CAPBUNDLE_SERVER_S3_REGION",
        requires = "s3_bucket"
    )]
    pub(crate) s3_region: Option<String>,
    /// The store's address, unless it is Amazon's
    #[arg(
        long,
        value_name = "URL",
        env = "CAPBUNDLE_SERVER_S3_ENDPOINT",
        requires = "s3_bucket"
    )]
    pub(crate) s3_endpoint: Option<String>,
    /// What leads the key of every archive
    #[arg(
        long,
        value_name = "PREFIX",
        env = "CAPBUNDLE_SERVER_S3_PREFIX",
        requires = "s3_bucket"
    )]
    pub(crate) s3_prefix: Option<String>,
    /// Where everybody may read the bucket, with {key} in it: a CDN. Without it devices get addresses that hold for an hour
    #[arg(
        long,
        value_name = "URL",
        env = "CAPBUNDLE_SERVER_S3_PUBLIC_URL",
        requires = "s3_bucket"
    )]
    pub(crate) s3_public_url: Option<String>,
    /// Profile in ~/.aws
    #[arg(
        long,
        value_name = "NAME",
        env = "CAPBUNDLE_SERVER_S3_PROFILE",
        requires = "s3_bucket"
    )]
    pub(crate) s3_profile: Option<String>,
    /// A reverse proxy is in front: believe the last address of its X-Forwarded-For
    #[arg(long, env = "CAPBUNDLE_SERVER_BEHIND_PROXY")]
    pub(crate) behind_proxy: bool,
    /// Answer /metrics without a key
    #[arg(long, env = "CAPBUNDLE_SERVER_OPEN_METRICS")]
    pub(crate) open_metrics: bool,
    /// Take bundles of apps only that `app create` made
    #[arg(long, env = "CAPBUNDLE_SERVER_NO_NEW_APPS")]
    pub(crate) no_new_apps: bool,
    /// In which shape /bundle answers
    #[arg(long, value_enum, env = "CAPBUNDLE_SERVER_API_SHAPE", default_value_t = Shape::Documented)]
    pub(crate) api_shape: Shape,
    /// Fetch an archive at another address and compare it with its checksum before it is registered; `app create` says
    /// otherwise for one app
    #[arg(long, env = "CAPBUNDLE_SERVER_VERIFY_EXTERNAL")]
    pub(crate) verify_external: bool,
    /// Addresses that are fetched although they are not public, such as 10.1.0.0/16; may be given again
    #[arg(
        long,
        value_name = "RANGE",
        env = "CAPBUNDLE_SERVER_ALLOW_VERIFY_FROM",
        value_delimiter = ','
    )]
    pub(crate) allow_verify_from: Vec<AddressRange>,
    /// PEM certificates of authorities that are trusted beside Mozilla's when an archive is fetched
    #[arg(long, value_name = "FILE", env = "CAPBUNDLE_SERVER_VERIFY_CA_FILE")]
    pub(crate) verify_ca_file: Option<PathBuf>,
    /// Seconds that fetching an archive may take
    #[arg(long, value_name = "SECONDS", env = "CAPBUNDLE_SERVER_VERIFY_TIMEOUT", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) verify_timeout: u64,
    /// Largest archive, in MiB
    #[arg(long, value_name = "MIB", env = "CAPBUNDLE_SERVER_MAX_UPLOAD", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub(crate) max_upload: u64,
    /// Requests a minute from one address; a whole office may sit behind one
    #[arg(long, value_name = "COUNT", env = "CAPBUNDLE_SERVER_RATE_ADDRESS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate_address: u32,
    /// Requests a minute with one key
    #[arg(long, value_name = "COUNT", env = "CAPBUNDLE_SERVER_RATE_KEY", default_value_t = 1200, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate_key: u32,
    /// Requests worked on at once
    #[arg(long, value_name = "COUNT", env = "CAPBUNDLE_SERVER_CONCURRENT", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    pub(crate) concurrent: u32,
    /// Requests of one address whose body is not complete
    #[arg(long, value_name = "COUNT", env = "CAPBUNDLE_SERVER_OPEN_BODIES", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    pub(crate) open_bodies: u32,
    /// Uploads received at once
    #[arg(long, value_name = "COUNT", env = "CAPBUNDLE_SERVER_UPLOADS", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1 << 16))]
    pub(crate) uploads: u32,
    /// Open connections; the last eighth is for networks that have few
    #[arg(long, value_name = "COUNT", env = "CAPBUNDLE_SERVER_CONNECTIONS", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(16..=1 << 20))]
    pub(crate) connections: u32,
    /// Idle connections of one address; the oldest is closed for a new one
    #[arg(long, value_name = "COUNT", env = "CAPBUNDLE_SERVER_IDLE_CONNECTIONS", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub(crate) idle_connections: u32,
    /// Seconds a request may take, and a client may send nothing, or take nothing of an answer
    #[arg(long, value_name = "SECONDS", env = "CAPBUNDLE_SERVER_TIMEOUT", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
    /// Seconds that running requests have when the server stops
    #[arg(long, value_name = "SECONDS", env = "CAPBUNDLE_SERVER_DRAIN", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3600))]
    pub(crate) drain: u64,
    /// How the log is written, to standard error
    #[arg(long, value_enum, env = "CAPBUNDLE_SERVER_LOG_FORMAT", default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// What is logged: error, warn, info or debug
    #[arg(long, value_name = "LEVEL", env = "CAPBUNDLE_SERVER_LOG", default_value = "info")]
    pub(crate) log: tracing::level_filters::LevelFilter,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// As the Bundles API is documented
    Documented,
    /// As Capgo's servers answer
    Backend,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print it, once; a running server knows it at once
    Create {
        /// What the key is for
        #[arg(long)]
        name: String,
        /// Only for this app; may be given again. Without it, for every app
        #[arg(long, value_name = "APP_ID")]
        app: Vec<String>,
        /// Only to read
        #[arg(long)]
        read_only: bool,
    },
    /// List all keys: number, what for, which apps, since when
    List,
    /// End a key by its number
    Revoke {
        /// The number that `key list` shows
        id: i64,
    },
}

#[derive(Subcommand)]
pub(crate) enum AppCommand {
    /// Make the app with a public channel `production`, or change what it takes
    Create {
        /// The app's id, its reverse domain
        app_id: String,
        /// Take encrypted bundles only
        #[arg(long)]
        require_encryption: bool,
        /// Take only bundles that are encrypted with the key of this id (`capbundle key show` prints it)
        #[arg(long, value_name = "KEY_ID")]
        key_id: Option<String>,
        /// Whether an archive at another address is fetched and compared before it is registered; as `serve` says if left out
        #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
        verify_external: Option<bool>,
        /// The public key of the app's bundles (PEM): encrypted and signed ones can be verified with it
        #[arg(long, value_name = "FILE")]
        public_key: Option<PathBuf>,
    },
}
