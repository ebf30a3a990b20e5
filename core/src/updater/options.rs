//! The settings of an updater: where updates come from, and what the app allows.

use std::time::Duration;

use super::policy::PolicyOptions;
use crate::capgo::ChecksumForm;
use crate::channel::ChannelName;
use crate::error::{Error, Result};
use crate::http::Url;
use crate::http::download::DownloadOptions;
use crate::keys::VerifyingKeys;
use crate::store::{ChannelSource, RequiredProof, Store};
use crate::update::protocol::Platform;

/// Capgo's `responseTimeout`.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

/// Where updates come from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Source {
    /// A server that speaks Capgo's update protocol.
    Server(ServerSource),
    /// Signed releases as plain files.
    Channel(StaticSource),
}

/// A server that speaks Capgo's update protocol.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerSource {
    /// Where a device asks, Capgo's `updateUrl`.
    pub url: Url,
    /// Where it chooses a channel, Capgo's `channelUrl`.
    pub channel_url: Option<Url>,
    /// The public keys one of which must have signed and encrypted every bundle. `None`: the server sends a digest.
    pub keys: Option<VerifyingKeys>,
    /// The form of signed checksums.
    pub form: ChecksumForm,
    /// Also accept archives that are signed and not encrypted.
    pub allow_unencrypted: bool,
    /// Also accept bundles without a checksum from an `https` URL. Only without keys.
    pub allow_unverified_https: bool,
}

impl ServerSource {
    /// The server at this URL, which sends the digest of each bundle.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            channel_url: None,
            keys: None,
            form: ChecksumForm::V3,
            allow_unencrypted: false,
            allow_unverified_https: false,
        }
    }

    /// Sets where a device chooses its channel.
    #[must_use]
    pub fn with_channel_url(mut self, url: Option<Url>) -> Self {
        self.channel_url = url;
        self
    }

    /// Requires every bundle to be signed and encrypted by one of these keys.
    #[must_use]
    pub fn with_keys(mut self, keys: impl Into<VerifyingKeys>) -> Self {
        self.keys = Some(keys.into());
        self
    }

    /// Sets the form of signed checksums.
    #[must_use]
    pub fn with_form(mut self, form: ChecksumForm) -> Self {
        self.form = form;
        self
    }

    /// Also accepts archives that are signed and not encrypted.
    #[must_use]
    pub fn allowing_unencrypted(mut self) -> Self {
        self.allow_unencrypted = true;
        self
    }

    /// Also accepts bundles without a checksum from an `https` URL. **An attacker who controls the server, the bucket
    /// or the CDN then runs code in the app.** Has no effect with keys.
    #[must_use]
    pub fn allowing_unverified_https(mut self) -> Self {
        self.allow_unverified_https = true;
        self
    }
}

/// Signed releases as plain files.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StaticSource {
    /// The site, the default channel, and which releases are accepted.
    pub channel: ChannelSource,
    /// The other channels that the app may choose. No server adds to them.
    pub allowed: Vec<ChannelName>,
}

impl StaticSource {
    /// This channel, and no other.
    #[must_use]
    pub fn new(channel: ChannelSource) -> Self {
        Self {
            channel,
            allowed: Vec::new(),
        }
    }

    /// Lets the app choose these channels as well.
    #[must_use]
    pub fn with_allowed(mut self, channels: impl IntoIterator<Item = ChannelName>) -> Self {
        self.allowed.extend(channels);
        self
    }

    /// The channels that the app may choose, the default first.
    pub(super) fn channels(&self) -> impl Iterator<Item = &ChannelName> {
        let default = &self.channel.release.channel;
        std::iter::once(default).chain(self.allowed.iter().filter(move |name| *name != default))
    }
}

/// What an updater tells servers about the device and the native app.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// The platform.
    pub platform: Platform,
    /// The app's reverse domain.
    pub app_id: String,
    /// Version of the operating system.
    pub os_version: String,
    /// Version of the plugin, from which a server derives its capabilities.
    pub plugin_version: String,
    /// Whether the device is an emulator or simulator.
    pub is_emulator: bool,
    /// Whether the app is a production build.
    pub is_production: bool,
    /// How the app was installed, if known.
    pub install_source: Option<String>,
}

impl DeviceInfo {
    /// A real device with a production build of this app.
    #[must_use]
    pub fn new(platform: Platform, app_id: impl Into<String>) -> Self {
        Self {
            platform,
            app_id: app_id.into(),
            os_version: String::new(),
            plugin_version: env!("CARGO_PKG_VERSION").to_owned(),
            is_emulator: false,
            is_production: true,
            install_source: None,
        }
    }

