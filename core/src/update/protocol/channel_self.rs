//! Requests of a device to choose, read and list channels.
//!
//! `POST` and `PUT` send a [`ChannelRequest`] as JSON, `DELETE` and `GET` send it in the query. A refusal has status 200 and is a
//! [`Notice`]; parse every response as a [`ChannelResponse`].

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lenient;
use super::members::{self, FromResponse, Members};
use super::request::UpdateRequest;
use super::status_code::Notice;
use crate::error::{Error, Result};
use crate::http::download::{WEB_PAGE, is_markup};
use crate::path::printable;
use crate::setters::setters;

/// A request for the device's channel, or for another channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChannelRequest {
    /// The device.
    #[serde(flatten)]
    pub device: UpdateRequest,
    /// The requested channel; only in `POST`.
    #[serde(
        default,
        deserialize_with = "lenient::filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub channel: Option<String>,
}

impl ChannelRequest {
    /// A request of this device.
    #[must_use]
    pub fn new(device: UpdateRequest) -> Self {
        Self { device, channel: None }
    }

    setters! {
        with_channel(channel: impl Into<Option<String>>);
    }
}

/// The response to a channel request.
///
/// Codes: `missing_channel`, `cannot_override`, `channel_not_found`, `channel_self_set_not_allowed`,
/// `public_channel_self_set_not_allowed`, `override_not_allowed`, `on_premise_app`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelResponse<T> {
    /// The request succeeded.
    Granted(T),
    /// The server refused the request.
    Refused(Notice),
}

/// Response to `POST` and `DELETE`: the device's choice of a channel was set or cleared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChannelSet {
    /// `ok`.
    pub status: String,
    /// Whether devices may choose the channel themselves. Only newer plugins receive it.
    #[serde(default, rename = "allowSet", skip_serializing_if = "Option::is_none")]
    pub allow_set: Option<bool>,
}

impl ChannelSet {
    /// The choice was set or cleared.
    #[must_use]
    pub fn ok() -> Self {
        Self {
            status: "ok".to_owned(),
            allow_set: None,
        }
    }

    setters! {
        with_allow_set(allow_set: impl Into<Option<bool>>);
    }
}

/// Response to `PUT`: the channel of the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CurrentChannel {
    /// The name of the channel.
    pub channel: String,
    /// Why the device is in the channel.
    pub status: ChannelOrigin,
    /// Whether devices may choose the channel themselves. Only newer plugins receive it.
    #[serde(default, rename = "allowSet", skip_serializing_if = "Option::is_none")]
    pub allow_set: Option<bool>,
}

impl CurrentChannel {
    /// The device is in this channel.
    #[must_use]
    pub fn new(channel: impl Into<String>, status: ChannelOrigin) -> Self {
        Self {
            channel: channel.into(),
            status,
            allow_set: None,
        }
    }

    setters! {
        with_allow_set(allow_set: impl Into<Option<bool>>);
    }
}

/// Why a device is in its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ChannelOrigin {
    /// The device or the server selected the channel for this device.
    Override,
    /// The default channel.
    Default,
}

/// Item of the response to `GET`: a channel that devices may choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChannelInfo {
    /// The id: a number, or a UUID on newer servers.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// The name of the channel.
    pub name: String,
    /// Whether it is the default for devices.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub public: bool,
    /// Whether devices may choose it.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub allow_self_set: bool,
}

impl ChannelInfo {
    /// A channel that is not the default, and that devices may not choose.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            public: false,
            allow_self_set: false,
        }
    }

    setters! {
        with_public(public: bool);
        with_allow_self_set(allow_self_set: bool);
    }
}

impl FromResponse for ChannelSet {
    fn from_response(value: &Value) -> Result<Self, String> {
        let members = Members::of(value)?;
        Ok(Self {
            status: members.string("status")?,
            allow_set: members.flag("allowSet")?,
        })
    }
}

impl FromResponse for CurrentChannel {
    fn from_response(value: &Value) -> Result<Self, String> {
        let members = Members::of(value)?;
        Ok(Self {
            channel: members.string("channel")?,
            status: match members.string("status")?.as_str() {
                "override" => ChannelOrigin::Override,
                "default" => ChannelOrigin::Default,
                other => {
                    return Err(format!(
                        "status: expected override or default, found {}",
                        printable(other.as_bytes())
                    ));
                }
            },
            allow_set: members.flag("allowSet")?,
        })
    }
}

impl FromResponse for ChannelInfo {
    fn from_response(value: &Value) -> Result<Self, String> {
        let members = Members::of(value)?;
        if members.find("id").is_none() {
            return Err("id is missing".to_owned());
        }
        Ok(Self {
            id: members.text("id")?,
            name: members.string("name")?,
            public: members.flag("public")?.unwrap_or_default(),
            allow_self_set: members.flag("allow_self_set")?.unwrap_or_default(),
        })
    }
}

impl<T: FromResponse> ChannelResponse<T> {
    /// Parses a response from its HTTP status and its whole body. `url` is for errors; pass it without its query.
    ///
    /// # Errors
    /// [`ErrorKind::Server`](crate::ErrorKind::Server) for a response that does not follow the protocol.
    pub fn parse(url: &str, status: u16, body: &[u8]) -> Result<Self> {
        let parsed = match read_response(status, body) {
            Ok(Parsed::Refusal(notice)) => return Ok(Self::Refused(notice)),
            Ok(Parsed::Other(value)) => T::from_response(&value),
            Err(problem) => Err(problem),
        };
        parsed
            .map(Self::Granted)
            .map_err(|problem| unreadable(url, status, body, &problem))
    }
}

/// A response before it is known what was granted.
enum Parsed {
    Refusal(Notice),
    Other(Value),
}

/// Not generic, so that the types of responses share it.
#[inline(never)]
fn read_response(status: u16, body: &[u8]) -> Result<Parsed, String> {
    let value = members::parse(body)?;
    match Notice::from_response(&value) {
        Ok(notice) => Ok(Parsed::Refusal(notice)),
        Err(_) if (200..300).contains(&status) => Ok(Parsed::Other(value)),
        Err(problem) => Err(problem),
    }
}

#[inline(never)]
fn unreadable(url: &str, status: u16, body: &[u8], problem: &str) -> Error {
    Error::Server {
        url: url.to_owned(),
        status,
        problem: if is_markup(body) {
            WEB_PAGE.to_owned()
        } else if (200..300).contains(&status) {
            format!("the body is not a response about channels: {problem}")
        } else {
            "the body is not a response of an update server".to_owned()
        },
    }
}
