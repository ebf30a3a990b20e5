//! Responses of an update server.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lenient::whole_seconds;
use super::members::{self, FromResponse, Members};
use super::status_code::{Notice, ReportedKind, StatusKind};
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

impl ManifestEntry {
    /// The file of this name and hash at this URL.
    #[must_use]
    pub fn new(file_name: impl Into<String>, file_hash: impl Into<String>, download_url: impl Into<String>) -> Self {
        Self {
            file_name: Some(file_name.into()),
            file_hash: Some(file_hash.into()),
            download_url: Some(download_url.into()),
        }
    }
}

/// The members of an offer, and of an empty response.
struct Offered {
    version: Option<String>,
    url: Option<String>,
    checksum: Option<String>,
    session_key: Option<String>,
    manifest: Vec<ManifestEntry>,
    link: Option<String>,
    comment: Option<String>,
    message: Option<String>,
}

impl FromResponse for Offered {
    fn from_response(value: &Value) -> Result<Self, String> {
        let members = Members::of(value)?;
        Ok(Self {
            version: members.filled("version")?,
            url: members.filled("url")?,
            checksum: members.filled("checksum")?,
            session_key: members.filled("session_key")?,
            manifest: members.list("manifest")?.unwrap_or_default(),
            link: members.filled("link")?,
            comment: members.filled("comment")?,
            message: members.filled("message")?,
        })
    }
}

impl FromResponse for ManifestEntry {
    fn from_response(value: &Value) -> Result<Self, String> {
        let members = Members::of(value)?;
        Ok(Self {
            file_name: members.string_if_any("file_name")?,
            file_hash: members.string_if_any("file_hash")?,
            download_url: members.string_if_any("download_url")?,
        })
    }
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
        let parsed =
            members::parse(body).and_then(|value| Ok((Offered::from_response(&value)?, is_notice(&value)?, value)));
        let (offered, is_notice, value) = match parsed {
            Ok(parsed) => parsed,
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
        if is_notice {
            let notice = read_notice(&value).map_err(|problem| server(format!("invalid notice: {problem}")))?;
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
            return Err(server(offered.message.map_or_else(String::new, printable)));
        }
        offered.into_response(url, status)
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

impl Offered {
    fn into_response(self, url: &str, status: u16) -> Result<UpdateResponse> {
        let files = self.manifest;
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
    let value = members::parse(body).ok()?;
    let seconds = |value: &Value| value.get("retryAfterSeconds").and_then(whole_seconds);
    let in_details = value.get("moreInfo").and_then(seconds);
    in_details.or_else(|| seconds(&value)).map(Duration::from_secs)
}

/// Whether a response has the code or the kind of a notice.
fn is_notice(value: &Value) -> Result<bool, String> {
    let members = Members::of(value)?;
    Ok(members.filled("error")?.is_some() || members.filled("kind")?.is_some())
}

/// Reads a notice. Some servers send a kind without a code.
fn read_notice(value: &Value) -> Result<Notice, String> {
    let members = Members::of(value)?;
    if members.find("error").is_some() {
        return Notice::from_response(value);
    }
    let word = members.string("kind")?;
    let Some(kind) = StatusKind::of_word(&word) else {
        return Err("error is missing".to_owned());
    };
    let code = match kind {
        StatusKind::UpToDate => "no_new_version_available",
        _ => "unknown",
    };
    let mut notice = Notice::new(code, members.text("message")?);
    notice.stated_kind = Some(ReportedKind::Known(kind));
    Ok(notice)
}

/// A server's text with control characters escaped.
pub(super) fn printable(text: String) -> String {
    if text.contains(char::is_control) {
        return text.escape_debug().to_string();
    }
    text
}
