//! Responses of an update server.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lenient;
use super::status_code::{MoreInfo, Notice, StatusKind};
use crate::error::{Error, Result};
use crate::http::download::{WEB_PAGE, is_markup};
use crate::setters::setters;

/// The version that Capgo uses for the bundle inside the native app.
pub const BUILT_IN: &str = "builtin";

/// The URL that Capgo's server sends when it offers single files only.
pub const NO_ARCHIVE: &str = "https://404.capgo.app/no.zip";

/// Maximum time for which a server can stop requests of a device. Capgo's plugin has the same limit.
pub(in crate::update) const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A response of an update server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateResponse {
    /// The server offers a bundle.
    Offer(UpdateOffer),
    /// Return to the bundle inside the native app, or keep it. Self-hosted servers send a bare version, Capgo's server a notice,
    /// which its plugin ignores.
    BuiltIn(Option<Notice>),
    /// The device is up to date.
    UpToDate(Notice),
    /// A rule of the channel excludes this device.
    Blocked(Notice),
    /// The request is invalid, or the app is misconfigured on the server.
    Failed(Notice),
    /// The device sends too many requests, uses the wrong server, or the server is overloaded and says for how long.
    Limited {
        /// The server's notice, if any.
        notice: Option<Notice>,
        /// How long to wait before the next request, if the server says so; at most a day.
        retry_after: Option<Duration>,
    },
    /// Neither a bundle nor a code, such as `{}`. Many self-hosted servers use it for "up to date"; Capgo's plugin reports a
    /// failed download.
    Nothing {
        /// The server's message, if any.
        message: Option<String>,
    },
}

/// An offered bundle, as sent. Untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UpdateOffer {
    /// Version of the bundle.
    pub version: String,
    /// The URL of the archive.
    pub url: String,
    /// SHA-256 in hex, or signed. Never empty. See [`expected_proof`](Self::expected_proof).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// `ivSessionKey` of an encrypted archive. Never empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// The single files of the bundle, for delta updates. This library supports archives only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifest: Vec<ManifestEntry>,
    /// A URL for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// A comment for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl UpdateOffer {
    /// A bundle of this version, whose archive is at this URL.
    #[must_use]
    pub fn new(version: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            version: version.into(),
            url: url.into(),
            checksum: None,
            session_key: None,
            manifest: Vec::new(),
            link: None,
            comment: None,
        }
    }

    setters! {
        with_checksum(checksum: impl Into<Option<String>>);
        with_session_key(session_key: impl Into<Option<String>>);
        with_manifest(manifest: Vec<ManifestEntry>);
        with_link(link: impl Into<Option<String>>);
        with_comment(comment: impl Into<Option<String>>);
    }
}

/// One file of a bundle. Every member is optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ManifestEntry {
    /// The path in the bundle. The suffix `.br` means Brotli.
    #[serde(default)]
    pub file_name: Option<String>,
    /// SHA-256 of the plain file in hex, or signed.
    #[serde(default)]
    pub file_hash: Option<String>,
    /// The URL of the file.
    #[serde(default)]
    pub download_url: Option<String>,
}

/// The members of all responses.
#[derive(Deserialize)]
struct Members {
    #[serde(default, deserialize_with = "lenient::filled")]
    error: Option<String>,
    #[serde(default, deserialize_with = "lenient::filled")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::filled")]
    version: Option<String>,
    #[serde(default, deserialize_with = "lenient::filled")]
    url: Option<String>,
    #[serde(default, deserialize_with = "lenient::filled")]
    checksum: Option<String>,
    #[serde(default, deserialize_with = "lenient::filled")]
    session_key: Option<String>,
    #[serde(default)]
    manifest: Option<Vec<ManifestEntry>>,
    #[serde(default, deserialize_with = "lenient::filled")]
    link: Option<String>,
    #[serde(default, deserialize_with = "lenient::filled")]
    comment: Option<String>,
    #[serde(default, deserialize_with = "lenient::filled")]
    message: Option<String>,
}

impl UpdateResponse {
    /// Parses a response from its HTTP status and its whole body. The caller limits the size of the body.
    ///
    /// `url` is for errors; pass it without its query, which may be confidential.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a bundle that is offered as single files only,
    /// [`ErrorKind::Server`](crate::ErrorKind::Server) for a response that does not follow the protocol.
    pub fn parse(url: &str, status: u16, body: &[u8]) -> Result<Self> {
        Self::parse_with_retry_after(url, status, body, None)
    }

