//! What is worth knowing of an address that works.

use std::fmt;

use capbundle::http::Url;

/// What an archive may be called without anybody wondering.
const ARCHIVES: [&str; 5] = [
    "application/zip",
    "application/octet-stream",
    "application/x-zip-compressed",
    "application/x-zip",
    "binary/octet-stream",
];
/// Parameters of addresses that hold for a while only: of S3, Google's storage, `CloudFront`, Azure.
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
/// Parameters that let somebody in.
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

/// Something that does not speak against an address and is worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlNote {
    /// The address holds for a while only: this parameter of its query says so.
    Expires(String),
    /// The address lets whoever has it in: by this parameter of its query.
    Secret(String),
    /// It is called something that is no archive.
    ContentType(String),
    /// A download that broke off cannot go on where it was. Why that is thought.
    NoRanges(String),
    /// There is neither a strong `ETag` nor a `Last-Modified`: whether a file is still the same is known in the end only.
    NoValidator,
    /// A web page of this origin may not read it.
    NoCors(String),
}

impl UrlNote {
    /// The note as a stable word in snake case, for logs and machine-readable output.
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

    /// Whether it should be mended before an app relies on it.
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
                "the address is signed and expires ({name} in its query): devices that ask later get nothing"
            ),
            Self::Secret(name) => write!(
                formatter,
                "the address holds a secret ({name} in its query), and every device is told it"
            ),
            Self::ContentType(kind) => write!(
                formatter,
                "it is sent as {kind:?}: application/zip or application/octet-stream keeps proxies from changing it"
            ),
            Self::NoRanges(why) => write!(
                formatter,
                "a download that breaks off begins anew, since the server sends no parts ({why})"
            ),
            Self::NoValidator => formatter.write_str(
                "the server gives neither ETag nor Last-Modified: whether a part still fits is known only at the end",
            ),
            Self::NoCors(origin) => write!(
                formatter,
                "web pages of {origin} may not read it (no Access-Control-Allow-Origin); native apps may"
            ),
        }
    }
}

/// What its query says of an address.
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
