//! Channels of an app.

use serde::Serialize;
use serde_json::Value;

use super::answer::{malformed, rows};
use super::call::{Call, Place};
use super::row::{Row, id, optional_text};
use super::{Api, AppId};
use crate::error::{Error, Result};
use capbundle::http::Idempotency;
use capbundle::http::Method;
use capbundle::progress::Control;

/// A channel of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RemoteChannel {
    /// Its ID in the API.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Whether devices without an assigned channel use it.
    pub public: Option<bool>,
    /// ID of the bundle it serves; `None` for the built-in one, and if the server does not say.
    pub bundle_id: Option<u64>,
    /// Version of the bundle it serves.
    pub version: Option<String>,
}

impl Row for RemoteChannel {
    fn from_json(row: &Value) -> Result<Self, String> {
        let version = row.get("version").filter(|version| !version.is_null());
        let (bundle_id, version) = match version {
            None => (None, None),
            // Some servers name only the version, others only its id.
            Some(Value::String(name)) => (None, Some(name.clone())),
            Some(Value::Number(id)) => (id.as_u64(), None),
            Some(version) => {
                // The built-in bundle has a name and no id.
                let has_id = version.get("id").is_some_and(|id| !id.is_null());
                let bundle_id = has_id.then(|| id(version)).transpose()?;
                (bundle_id, optional_text(version, "name")?)
            }
        };
        Ok(Self {
            id: id(row)?,
            name: optional_text(row, "name")?.ok_or("a channel has no name")?,
            public: row.get("public").and_then(Value::as_bool),
            bundle_id,
            version,
        })
    }

    fn id(&self) -> u64 {
        self.id
    }
}

impl Api {
    /// The channel of this name, if there is one.
    ///
    /// # Errors
    /// The errors of [`Api::bundle`].
    pub fn channel(&self, app: &AppId, name: &str, control: &Control) -> Result<Option<RemoteChannel>> {
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            let problem = "expected the name of a channel";
            return Err(Error::invalid_input(format!("channel {name:?}"), problem));
        }
        let call = Call {
            method: Method::Get,
            place: Place::Channel,
            query: &[("app_id", app.as_str()), ("channel", name)],
            body: None,
            idempotency: Idempotency::Idempotent,
            operation: "look up the channel",
        };
        match self.ask(&call, control, &mut 0) {
            Ok(body) => {
                let url = self.address(Place::Channel, false);
                let channels = rows(body).and_then(|rows| rows.iter().map(RemoteChannel::from_json).collect());
                let channels: Vec<RemoteChannel> = channels.map_err(|problem: String| malformed(&url, &problem))?;
                Ok(channels.into_iter().find(|channel| channel.name == name))
            }
            // Servers respond differently to an unknown name, but list channels in the same way.
            Err(Error::Api(error)) if matches!(error.status, 400 | 404) => {
                for channel in self.channels(app, control) {
                    let channel = channel?;
                    if channel.name == name {
                        return Ok(Some(channel));
                    }
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
