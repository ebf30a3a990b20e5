//! Publish web bundles of Capacitor apps: to S3, to the Bundles API, to any server that takes a `PUT` or a form, and as a
//! static site of signed releases.
//!
//! For CI and tools. A device links [`capbundle`] alone.

mod ambiguity;
pub mod api;
mod api_error;
mod error;
pub mod http_upload;
pub mod manifest;
#[cfg(test)]
#[path = "../../src/http/mock_transport.rs"]
mod mock_transport;
pub mod patch;
mod percent;
mod redact;
pub mod s3;
#[path = "../../src/setters.rs"]
mod setters;
pub mod site;
pub mod transaction;
pub mod url_check;

pub use error::{Error, Result};
