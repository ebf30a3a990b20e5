//! What all requests share.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::config::Config;
use crate::database::Database;
use crate::files::Archives;
use crate::metrics::Metrics;
use crate::rate::Rate;

/// What all requests share.
pub(crate) struct App {
    pub(crate) config: Config,
    /// The start of every URL that is given out.
    pub(crate) base_url: String,
    pub(crate) database: Arc<Database>,
    pub(crate) files: Archives,
    pub(crate) metrics: Metrics,
    pub(crate) addresses: Rate<IpAddr>,
    pub(crate) keys: Rate<i64>,
    pub(crate) slots: Arc<Semaphore>,
}
