//! A small self-hosted server for over-the-air bundles: uploads, the Bundles API, channels, and the protocol by which devices ask
//! for updates. One process, one folder, no account anywhere.
//!
//! ```no_run
//! use capbundle_update_server::{Access, Config, Keys, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::loopback("/var/lib/capbundle");
//! let key = Keys::open(&config.data)?.create("ci", &Access::Everything)?;
//! let server = Server::start(config)?;
//! println!("updates are at {}/updates; publish with the key {}", server.url(), key.text());
//! server.stop()?;
//! # Ok(())
//! # }
//! ```
//!
//! What has been answered with success is on the disk: it survives a crash of the process and of the machine.

mod access;
mod config;
mod connections;
mod database;
mod devices;
mod error;
mod files;
mod gate;
mod input;
mod metrics;
mod names;
mod network;
mod outcomes;
mod places;
mod publishing;
mod quota;
mod rate;
mod refusal;
mod routes;
mod server;
mod state;
mod unread;
mod verify;

pub use access::{Access, KeyRecord, Keys, NewKey};
pub use config::{ApiShape, Config, Limits, S3};
pub use database::apps::{AppRules, create_app};
pub use error::{Error, Result};
pub use server::Server;
pub use verify::AddressRange;