    /// Sets the version of the operating system.
    #[must_use]
    pub fn with_os_version(mut self, version: impl Into<String>) -> Self {
        self.os_version = version.into();
        self
    }

    /// Sets the version of the plugin.
    #[must_use]
    pub fn with_plugin_version(mut self, version: impl Into<String>) -> Self {
        self.plugin_version = version.into();
        self
    }

    /// Sets whether the device is an emulator, and whether the app is a production build.
    #[must_use]
    pub fn with_build(mut self, is_emulator: bool, is_production: bool) -> Self {
        self.is_emulator = is_emulator;
        self.is_production = is_production;
        self
    }

    /// Sets how the app was installed.
    #[must_use]
    pub fn with_install_source(mut self, source: Option<String>) -> Self {
        self.install_source = source;
        self
    }
}

/// What JavaScript may change at run time, and what of it outlives a start. The defaults are those of Capgo's plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an option of the plugin's configuration"
)]
pub struct Permissions {
    /// `allowModifyUrl`.
    pub modify_urls: bool,
    /// `persistModifyUrl`.
    pub keep_urls: bool,
    /// `allowModifyAppId`.
    pub modify_app_id: bool,
    /// `persistCustomId`.
    pub keep_custom_id: bool,
    /// `allowSetDefaultChannel`.
    pub set_channel: bool,
}

impl Default for Permissions {
    fn default() -> Self {
        Self {
            modify_urls: false,
            keep_urls: false,
            modify_app_id: false,
            keep_custom_id: false,
            set_channel: true,
        }
    }
}

/// The settings of an [`Updater`](super::Updater). No server can change them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpdaterOptions {
    /// Where updates come from.
    pub source: Source,
    /// When to check and when to apply.
    pub policy: PolicyOptions,
    /// The device as servers see it.
    pub device: DeviceInfo,
    /// Where reports go, Capgo's `statsUrl`. `None`: no reports.
    pub stats_url: Option<Url>,
    /// The channel that the device asks for, Capgo's `defaultChannel`. Of a static source, one that it allows.
    pub default_channel: Option<String>,
    /// What JavaScript may change.
    pub permissions: Permissions,
    /// How to download.
    pub download: DownloadOptions,
    /// How long a server may be silent, Capgo's `responseTimeout`. 20 s.
    pub response_timeout: Duration,
}

impl UpdaterOptions {
    /// Updates from this source, for this device: no reports, and the defaults of Capgo's plugin.
    #[must_use]
    pub fn new(source: Source, policy: PolicyOptions, device: DeviceInfo) -> Self {
        Self {
            source,
            policy,
            device,
            stats_url: None,
            default_channel: None,
            permissions: Permissions::default(),
            download: DownloadOptions::default(),
            response_timeout: RESPONSE_TIMEOUT,
        }
    }

    /// Sets where reports go.
    #[must_use]
    pub fn with_stats_url(mut self, url: Option<Url>) -> Self {
        self.stats_url = url;
        self
    }

    /// Sets the channel that the device asks for.
    #[must_use]
    pub fn with_default_channel(mut self, channel: Option<String>) -> Self {
        self.default_channel = channel;
        self
    }

    /// Sets what JavaScript may change.
    #[must_use]
    pub fn with_permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = permissions;
        self
    }

    /// Sets how to download.
    #[must_use]
    pub fn with_download(mut self, download: DownloadOptions) -> Self {
        self.download = download;
        self
    }

    /// Sets how long a server may be silent.
    #[must_use]
    pub fn with_response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    pub(super) fn validate(&self, store: &Store) -> Result<()> {
        let required = store.required_proof();
        let problem = match (&self.source, required) {
            (Source::Server(_), RequiredProof::Release) => {
                "the store requires signed releases, which an update server does not send: use a static channel, or another \
                 required proof"
            }
            (Source::Server(server), RequiredProof::CapgoSigned(_)) if server.keys.is_none() => {
                "the store requires bundles signed by a key, and the source of updates has none: pass the same keys to both"
            }
            (Source::Server(server), _) if server.keys.is_some() && server.allow_unverified_https => {
                "bundles without a checksum cannot be allowed together with keys"
            }
            _ => return Ok(()),
        };
        Err(Error::invalid_input("updater", problem))
    }
}
