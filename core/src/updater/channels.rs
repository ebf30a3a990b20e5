//! The channel of a device, and other settings that JavaScript changes.

use serde_json::Value;

use super::ReportAction;
use super::call::Call;
use super::facade::Updater;
use super::javascript::CallRejection;
use super::log_entry::LogEvent;
use super::options::{Source, StaticSource};
use super::plugin_event::PluginEvent;
use super::policy::Request;
use crate::channel::ChannelName;
use crate::error::Error;
use crate::http::Url;
use crate::json::JsonObject;
use crate::progress::Control;
use crate::update::protocol::{ChannelOrigin, ChannelResponse, Notice, UpdateRequest};

/// Codes of a server that lets devices not choose this channel.
const PRIVATE: [&str; 2] = ["cannot_update_via_private_channel", "channel_self_set_not_allowed"];

impl Updater {
    /// Chooses a channel, and keeps it.
    pub(super) fn set_channel(
        &self,
        channel: &str,
        triggers_check: bool,
        control: &Control,
    ) -> Result<Value, CallRejection> {
        if !self.options.permissions.set_channel {
            return Err(CallRejection::new(
                "disabled_by_config",
                "setChannel is disabled by configuration",
            ));
        }
        match &self.options.source {
            Source::Server(_) => self.set_channel_of_server(channel, control)?,
            Source::Channel(source) => require_allowed(source, channel)?,
        }
        self.settings
            .change(|settings| settings.default_channel = Some(channel.to_owned()))?;
        self.log
            .write(&self.log.entry(LogEvent::ChannelSet).with_channel(channel));
        self.push_report(ReportAction::SetChannel, &self.served_version());
        self.check_if(triggers_check)?;
        Ok(JsonObject::new().text("status", "ok").done())
    }

    fn set_channel_of_server(&self, channel: &str, control: &Control) -> Result<(), CallRejection> {
        let (url, device) = self.channel_request()?;
        match self.client(control).set_channel(&url, &device, channel)? {
            ChannelResponse::Granted(_) => Ok(()),
            ChannelResponse::Refused(notice) => {
                if PRIVATE.iter().any(|code| notice.error.as_str().contains(code)) {
                    self.emit(PluginEvent::ChannelPrivate {
                        channel: channel.to_owned(),
                        message: notice.message.clone(),
                    });
                }
                Err(refused("SETCHANNEL_FAILED", &notice))
            }
        }
    }

    /// Goes back to the default channel. As in the plugin, the server keeps an override that it stored for the device.
    pub(super) fn unset_channel(&self, triggers_check: bool) -> Result<Value, CallRejection> {
        self.settings.change(|settings| settings.default_channel = None)?;
        self.log.write(&self.log.entry(LogEvent::ChannelUnset));
        self.check_if(triggers_check)?;
        Ok(JsonObject::new().text("status", "ok").done())
    }

    pub(super) fn channel(&self, control: &Control) -> Result<Value, CallRejection> {
        let current = match &self.options.source {
            Source::Channel(source) => {
                let chosen = self.chosen_channel(source)?.release.channel;
                let is_default = chosen == source.channel.release.channel;
                return Ok(JsonObject::new()
                    .text("channel", chosen.as_str())
                    .text("status", if is_default { "default" } else { "override" })
                    .flag("allowSet", self.options.permissions.set_channel)
                    .done());
            }
            Source::Server(_) => {
                let (url, device) = self.channel_request()?;
                self.client(control).channel(&url, &device)?
            }
        };
        match current {
            ChannelResponse::Granted(current) => {
                self.push_report(ReportAction::GetChannel, &self.served_version());
                let status = match current.status {
                    ChannelOrigin::Override => "override",
                    ChannelOrigin::Default => "default",
                };
                let mut answer = JsonObject::new();
                answer.text("channel", &current.channel).text("status", status);
                if let Some(allow_set) = current.allow_set {
                    answer.flag("allowSet", allow_set);
                }
                Ok(answer.done())
            }
            ChannelResponse::Refused(notice) => Err(refused("GETCHANNEL_FAILED", &notice)),
        }
    }

    pub(super) fn list_channels(&self, control: &Control) -> Result<Value, CallRejection> {
        let listed = match &self.options.source {
            Source::Channel(source) => {
                let default = &source.channel.release.channel;
                let allows = self.options.permissions.set_channel;
                let channels = source
                    .channels()
                    .enumerate()
                    .map(|(index, name)| channel_answer(Value::from(index), name.as_str(), name == default, allows));
                return Ok(channels_answer(channels.collect()));
            }
            Source::Server(_) => {
                let (url, device) = self.channel_request()?;
                self.client(control).channels(&url, &device)?
            }
        };
        match listed {
            ChannelResponse::Granted(channels) => {
                let channels = channels.into_iter().map(|channel| {
                    let id = Value::String(channel.id);
                    channel_answer(id, &channel.name, channel.public, channel.allow_self_set)
                });
                Ok(channels_answer(channels.collect()))
            }
            ChannelResponse::Refused(notice) => Err(refused("LISTCHANNELS_FAILED", &notice)),
        }
    }

