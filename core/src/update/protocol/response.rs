//! What an update server answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lenient;
use super::status_code::{Notice, StatusKind};
use crate::error::{Error, Result};
use crate::http::download::{WEB_PAGE, is_text};

/// Capgo's word for the bundle inside the native app, as a version.
pub const BUILT_IN: &str = "builtin";

/// What Capgo's server puts in the place of a URL when it offers single files only.
pub const NO_ARCHIVE: &str = "https://404.capgo.app/no.zip";

/// The longest that a server may ask a device to keep silent; Capgo's plugin has the same bound.
const LONGEST_SILENCE: Duration = Duration::from_secs(24 * 3600);

/// Every answer of an update server that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateResponse {
    /// A bundle.
    Offer(UpdateOffer),
    /// Go back to the bundle in the native app, or stay there. Self-hosted servers say it with a bare version, Capgo's with a
    /// notice, which its plugin does not act upon.
    BuiltIn(Option<Notice>),
    /// The device has what it should have.
    UpToDate(Notice),
    /// A rule of the channel keeps the bundle from this device.
    Blocked(Notice),
    /// Something is wrong with the request or with the app on the server.
    Failed(Notice),
    /// The device asks too often, or asks the wrong server.
    Limited {
        /// What the server said, if it said anything.
        notice: Option<Notice>,
        /// How long to keep silent, where the body says so (the header `Retry-After` may say it too); at most a day.
        retry_after: Option<Duration>,
    },
    /// Neither a bundle nor a code, such as `{}`. Many self-hosted servers mean "nothing new"; Capgo's plugin reports a failed
    /// download.
    Nothing {
        /// What the server said, if it said anything.
        message: Option<String>,
    },
}

/// A bundle on offer, as it is sent. Nothing of it is trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateOffer {
    /// Version of the bundle.
    pub version: String,
    /// Where the archive is.
    pub url: String,
    /// SHA-256 in hex, or signed. Never empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// `ivSessionKey` of an encrypted archive. Never empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// The files of the bundle one by one, for devices that have some of them already. This library takes archives only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub manifest: Vec<ManifestEntry>,
    /// Where people read more about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// What people say about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// One file of a bundle; any member may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ManifestEntry {
    /// Its path in the bundle; `.br` at the end means Brotli.
    #[serde(default)]
    pub file_name: Option<String>,
    /// SHA-256 of the plain file in hex, or signed.
    #[serde(default)]
    pub file_hash: Option<String>,
    /// Where it is.
    #[serde(default)]
    pub download_url: Option<String>,
}

/// All members that any answer may have.
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
    /// Reads an answer: the HTTP status and the whole body, which the caller has bounded.
    ///
    /// `asked` is whom was asked, for the error; without a query, which may be confidential.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a bundle that comes as single files only,
    /// [`ErrorKind::Server`](crate::ErrorKind::Server) for what is no answer of this protocol.
    pub fn parse(asked: &str, status: u16, body: &[u8]) -> Result<Self> {
        let server = |problem: String| Error::Server {
            url: asked.to_owned(),
            status,
            problem,
        };
        let successful = (200..300).contains(&status);
        let members: Members = match read(body) {
            Ok(members) => members,
            Err(_) if status == 429 => return Ok(Self::limited(None)),
            Err(_) if !successful => return Err(server("and no word of an update server".to_owned())),
            Err(_) if is_text(body) => return Err(server(WEB_PAGE.to_owned())),
            Err(problem) => return Err(server(format!("not with what update servers say: {problem}"))),
        };
        if members.error.is_some() || members.kind.is_some() {
            let notice =
                read_notice(body).map_err(|problem| server(format!("with a refusal that is none: {problem}")))?;
            return Ok(Self::refused(status, notice));
        }
        if status == 429 {
            return Ok(Self::limited(None));
        }
        if !successful {
            return Err(server(members.message.map_or_else(String::new, printable)));
        }
        members.into_answer(asked, status)
    }

    fn refused(status: u16, notice: Notice) -> Self {
        if status == 429 {
            return Self::limited(Some(notice));
        }
        match notice.kind() {
            StatusKind::UpToDate if notice.version.as_deref() == Some(BUILT_IN) => Self::BuiltIn(Some(notice)),
            StatusKind::UpToDate => Self::UpToDate(notice),
            StatusKind::Blocked => Self::Blocked(notice),
            StatusKind::Failed => Self::Failed(notice),
        }
    }

    fn limited(notice: Option<Notice>) -> Self {
        let stated = notice
            .as_ref()
            .and_then(|notice| notice.more_info.as_ref()?.retry_after_seconds);
        let retry_after = stated.map(|seconds| Duration::from_secs(seconds).min(LONGEST_SILENCE));
        Self::Limited { notice, retry_after }
    }
}

impl Members {
    fn into_answer(self, asked: &str, status: u16) -> Result<UpdateResponse> {
        let files = self.manifest.unwrap_or_default();
        let url = self.url.filter(|url| url != NO_ARCHIVE);
        match (self.version, url) {
            (Some(version), _) if version == BUILT_IN => Ok(UpdateResponse::BuiltIn(None)),
            (Some(version), Some(url)) => Ok(UpdateResponse::Offer(UpdateOffer {
                version,
                url,
                checksum: self.checksum,
                session_key: self.session_key,
                manifest: files,
                link: self.link,
                comment: self.comment,
            })),
            (version, None) if !files.is_empty() => Err(single_files(version, files.len())),
            (None, None) => Ok(UpdateResponse::Nothing { message: self.message }),
            (version, url) => Err(Error::Server {
                url: asked.to_owned(),
                status,
                problem: match (version, url) {
                    (Some(version), _) => format!("with version {} and no URL to get it from", printable(version)),
                    _ => "with a URL and no version".to_owned(),
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
            "the server offers it as {files} single files (a delta manifest) and not as an archive; upload it as a zip too \
             (Capgo's command: without --delta-only)"
        ),
    }
}

/// The members of an object.
fn read(body: &[u8]) -> Result<Members, serde_json::Error> {
    // A struct can be read from a JSON array too, member by member; an answer cannot.
    let object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if object {
        serde_json::from_slice(body)
    } else {
        Err(serde::de::Error::custom("no JSON object"))
    }
}

/// A refusal, which some servers state with a kind alone.
fn read_notice(body: &[u8]) -> Result<Notice, serde_json::Error> {
    #[derive(Deserialize)]
    struct Nameless {
        kind: Option<StatusKind>,
        #[serde(default, deserialize_with = "lenient::text")]
        message: String,
    }
    serde_json::from_slice(body).or_else(|error| {
        let nameless: Nameless = serde_json::from_slice(body).map_err(|_| error)?;
        let code = match nameless.kind {
            Some(StatusKind::UpToDate) => "no_new_version_available",
            _ => "unknown",
        };
        let mut notice = Notice::new(code, nameless.message);
        notice.stated_kind = nameless.kind.map(super::status_code::ReportedKind::Known);
        Ok(notice)
    })
}

/// Text of a server as it may be shown.
fn printable(text: String) -> String {
    if text.contains(char::is_control) {
        return text.escape_debug().to_string();
    }
    text
}
