//! The Bundles API: what a server of Capgo's kind knows of an app's bundles and channels.
//!
//! Both what Capgo documents and what its servers really answer is understood, so the same code talks to Capgo's cloud, to
//! a server of your own and to the example server of this repository.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use capbundle::progress::Control;
//! use capbundle_publish::api::{Api, ApiKey, AppId, BundleRegistration};
//! use capbundle::http::Transport;
//! use capbundle::digest::Sha256Digest;
//!
//! # fn example(transport: Arc<dyn Transport>) -> capbundle::Result<()> {
//! let here = std::path::Path::new(".");
//! let key = ApiKey::find(None, here)?.expect("CAPGO_TOKEN or a .capgo file");
//! let api = Api::new(transport, &Api::DEFAULT_BASE.parse()?, key)?;
//! let (app, control): (AppId, _) = ("com.example.app".parse()?, Control::new());
//!
//! // Register an archive that is at an address of your own, and bring it to a channel.
//! let digest = Sha256Digest::of_file("app-1.2.3.zip".as_ref(), &control)?;
//! let address = "https://cdn.example.com/app-1.2.3.zip".parse()?;
//! api.create(&BundleRegistration::new(app.clone(), "1.2.3", address, digest)?, &control)?;
//! let bundle = api.bundle(&app, "1.2.3", &control)?.expect("it was registered just now");
//! api.set_channel_by_name(&app, bundle.id, "production", &control)?;
//!
//! // Look at all of them.
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

pub use capbundle::AppId;
pub use change::DeleteAll;
pub use channel::RemoteChannel;
pub use create::{BundleRegistration, Checksum, NativePackage};
pub use key::ApiKey;
pub use pages::{Bundles, Channels};
pub use refusal::ApiError;
pub use row::RemoteBundle;
pub use upload::UploadedArchive;

use crate::error::{Error, Result};
use capbundle::http::{Cleartext, Transport, Url};
use capbundle::progress::Control;

/// One server, and the key to it. Clones share what was learnt of the server.
///
/// Calls that change nothing, or may be made twice, are tried again when the network or the server fails; those that may
/// not are repeated only after a look at what became of them. A server that asks for patience (429) gets up to two minutes
/// of it.
#[derive(Debug, Clone)]
pub struct Api {
    transport: Arc<dyn Transport>,
    /// Without a `/` at its end.
    base: String,
    key: ApiKey,
    /// Whether this server has its collections at `/bundle/`, as documented, rather than at `/bundle`, as in its own tests.
    slash: Arc<AtomicBool>,
    first_wait: Duration,
}

impl Api {
    /// Where Capgo's own server is.
    pub const DEFAULT_BASE: &'static str = "https://api.capgo.app";

    /// A server at `base`, with or without a `/` at its end, with or without a path before the API's own.
    ///
    /// # Errors
    /// [`NotTrusted`](capbundle::ErrorKind::NotTrusted) for plain http, which would show the key to anyone on the way, unless
    /// it is this very machine; [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for an address with a query.
    pub fn new(transport: Arc<dyn Transport>, base: &Url, key: ApiKey) -> Result<Self> {
        Cleartext::LoopbackOnly.check(base)?;
        if base.as_str().contains('?') {
            let problem = "expected the address that all paths begin with, found one with a query";
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

    /// The address that all paths begin with.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// All bundles of an app, the newest first, page after page as they are wanted; none twice.
    ///
    /// A bundle that is deleted while the list is read may push another off it; read again if that matters.
    ///
    /// Each item is an error as of [`Api::bundle`], and the last one then. An app without any bundle is an
    /// [`ApiError`] of code `cannot_get_bundle` on Capgo's server, which says the same to a key without access.
    #[must_use]
    pub fn bundles<'a>(&'a self, app: &AppId, control: &'a Control) -> Bundles<'a> {
        Bundles::new(self, app, control)
    }

    /// The bundle of this version, if there is one that is not deleted. Reads the list until it comes.
    ///
    /// # Errors
    /// [`Server`](capbundle::ErrorKind::Server) when the server refuses (an [`ApiError`]) or answers what is no answer,
    /// [`Network`](capbundle::ErrorKind::Network), [`NotTrusted`](capbundle::ErrorKind::NotTrusted) for a connection that is not
    /// secure, [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a version that cannot be one,
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
    /// Each item is an error as of [`Api::bundle`], and the last one then.
    #[must_use]
    pub fn channels<'a>(&'a self, app: &AppId, control: &'a Control) -> Channels<'a> {
        Channels::new(self, app, control)
    }
}

#[cfg(test)]
mod tests;
