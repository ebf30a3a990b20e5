//! The server and its credentials.

use std::path::PathBuf;

use clap::Args;

/// The server with the app's bundles and channels.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// API key for the server [default: CAPGO_TOKEN, else a .capgo file here or in the home folder]
    #[arg(short, long, value_name = "KEY", allow_hyphen_values = true)]
    pub(crate) apikey: Option<String>,
    /// URL of your own server [default: CAPBUNDLE_API_URL, else Capgo's]
    #[arg(long, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// Network options for all servers.
#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// PEM file of the only CA certificates to trust, for servers with a private CA [default: CAPBUNDLE_CA_FILE, else
    /// SSL_CERT_FILE and SSL_CERT_DIR (for S3, AWS_CA_BUNDLE first), else Mozilla's list]
    #[arg(long, value_name = "FILE", help_heading = "Server")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Time limit for the whole command in seconds [default: none, but stalled transfers fail]
    #[arg(long, value_name = "SECONDS", help_heading = "Server", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: Option<u32>,
}
