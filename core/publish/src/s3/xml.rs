//! The XML documents of S3.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Parses a response. Ignores namespaces and unknown elements.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the response is not UTF-8".to_owned())?;
    // A busy server keeps the connection open with whitespace.
    quick_xml::de::from_str(text.trim_start()).map_err(|error| format!("the response is not valid S3 XML: {error}"))
}

/// The name of the outermost element.
pub(super) fn root(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let mut reader = quick_xml::Reader::from_str(text.trim_start());
    loop {
        match reader.read_event().ok()? {
            quick_xml::events::Event::Start(start) | quick_xml::events::Event::Empty(start) => {
                return Some(start.local_name().as_ref().to_owned());
            }
            quick_xml::events::Event::Eof => return None,
            _ => {}
        }
    }
}

/// An error. Servers fill in different fields.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct XmlError {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
    pub(super) request_time: Option<String>,
    pub(super) server_time: Option<String>,
    pub(super) expires: Option<String>,
}

/// The response to `CreateMultipartUpload`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Created {
    pub(super) upload_id: String,
}

/// The response to `CompleteMultipartUpload`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Completed {
    #[serde(rename = "ETag", default)]
    pub(super) etag: Option<String>,
    #[serde(rename = "ChecksumSHA256", default)]
    pub(super) checksum: Option<String>,
}

/// The response to `ListMultipartUploads`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OpenUploads {
    #[serde(default)]
    pub(super) is_truncated: bool,
    #[serde(default)]
    pub(super) next_key_marker: Option<String>,
    #[serde(default)]
    pub(super) next_upload_id_marker: Option<String>,
    #[serde(rename = "Upload", default)]
    pub(super) uploads: Vec<OpenUpload>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OpenUpload {
    pub(super) key: String,
    pub(super) upload_id: String,
}

/// The response to `ListParts`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Parts {
    #[serde(default)]
    pub(super) is_truncated: bool,
    #[serde(default)]
    pub(super) next_part_number_marker: Option<String>,
    #[serde(rename = "Part", default)]
    pub(super) listed: Vec<ListedPart>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedPart {
    pub(super) part_number: u32,
    #[serde(rename = "ETag")]
    pub(super) etag: String,
    pub(super) size: u64,
    #[serde(rename = "ChecksumSHA256", default)]
    pub(super) checksum: Option<String>,
}

/// The response to `ListObjectsV2`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listing {
    #[serde(default)]
    pub(super) is_truncated: bool,
    #[serde(default)]
    pub(super) next_continuation_token: Option<String>,
    #[serde(default)]
    pub(super) contents: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    pub(super) key: String,
    pub(super) size: u64,
    #[serde(default)]
    pub(super) last_modified: Option<String>,
    #[serde(rename = "ETag", default)]
    pub(super) etag: Option<String>,
}

/// The body of `CompleteMultipartUpload`.
#[derive(Debug, Serialize)]
#[serde(rename = "CompleteMultipartUpload")]
pub(super) struct Complete<'a> {
    #[serde(rename = "Part")]
    pub(super) parts: Vec<CompletePart<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CompletePart<'a> {
    #[serde(rename = "ETag")]
    pub(super) etag: &'a str,
    /// Only if the server confirmed it.
    #[serde(rename = "ChecksumSHA256", skip_serializing_if = "Option::is_none")]
    pub(super) checksum: Option<&'a str>,
    pub(super) part_number: u32,
}

pub(super) fn write(complete: &Complete<'_>) -> Result<Vec<u8>, String> {
    let text = quick_xml::se::to_string(complete).map_err(|error| error.to_string())?;
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests;
