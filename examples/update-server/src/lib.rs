//! A small self-hosted server for over-the-air updates: uploads, the Bundles API, channels, and the update protocol. It is one
//! process with one data folder and needs no other service.
//!
//! ```no_run
//! use capbundle_update_server::{Access, Config, Keys, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::loopback("/var/lib/capbundle");
//! let key = Keys::open(&config.data)?.create("ci", &Access::Everything)?;
//! let server = Server::start(config)?;
//! println!("update URL: {}/updates, API key: {}", server.url(), key.text());
//! server.stop()?;
//! # Ok(())
//! # }
//! ```
//!
//! A change that was acknowledged is on disk: it survives a crash of the process and of the machine.

mod access;
mod api_error;
mod config;
mod connection_limiter;
mod connections;
mod database;
mod device_metrics;
mod devices;
mod error;
mod files;
mod input;
mod metrics;
mod middleware;
mod network;
mod publishing;
mod quota;
mod rate_limiter;
mod routes;
mod server;
mod state;
mod validation;
mod verify;
mod write_timeout;

pub use access::{Access, KeyRecord, Keys, NewKey};
pub use config::{ApiShape, Config, Limits, S3};
pub use database::apps::{AppRules, create_app};
pub use error::{Error, Result};
pub use server::Server;
pub use verify::AddressRange;
