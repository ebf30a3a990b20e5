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
mod create;
mod idempotent;
mod key;
mod pages;
mod refusal;
mod row;
mod upload;
mod version;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub use crate::api_error::ApiError;
pub use capbundle::AppId;
pub use change::DeleteAll;
pub use channel::RemoteChannel;
pub use create::{BundleRegistration, Checksum, NativePackage};
pub use key::ApiKey;
pub use pages::{Bundles, Channels};
pub use row::RemoteBundle;
pub use upload::UploadedArchive;

use crate::error::{Error, Result};
use capbundle::http::{Cleartext, Transport, Url};
use capbundle::progress::Control;

/// One server and its API key. Clones share what was detected about the server.
///
/// Idempotent calls are retried when the network or the server fails; other calls are repeated only after a check that they had no
/// effect. A requested wait (429) of up to two minutes is respected.
#[derive(Debug, Clone)]
pub struct Api {
    transport: Arc<dyn Transport>,
    /// Without a trailing `/`.
    base: String,
    key: ApiKey,
    /// Whether the server has its collections at `/bundle/`, as documented, rather than at `/bundle`, as in its own tests.
    slash: Arc<AtomicBool>,
    first_wait: Duration,
}

impl Api {
    /// The base URL of Capgo's cloud.
    pub const DEFAULT_BASE: &'static str = "https://api.capgo.app";

    /// A server at `base`, with or without a trailing `/` and a path prefix.
    ///
    /// # Errors
    /// [`NotTrusted`](capbundle::ErrorKind::NotTrusted) for plain http, which would expose the key on the network, unless it
    /// is this machine; [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a URL with a query.
    pub fn new(transport: Arc<dyn Transport>, base: &Url, key: ApiKey) -> Result<Self> {
        Cleartext::LoopbackOnly.check(base)?;
        if base.as_str().contains('?') {
            let problem = "expected a base URL, found one with a query";
            return Err(Error::invalid_input(base.to_string(), problem));
        }
        Ok(Self {
            transport,
            base: base.as_str().trim_end_matches('/').to_owned(),
            key,
            slash: Arc::default(),
            first_wait: Duration::from_millis(500),
        })
    }

    /// The base URL.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// All bundles of an app, the newest first, without duplicates. Pages are requested lazily.
    ///
    /// If a bundle is deleted while the list is read, another may be skipped; read again if that matters.
    ///
    /// If a request fails, the error, as for [`Api::bundle`], is the last item. For an app without bundles,
    /// Capgo's server returns an [`ApiError`] with code `cannot_get_bundle`, as it does for a key without access.
    #[must_use]
    pub fn bundles<'a>(&'a self, app: &AppId, control: &'a Control) -> Bundles<'a> {
        Bundles::new(self, app, control)
    }

    /// The bundle of this version, unless it is deleted. Reads the list until it is found.
    ///
    /// # Errors
    /// [`Server`](capbundle::ErrorKind::Server) for a refusal (an [`ApiError`]) or an invalid response,
    /// [`Network`](capbundle::ErrorKind::Network), [`NotTrusted`](capbundle::ErrorKind::NotTrusted) for a connection that is not
    /// secure, [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for an invalid version,
    /// [`Cancelled`](capbundle::ErrorKind::Cancelled).
    pub fn bundle(&self, app: &AppId, version: &str, control: &Control) -> Result<Option<RemoteBundle>> {
        version::check_version_name(version)?;
        for bundle in self.bundles(app, control) {
            let bundle = bundle?;
            if bundle.version == version {
                return Ok(Some(bundle));
            }
        }
        Ok(None)
    }

    /// All channels of an app.
    ///
    /// If a request fails, the error, as for [`Api::bundle`], is the last item.
    #[must_use]
    pub fn channels<'a>(&'a self, app: &AppId, control: &'a Control) -> Channels<'a> {
        Channels::new(self, app, control)
    }
}

#[cfg(test)]
mod tests;
