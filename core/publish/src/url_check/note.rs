//! Notes on a URL that works.

use std::fmt;

use capbundle::http::Url;

/// Usual content types of archives.
const ARCHIVES: [&str; 5] = [
    "application/zip",
    "application/octet-stream",
    "application/x-zip-compressed",
    "application/x-zip",
    "binary/octet-stream",
];
/// Query parameters of URLs that expire: of S3, Google Cloud Storage, `CloudFront` and Azure.
const EXPIRING: [&str; 8] = [
    "x-amz-signature",
    "x-amz-expires",
    "x-goog-signature",
    "x-goog-expires",
    "signature",
    "expires",
    "se",
    "sig",
];
/// Query parameters that grant access.
const SECRETS: [&str; 8] = [
    "token",
    "access_token",
    "api_key",
    "apikey",
    "key",
    "password",
    "secret",
    "auth",
];

/// A note on a URL that does not prevent its use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlNote {
    /// The URL expires, as this query parameter shows.
    Expires(String),
    /// The URL contains a secret in this query parameter.
    Secret(String),
    /// Its content type is not that of an archive.
    ContentType(String),
    /// Interrupted downloads cannot resume, for this reason.
    NoRanges(String),
    /// There is neither a strong `ETag` nor a `Last-Modified`, so a change of the file is detected only after the download.
    NoValidator,
    /// Web pages of this origin may not read it.
    NoCors(String),
}

impl UrlNote {
    /// A stable identifier in snake case, for logs and machine-readable output.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Expires(_) => "expires",
            Self::Secret(_) => "secret_in_address",
            Self::ContentType(_) => "content_type",
            Self::NoRanges(_) => "no_ranges",
            Self::NoValidator => "no_validator",
            Self::NoCors(_) => "no_cors",
        }
    }

    /// Whether to fix it before an app relies on the URL.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::Expires(_) | Self::Secret(_))
    }
}

impl fmt::Display for UrlNote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expires(name) => write!(
                formatter,
                "the URL is signed and expires ({name} in its query): devices cannot download it later"
            ),
            Self::Secret(name) => write!(
                formatter,
                "the URL contains a secret ({name} in its query), which every device receives"
            ),
            Self::ContentType(kind) => write!(
                formatter,
                "Content-Type is {kind:?}: use application/zip or application/octet-stream, so that proxies do not modify it"
            ),
            Self::NoRanges(why) => write!(
                formatter,
                "interrupted downloads cannot resume, since the server does not support ranges ({why})"
            ),
            Self::NoValidator => formatter.write_str(
                "the server sends neither ETag nor Last-Modified: a change of the file is detected only after the download",
            ),
            Self::NoCors(origin) => write!(
                formatter,
                "web pages of {origin} may not read it (no Access-Control-Allow-Origin); native apps may"
            ),
        }
    }
}

/// Notes on the query of a URL.
pub(super) fn of_address(url: &Url) -> Vec<UrlNote> {
    let query = url.as_str().split_once('?').map_or("", |(_, query)| query);
    let names = query
        .split('&')
        .map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    let first = |known: &[&str]| {
        names
            .clone()
            .find(|name| known.contains(&name.to_ascii_lowercase().as_str()))
    };
    let expires = first(&EXPIRING).map(|name| UrlNote::Expires(name.to_owned()));
    let secret = first(&SECRETS).map(|name| UrlNote::Secret(name.to_owned()));
    expires.into_iter().chain(secret).collect()
}

pub(super) fn of_content_type(kind: Option<&str>) -> Option<UrlNote> {
    let kind = kind?;
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    (!ARCHIVES.contains(&essence.as_str())).then(|| UrlNote::ContentType(kind.to_owned()))
}
