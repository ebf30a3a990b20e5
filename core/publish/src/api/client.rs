//! One server of the Bundles API.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::key::ApiKey;
use crate::error::{Error, Result};
use capbundle::http::{Cleartext, Transport, Url};

/// One server and its API key. Clones share what was detected about the server.
///
/// Idempotent calls are retried when the network or the server fails; other calls are repeated only after a check that they had no
/// effect. A requested wait (429) of up to two minutes is respected.
#[derive(Debug, Clone)]
pub struct Api {
    pub(super) transport: Arc<dyn Transport>,
    /// Without a trailing `/`.
    pub(super) base: String,
    pub(super) key: ApiKey,
    /// Whether the server has its collections at `/bundle/`, as documented, rather than at `/bundle`, as in its own tests.
    pub(super) slash: Arc<AtomicBool>,
    pub(super) first_wait: Duration,
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
}
