//! Who a device is to a server: its configuration, with what the app changed at run time.

use super::facade::Updater;
use super::log_entry::LogEvent;
use super::options::{ServerSource, Source};
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::http::Url;
use crate::keys::VerifyingKeys;
use crate::native::NativeApp;
use crate::store::BundleRef;
use crate::update::UpdateClient;
use crate::update::protocol::{BUILT_IN, UpdateRequest};

/// The settings that apply now.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) app_id: String,
    pub(super) custom_id: String,
    pub(super) channel: Option<String>,
    /// `None`: updates are off.
    pub(super) update_url: Option<Url>,
    /// `None`: there are no reports.
    pub(super) stats_url: Option<Url>,
    pub(super) channel_url: Option<Url>,
}

impl Updater {
    /// The settings that apply now: what the app changed in this process, else what it keeps, else its configuration.
    pub(super) fn identity(&self) -> Result<Identity> {
        let kept = self.settings.load()?;
        let now = self.overrides();
        let options = &self.options;
        let server = match &options.source {
            Source::Server(server) => Some(server),
            Source::Channel(_) => None,
        };
        let url = |now: Option<String>, kept: Option<String>, configured: Option<&Url>| match now.or(kept) {
            Some(text) if text.is_empty() => Ok(None),
            Some(text) => text.parse().map(Some),
            None => Ok(configured.cloned()),
        };
        Ok(Identity {
            app_id: now
                .app_id
                .or(kept.app_id)
                .unwrap_or_else(|| options.device.app_id.clone()),
            custom_id: now.custom_id.or(kept.custom_id).unwrap_or_default(),
            channel: kept.default_channel.or_else(|| options.default_channel.clone()),
            update_url: url(now.update_url, kept.update_url, server.map(|server| &server.url))?,
            stats_url: url(now.stats_url, kept.stats_url, options.stats_url.as_ref())?,
            channel_url: url(
                now.channel_url,
                kept.channel_url,
                server.and_then(|server| server.channel_url.as_ref()),
            )?,
        })
    }

    /// The request of this device, with which every other one begins.
    pub(super) fn device_request(&self, identity: &Identity) -> Result<UpdateRequest> {
        let device = &self.options.device;
        let native = self.native().unwrap_or_else(|| NativeApp::new("", ""));
        let keys = match &self.options.source {
            Source::Server(ServerSource { keys, .. }) => keys.as_ref(),
            Source::Channel(_) => None,
        };
        Ok(UpdateRequest {
            platform: device.platform.as_str().to_owned(),
            device_id: self.store.device_id()?,
            app_id: identity.app_id.clone(),
            custom_id: identity.custom_id.clone(),
            version_build: native.version.as_str().to_owned(),
            version_code: native.build,
            version_os: device.os_version.clone(),
            version_name: self.served_version(),
            plugin_version: device.plugin_version.clone(),
            is_emulator: device.is_emulator,
            is_prod: device.is_production,
            install_source: device.install_source.clone(),
            default_channel: identity.channel.clone(),
            key_id: keys.map(VerifyingKeys::capgo_key_id),
        })
    }

    /// The version that is served, also while another one is previewed, in the words of the protocol.
    pub(super) fn served_version(&self) -> String {
        let version = self.live().and_then(|load| load.version);
        version.unwrap_or_else(|| BUILT_IN.to_owned())
    }

    pub(super) fn served_bundle(&self) -> BundleRef {
        self.shown().map(|load| load.bundle).unwrap_or_default()
    }

    pub(super) fn client<'a>(&'a self, control: &'a crate::progress::Control) -> UpdateClient<'a> {
        UpdateClient::new(&*self.transport, control)
            .with_timeout(self.options.response_timeout)
            .with_cleartext(self.options.download.cleartext)
    }

    /// Changes what the app keeps, and records which settings changed.
    pub(super) fn keep(&self, what: &str, change: impl FnOnce(&mut Settings)) -> Result<()> {
        self.settings.change(change)?;
        self.log
            .write(&self.log.entry(LogEvent::SettingsChanged).with_text(what));
        Ok(())
    }

    /// Records a problem that has no caller.
    pub(super) fn log_problem(&self, during: &str, error: &Error) {
        let entry = self.log.entry(LogEvent::OperationFailed);
        self.log.write(&entry.with_reason(during).with_error(error));
    }
}
