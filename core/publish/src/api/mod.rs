//! The Bundles API of Capgo and compatible servers: bundles and channels of an app.
//!
//! It accepts the documented responses and those that Capgo's servers really send, so the same code works with Capgo's cloud, your
//! own server, and the example server of this repository.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use capbundle::progress::Control;
//! use capbundle_publish::api::{Api, ApiKey, AppId, BundleRegistration};
//! use capbundle::http::Transport;
//! use capbundle::digest::Sha256Digest;
//!
//! # fn example(transport: Arc<dyn Transport>) -> capbundle_publish::Result<()> {
//! let here = std::path::Path::new(".");
//! let key = ApiKey::find(None, here)?.expect("CAPGO_TOKEN or a .capgo file");
//! let api = Api::new(transport, &Api::DEFAULT_BASE.parse()?, key)?;
//! let (app, control): (AppId, _) = ("com.example.app".parse()?, Control::new());
//!
//! // Register an archive at your own URL, and set a channel to it.
//! let digest = Sha256Digest::of_file("app-1.2.3.zip".as_ref(), &control)?;
//! let address = "https://cdn.example.com/app-1.2.3.zip".parse()?;
//! api.create(&BundleRegistration::new(app.clone(), "1.2.3", address, digest)?, &control)?;
//! let bundle = api.bundle(&app, "1.2.3", &control)?.expect("it was registered just now");
//! api.set_channel_by_name(&app, bundle.id, "production", &control)?;
//!
//! // List all bundles.
//! for bundle in api.bundles(&app, &control) {
//!     let bundle = bundle?;
//!     println!("{} {:?}", bundle.version, bundle.external_url);
//! }
//! # Ok(())
//! # }
//! ```

mod advice;
mod answer;
mod call;
mod change;
mod channel;
mod client;
mod create;
mod idempotent;
mod key;
mod pages;
mod refusal;
mod row;
mod upload;
mod version;

pub use crate::api_error::ApiError;
pub use capbundle::AppId;
pub use change::{BundleMetadata, DeleteAll};
pub use client::Api;
pub use create::{BundleRegistration, Checksum, NativePackage};
pub use key::ApiKey;
pub use pages::{Bundles, Channels};
pub use row::{RemoteBundle, RemoteChannel};
pub use upload::{ArchiveUpload, UploadedArchive};

#[cfg(test)]
mod tests;
