//! A bucket and its credentials.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;

use super::checksums::Checksums;
use super::credentials::Credentials;
use super::endpoint;
use super::options::BucketOptions;
use crate::error::{Error, Result};
use capbundle::http::{Cleartext, Transport};

/// One bucket and its credentials. Creating it sends no request.
pub struct Bucket {
    pub(super) place: rusty_s3::Bucket,
    endpoint: String,
    pub(super) credentials: Credentials,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) cleartext: Cleartext,
    pub(super) options: BucketOptions,
    pub(super) checksums: Checksums,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

impl Bucket {
    /// A bucket with validated options.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for options that contradict each other or name no bucket.
    pub fn new(options: &BucketOptions, credentials: Credentials, transport: Arc<dyn Transport>) -> Result<Self> {
        let place = endpoint::place(options)?;
        Ok(Self {
            place: place.bucket,
            endpoint: place.endpoint,
            credentials,
            transport,
            cleartext: place.cleartext,
            options: options.clone(),
            checksums: Checksums::default(),
            clock: Arc::new(SystemTime::now),
        })
    }

    /// Signs with the time of another clock, if the system clock is known to be wrong.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The name of the bucket.
    #[must_use]
    pub fn name(&self) -> &str {
        self.place.name()
    }

    /// The URL of the store, without the bucket and a trailing slash.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The region that requests are signed for.
    #[must_use]
    pub fn region(&self) -> &str {
        self.place.region()
    }

    pub(super) fn now(&self) -> Result<Timestamp> {
        Timestamp::try_from((self.clock)()).map_err(|error| Error::invalid_input("system clock", error.to_string()))
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Bucket")
            .field("url", &self.place.base_url().as_str())
            .field("region", &self.place.region())
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}