    /// As [`parse`](Self::parse), with the wait in the header `Retry-After`
    /// ([`http::retry_after`](crate::http::retry_after)), which takes precedence over a wait in the body, as in Capgo's
    /// plugin.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_with_retry_after(url: &str, status: u16, body: &[u8], retry_after: Option<Duration>) -> Result<Self> {
        let server = |problem: String| Error::Server {
            url: url.to_owned(),
            status,
            problem,
        };
        let successful = (200..300).contains(&status);
        let retry_after = match status {
            429 | 503 => retry_after.or_else(|| wait_in_body(body)),
            _ => None,
        };
        let retry_after = retry_after.map(|wait| wait.min(MAX_RETRY_AFTER));
        let is_limited = status == 429 || retry_after.is_some();
        let members: Members = match read(body) {
            Ok(members) => members,
            Err(_) if is_limited => {
                return Ok(Self::Limited {
                    notice: None,
                    retry_after,
                });
            }
            Err(_) if is_markup(body) => return Err(server(WEB_PAGE.to_owned())),
            Err(_) if !successful => return Err(server("the body is not a response of an update server".to_owned())),
            Err(problem) => {
                return Err(server(format!(
                    "the body is not a response of an update server: {problem}"
                )));
            }
        };
        if members.error.is_some() || members.kind.is_some() {
            let notice = read_notice(body).map_err(|problem| server(format!("invalid notice: {problem}")))?;
            return Ok(if is_limited {
                let notice = Some(notice);
                Self::Limited { notice, retry_after }
            } else {
                Self::refused(notice)
            });
        }
        if is_limited {
            return Ok(Self::Limited {
                notice: None,
                retry_after,
            });
        }
        if !successful {
            return Err(server(members.message.map_or_else(String::new, printable)));
        }
        members.into_response(url, status)
    }

    fn refused(notice: Notice) -> Self {
        match notice.kind() {
            StatusKind::UpToDate if notice.version.as_deref() == Some(BUILT_IN) => Self::BuiltIn(Some(notice)),
            StatusKind::UpToDate => Self::UpToDate(notice),
            StatusKind::Blocked => Self::Blocked(notice),
            StatusKind::Failed => Self::Failed(notice),
        }
    }
}

impl Members {
    fn into_response(self, url: &str, status: u16) -> Result<UpdateResponse> {
        let files = self.manifest.unwrap_or_default();
        let archive = self.url.filter(|url| url != NO_ARCHIVE);
        match (self.version, archive) {
            (Some(version), _) if version == BUILT_IN => Ok(UpdateResponse::BuiltIn(None)),
            (Some(version), Some(archive)) => Ok(UpdateResponse::Offer(UpdateOffer {
                version,
                url: archive,
                checksum: self.checksum,
                session_key: self.session_key,
                manifest: files,
                link: self.link,
                comment: self.comment,
            })),
            (version, None) if !files.is_empty() => Err(single_files(version, files.len())),
            (None, None) => Ok(UpdateResponse::Nothing { message: self.message }),
            (version, archive) => Err(Error::Server {
                url: url.to_owned(),
                status,
                problem: match (version, archive) {
                    (Some(version), _) => format!("version {} has no URL", printable(version)),
                    _ => "the response has a URL but no version".to_owned(),
                },
            }),
        }
    }
}

fn single_files(version: Option<String>, files: usize) -> Error {
    Error::Unsupported {
        what: format!(
            "version {}",
            version.map_or_else(|| "without a name".to_owned(), printable)
        ),
        problem: format!(
            "the server offers {files} single files (a delta manifest), not an archive; upload the bundle as a zip too (with \
             Capgo's command: without --delta-only)"
        ),
    }
}

/// The wait in the body of a refusal, in `moreInfo` or beside it.
pub(in crate::update) fn wait_in_body(body: &[u8]) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(default, rename = "moreInfo", deserialize_with = "lenient::if_valid")]
        more_info: Option<MoreInfo>,
        #[serde(default, rename = "retryAfterSeconds", deserialize_with = "lenient::seconds")]
        seconds: Option<u64>,
    }
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    let in_details = refusal.more_info.and_then(|details| details.retry_after_seconds);
    in_details.or(refusal.seconds).map(Duration::from_secs)
}

/// Parses the members of an object.
fn read(body: &[u8]) -> Result<Members, serde_json::Error> {
    // serde also deserializes a struct from an array, but a response must be an object.
    let object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if object {
        serde_json::from_slice(body)
    } else {
        Err(serde::de::Error::custom("expected a JSON object"))
    }
}

/// Parses a notice. Some servers send a kind without a code.
fn read_notice(body: &[u8]) -> Result<Notice, serde_json::Error> {
    #[derive(Deserialize)]
    struct WithoutCode {
        kind: Option<StatusKind>,
        #[serde(default, deserialize_with = "lenient::text")]
        message: String,
    }
    serde_json::from_slice(body).or_else(|error| {
        let without_code: WithoutCode = serde_json::from_slice(body).map_err(|_| error)?;
        let code = match without_code.kind {
            Some(StatusKind::UpToDate) => "no_new_version_available",
            _ => "unknown",
        };
        let mut notice = Notice::new(code, without_code.message);
        notice.stated_kind = without_code.kind.map(super::status_code::ReportedKind::Known);
        Ok(notice)
    })
}

/// A server's text with control characters escaped.
pub(super) fn printable(text: String) -> String {
    if text.contains(char::is_control) {
        return text.escape_debug().to_string();
    }
    text
}
