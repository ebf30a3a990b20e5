//! Where a bucket is.

use std::time::Duration;

use super::Settings;

/// How a bucket is named in addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Style {
    /// [`VirtualHost`](Self::VirtualHost) at Amazon for names that a certificate covers, [`Path`](Self::Path) anywhere else.
    #[default]
    Auto,
    /// `https://endpoint/bucket/key`.
    Path,
    /// `https://bucket.endpoint/key`.
    VirtualHost,
}

/// Where a bucket is, and how to talk to it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BucketOptions {
    /// The region, such as `eu-central-1`. Stores without regions mostly want `us-east-1`, some `auto`.
    pub region: String,
    /// The name of the bucket.
    pub bucket: String,
    /// The address of another store than Amazon's: `s3.example.com`, with or without scheme, port and path.
    pub endpoint: Option<String>,
    /// The port, if it is neither that of the endpoint nor the usual one.
    pub port: Option<u16>,
    /// Whether to use TLS. `None`: as the endpoint says, and yes where it says nothing. `Some(false)`, or an endpoint of `http`,
    /// sends bundles, not secrets, in the clear.
    pub ssl: Option<bool>,
    /// How the bucket is named in addresses.
    pub style: Style,
    /// How long until a connection must stand.
    pub connect_timeout: Duration,
    /// How long without a single byte until a request is given up.
    pub stall_timeout: Duration,
}

impl BucketOptions {
    /// A bucket of Amazon's in this region.
    #[must_use]
    pub fn new(region: impl Into<String>, bucket: impl Into<String>) -> Self {
        Self {
            region: region.into(),
            bucket: bucket.into(),
            endpoint: None,
            port: None,
            ssl: None,
            style: Style::Auto,
            connect_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
        }
    }

    /// Takes from the settings what is not given here: the region where it is empty, and the endpoint.
    #[must_use]
    pub fn or_from(mut self, settings: &Settings) -> Self {
        if self.region.is_empty() {
            self.region = settings.region.clone().unwrap_or_default();
        }
        if self.endpoint.is_none() {
            self.endpoint.clone_from(&settings.endpoint);
        }
        self
    }
}