    fn channel_request(&self) -> Result<(Url, UpdateRequest), CallRejection> {
        let identity = self.identity()?;
        let device = self.device_request(&identity)?;
        let url = identity.channel_url.ok_or_else(|| {
            CallRejection::new(
                "missing_config",
                "no channelUrl: set it in the app's configuration to use channels",
            )
        })?;
        Ok((url, device))
    }

    fn check_if(&self, is_wanted: bool) -> Result<(), Error> {
        if is_wanted {
            self.request(Request::CheckNow)?;
        }
        Ok(())
    }

    /// Changes a setting that the app's configuration lets JavaScript change.
    pub(super) fn change_setting(&self, call: Call) -> Result<Value, CallRejection> {
        let permissions = &self.options.permissions;
        match call {
            Call::SetCustomId { custom_id } => {
                let custom_id = Some(custom_id).filter(|id| !id.is_empty());
                self.change_overrides(|overrides| overrides.custom_id = Some(custom_id.clone().unwrap_or_default()));
                if permissions.keep_custom_id {
                    self.keep("customId", |settings| settings.custom_id = custom_id)?;
                }
            }
            Call::SetUpdateUrl { url } => {
                let url = self.checked_url("setUpdateUrl", url)?;
                self.change_overrides(|overrides| overrides.update_url = Some(url.clone()));
                if permissions.keep_urls {
                    self.keep("updateUrl", |settings| settings.update_url = Some(url))?;
                }
            }
            Call::SetStatsUrl { url } => {
                let url = self.checked_url("setStatsUrl", url)?;
                self.reports.set_on(!url.is_empty());
                self.change_overrides(|overrides| overrides.stats_url = Some(url.clone()));
                if permissions.keep_urls {
                    self.keep("statsUrl", |settings| settings.stats_url = Some(url))?;
                }
            }
            Call::SetChannelUrl { url } => {
                let url = self.checked_url("setChannelUrl", url)?;
                self.change_overrides(|overrides| overrides.channel_url = Some(url.clone()));
                if permissions.keep_urls {
                    self.keep("channelUrl", |settings| settings.channel_url = Some(url))?;
                }
            }
            Call::SetAppId(_) if !permissions.modify_app_id => {
                return Err(CallRejection::new("not_allowed", "setAppId not allowed"));
            }
            Call::SetAppId(app_id) => {
                self.change_overrides(|overrides| overrides.app_id = Some(app_id.to_string()));
            }
            _ => return Err(CallRejection::new("internal", "not a setting")),
        }
        Ok(JsonObject::new().done())
    }

    /// An address that requests may go to; empty to turn them off.
    fn checked_url(&self, method: &str, url: String) -> Result<String, CallRejection> {
        if !self.options.permissions.modify_urls {
            return Err(CallRejection::new("not_allowed", format!("{method} not allowed")));
        }
        if !url.is_empty() {
            url.parse::<Url>()?;
        }
        Ok(url)
    }
}

fn channel_answer(id: Value, name: &str, is_public: bool, allows: bool) -> Value {
    JsonObject::new()
        .value("id", id)
        .text("name", name)
        .flag("public", is_public)
        .flag("allow_self_set", allows)
        .done()
}

fn channels_answer(channels: Vec<Value>) -> Value {
    JsonObject::new().value("channels", Value::Array(channels)).done()
}

fn require_allowed(source: &StaticSource, channel: &str) -> Result<(), CallRejection> {
    if source.channels().any(|name| name.as_str() == channel) {
        return Ok(());
    }
    let names: Vec<_> = source.channels().map(ChannelName::as_str).collect();
    let message = format!(
        "this app does not allow the channel {channel}; it allows {}",
        names.join(", ")
    );
    Err(CallRejection {
        server_code: Some("channel_not_found".to_owned()),
        ..CallRejection::new("SETCHANNEL_FAILED", message)
    })
}

fn refused(code: &str, notice: &Notice) -> CallRejection {
    let message = if notice.message.is_empty() {
        notice.error.as_str()
    } else {
        notice.message.as_str()
    };
    CallRejection {
        server_code: Some(notice.error.as_str().to_owned()),
        ..CallRejection::new(code, message)
    }
}
