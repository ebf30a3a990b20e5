//! What all requests share.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::config::Config;
use crate::database::Database;
use crate::files::Archives;
use crate::metrics::Metrics;
use crate::places::Places;
use crate::quota::Quota;
use crate::rate::{AddressRate, Rate};
use crate::verify::Verifier;

/// What all requests share.
pub(crate) struct App {
    pub(crate) config: Config,
    /// The start of every URL that is given out.
    pub(crate) base_url: String,
    pub(crate) database: Arc<Database>,
    pub(crate) files: Archives,
    pub(crate) metrics: Metrics,
    pub(crate) addresses: AddressRate,
    pub(crate) keys: Rate<i64>,
    pub(crate) places: Arc<Places>,
    /// Requests that are worked on.
    pub(crate) slots: Arc<Semaphore>,
    /// Requests of each client whose body is not complete.
    pub(crate) open_bodies: Quota<IpAddr>,
    /// Bodies that take more memory than most.
    pub(crate) large_bodies: Semaphore,
    /// Uploads that are received.
    pub(crate) uploads: Semaphore,
    pub(crate) verifier: Verifier,
}
