//! Channels of an app.

use super::answer::{malformed, rows};
use super::call::{Call, Place};
use super::client::Api;
use super::row::{RemoteChannel, Row as _};
use crate::error::{Error, Result};
use capbundle::AppId;
use capbundle::http::Idempotency;
use capbundle::http::Method;
use capbundle::progress::Control;

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
