//! State shared by all requests.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::config::Config;
use crate::connection_limiter::ConnectionLimiter;
use crate::database::Database;
use crate::files::Archives;
use crate::metrics::Metrics;
use crate::quota::Quota;
use crate::rate_limiter::{AddressRateLimiter, RateLimiter};
use crate::verify::Verifier;

/// State shared by all requests.
pub(crate) struct ServerState {
    pub(crate) config: Config,
    /// The base of all URLs that the server returns, without a trailing slash.
    pub(crate) base_url: String,
    pub(crate) database: Arc<Database>,
    pub(crate) files: Archives,
    pub(crate) metrics: Metrics,
    pub(crate) address_rate: AddressRateLimiter,
    pub(crate) key_rate: RateLimiter<i64>,
    pub(crate) connections: Arc<ConnectionLimiter>,
    /// Limits the requests that are processed at once.
    pub(crate) concurrent: Arc<Semaphore>,
    /// Limits each client's requests whose body is incomplete.
    pub(crate) open_bodies: Quota<IpAddr>,
    /// Limits the large bodies in memory.
    pub(crate) large_bodies: Semaphore,
    /// Limits the uploads that are received at once.
    pub(crate) uploads: Semaphore,
    pub(crate) verifier: Verifier,
}
