//! Which server the command talks to, and as whom.

use std::path::PathBuf;

use clap::Args;

/// The server that knows the app's bundles and channels.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Your key for the server [default: CAPGO_TOKEN, else a .capgo file here or in the home folder]
    #[arg(short, long, value_name = "KEY", allow_hyphen_values = true)]
    pub(crate) apikey: Option<String>,
    /// Address of a server of your own [default: CAPBUNDLE_API_URL, else that of Capgo]
    #[arg(long, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// How the command reaches any server.
#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Trust the certificates in this PEM file alone, for servers with an authority of their own [default: CAPBUNDLE_CA_FILE, else
    /// SSL_CERT_FILE and SSL_CERT_DIR (AWS_CA_BUNDLE before them for S3), else those that Mozilla trusts]
    #[arg(long, value_name = "FILE", help_heading = "Server")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Give up after so many seconds in all [default: only when nothing moves any more]
    #[arg(long, value_name = "SECONDS", help_heading = "Server", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) timeout: Option<u32>,
}
