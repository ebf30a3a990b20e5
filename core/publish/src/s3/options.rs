//! The location of a bucket.

use std::time::Duration;

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

    /// Sets [`endpoint`](Self::endpoint).
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: impl Into<Option<String>>) -> Self {
        self.endpoint = endpoint.into();
        self
    }

    /// Sets [`port`](Self::port).
    #[must_use]
    pub fn with_port(mut self, port: impl Into<Option<u16>>) -> Self {
        self.port = port.into();
        self
    }

    /// Sets [`ssl`](Self::ssl).
    #[must_use]
    pub fn with_ssl(mut self, ssl: impl Into<Option<bool>>) -> Self {
        self.ssl = ssl.into();
        self
    }

    /// Sets [`style`](Self::style).
    #[must_use]
    pub fn with_style(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    /// Sets [`connect_timeout`](Self::connect_timeout).
    #[must_use]
    pub fn with_connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// Sets [`stall_timeout`](Self::stall_timeout).
    #[must_use]
    pub fn with_stall_timeout(mut self, stall_timeout: Duration) -> Self {
        self.stall_timeout = stall_timeout;
        self
    }
}
