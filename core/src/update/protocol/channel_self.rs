//! A device chooses, reads and lists channels.
//!
//! `POST` and `PUT` carry a [`ChannelRequest`] as JSON, `DELETE` and `GET` carry it in the query. A refusal comes with status 200
//! and is a [`Notice`]; read an answer as `Result`-like [`ChannelResponse`].

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::lenient;
use super::request::UpdateRequest;
use super::status_code::Notice;
use crate::error::{Error, Result};
use crate::http::download::{WEB_PAGE, is_text};

/// A device asks for its channel, or for another one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelRequest {
    /// Who asks.
    #[serde(flatten)]
    pub device: UpdateRequest,
    /// The channel it wants to be in; with `POST` only.
    #[serde(
        default,
        deserialize_with = "lenient::filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub channel: Option<String>,
}

/// The answer to a channel request: what was asked for, or why not.
///
/// Codes: `missing_channel`, `cannot_override`, `channel_not_found`, `channel_self_set_not_allowed`,
/// `public_channel_self_set_not_allowed`, `override_not_allowed`, `on_premise_app`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelResponse<T> {
    /// What was asked for.
    Granted(T),
    /// Why not.
    Refused(Notice),
}

/// `POST` and `DELETE`: the device is in the channel it asked for, or in none of its own choice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSet {
    /// `ok`.
    pub status: String,
    /// Whether devices may choose the channel themselves; newer plugins are told.
    #[serde(default, rename = "allowSet", skip_serializing_if = "Option::is_none")]
    pub allow_set: Option<bool>,
}

/// `PUT`: the channel the device is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentChannel {
    /// Its name.
    pub channel: String,
    /// How the device came into it.
    pub status: ChannelOrigin,
    /// Whether devices may choose the channel themselves; newer plugins are told.
    #[serde(default, rename = "allowSet", skip_serializing_if = "Option::is_none")]
    pub allow_set: Option<bool>,
}

/// How a device came into its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ChannelOrigin {
    /// It was put there, by itself or by the server.
    Override,
    /// It is the channel of every device that is in no other.
    Default,
}

/// `GET`: one of the channels that devices may choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelInfo {
    /// Its number; newer servers send a UUID.
    #[serde(deserialize_with = "lenient::text")]
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether devices are in it without choosing.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub public: bool,
    /// Whether devices may choose it.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub allow_self_set: bool,
}

impl<T: DeserializeOwned> ChannelResponse<T> {
    /// Reads an answer: the HTTP status and the whole body. `asked` is whom was asked, without a query.
    ///
    /// # Errors
    /// [`ErrorKind::Server`](crate::ErrorKind::Server) for what is no answer of this protocol.
    pub fn parse(asked: &str, status: u16, body: &[u8]) -> Result<Self> {
        if let Ok(notice) = serde_json::from_slice::<Notice>(body) {
            return Ok(Self::Refused(notice));
        }
        let server = |problem: String| Error::Server {
            url: asked.to_owned(),
            status,
            problem,
        };
        if !(200..300).contains(&status) {
            return Err(server("and no word of an update server".to_owned()));
        }
        if is_text(body) {
            return Err(server(WEB_PAGE.to_owned()));
        }
        let granted = serde_json::from_slice(body);
        granted
            .map(Self::Granted)
            .map_err(|problem| server(format!("not with what update servers say of channels: {problem}")))
    }
}
