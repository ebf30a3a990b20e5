//! The location of a bucket.

use std::time::Duration;

use crate::setters::setters;

/// How URLs name the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Style {
    /// [`VirtualHost`](Self::VirtualHost) at Amazon for names that its certificate covers, otherwise [`Path`](Self::Path).
    #[default]
    Auto,
    /// `https://endpoint/bucket/key`.
    Path,
    /// `https://bucket.endpoint/key`.
    VirtualHost,
}

/// The location of a bucket, and timeouts.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BucketOptions {
    /// The region, such as `eu-central-1`. Most stores without regions expect `us-east-1`, some `auto`.
    pub region: String,
    /// The name of the bucket.
    pub bucket: String,
    /// The endpoint of a store other than Amazon's: `s3.example.com`, with or without scheme, port and path.
    pub endpoint: Option<String>,
    /// The port, if it is neither in the endpoint nor the default.
    pub port: Option<u16>,
    /// Whether to use TLS. `None`: as the scheme of the endpoint says, by default yes. `Some(false)` or an `http` endpoint sends
    /// bundles, but not secrets, unencrypted.
    pub ssl: Option<bool>,
    /// How URLs name the bucket.
    pub style: Style,
    /// Timeout of establishing a connection. 15 s.
    pub connect_timeout: Duration,
    /// How long a connection may deliver no byte. 30 s.
    pub stall_timeout: Duration,
}

impl BucketOptions {
    /// An Amazon bucket in this region.
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

    setters! {
        with_endpoint(endpoint: impl Into<Option<String>>);
        with_port(port: impl Into<Option<u16>>);
        with_ssl(ssl: impl Into<Option<bool>>);
        with_style(style: Style);
        with_connect_timeout(connect_timeout: Duration);
        with_stall_timeout(stall_timeout: Duration);
    }
}
