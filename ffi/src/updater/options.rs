//! Options of an updater, which the app decides and no server can change.

use capbundle_core::keys::VerifyingKeys;
use capbundle_core::update::protocol as wire;
use capbundle_core::updater as core;
use capbundle_core::updater::CheckPeriod;

use crate::capgo::ChecksumForm;
use crate::catch_panic::catch_panic;
use crate::convert::milliseconds;
use crate::download::DownloadOptions;
use crate::error::{Result, invalid_input};
use crate::store::channel::ChannelSource;

/// When updates are looked for and applied: `autoUpdate` of Capgo's plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum UpdateMode {
    /// Nothing happens automatically.
    Off,
    /// Check whenever the app becomes visible, and apply an update when the app goes to the background.
    AtBackground,
    /// Apply it at once in the first check after an installation or update of the native app, else as `AtBackground`.
    AtInstall,
    /// Apply it at once in the first check after the process started, else as `AtBackground`.
    OnLaunch,
    /// Apply it at once.
    Always,
    /// Check and download, and leave the update to the app.
    OnlyDownload,
}

impl UpdateMode {
    fn to_core(self) -> core::UpdateMode {
        match self {
            Self::Off => core::UpdateMode::Off,
            Self::AtBackground => core::UpdateMode::AtBackground,
            Self::AtInstall => core::UpdateMode::AtInstall,
            Self::OnLaunch => core::UpdateMode::OnLaunch,
            Self::Always => core::UpdateMode::Always,
            Self::OnlyDownload => core::UpdateMode::OnlyDownload,
        }
    }

    fn from_core(mode: core::UpdateMode) -> Result<Self> {
        Ok(match mode {
            core::UpdateMode::Off => Self::Off,
            core::UpdateMode::AtBackground => Self::AtBackground,
            core::UpdateMode::AtInstall => Self::AtInstall,
            core::UpdateMode::OnLaunch => Self::OnLaunch,
            core::UpdateMode::Always => Self::Always,
            core::UpdateMode::OnlyDownload => Self::OnlyDownload,
            _ => return Err(invalid_input("autoUpdate", "unknown to this version of the bindings")),
        })
    }
}

/// The mode of an app's configuration, from `autoUpdate` and the deprecated `directUpdate` of
/// `capacitor.config.json`: each the JSON of its value (`true`, `"onLaunch"`), or nothing if it is absent.
///
/// Throws `InvalidInput` for a value that Capgo's plugin does not document, and lists those that it does.
#[uniffi::export(default(auto_update = None, direct_update = None))]
pub fn update_mode(auto_update: Option<String>, direct_update: Option<String>) -> Result<UpdateMode> {
    catch_panic(|| {
        let parsed = |name: &str, json: Option<String>| {
            json.map(|text| {
                serde_json::from_str(&text).map_err(|error| invalid_input(name, format!("not JSON: {error}")))
            })
            .transpose()
        };
        let (auto, direct): (Option<serde_json::Value>, _) = (
            parsed("autoUpdate", auto_update)?,
            parsed("directUpdate", direct_update)?,
        );
        UpdateMode::from_core(core::UpdateMode::from_config(auto.as_ref(), direct.as_ref())?)
    })
}

/// A server that speaks Capgo's update protocol.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ServerSource {
    /// Where a device asks, Capgo's `updateUrl`.
    pub url: String,
    /// Where it chooses a channel, Capgo's `channelUrl`.
    #[uniffi(default = None)]
    pub channel_url: Option<String>,
    /// The key that must have signed and encrypted every bundle, as PEM text; or several, up to four, one PEM block
    /// after the other. Without it the server sends a digest. The store's `requiredProof` needs the same.
    #[uniffi(default = None)]
    pub public_key: Option<String>,
    /// The form of signed checksums. The default is `V3`.
    #[uniffi(default = None)]
    pub form: Option<ChecksumForm>,
    /// Also accept archives that are signed and not encrypted.
    #[uniffi(default = false)]
    pub allow_unencrypted: bool,
    /// Also accept bundles without a checksum from an `https` URL: a person who controls the server, the bucket or
    /// the CDN then runs code in the app. Not together with a key.
    #[uniffi(default = false)]
    pub allow_unverified_https: bool,
}

impl ServerSource {
    fn into_core(self) -> Result<core::ServerSource> {
        let channel_url = self.channel_url.map(|url| url.parse()).transpose()?;
        let mut source = core::ServerSource::new(self.url.parse()?).with_channel_url(channel_url);
        if let Some(pem) = &self.public_key {
            source = source.with_keys(VerifyingKeys::from_pem(pem)?);
        }
        if let Some(form) = self.form {
            source = source.with_form(form.into());
        }
        if self.allow_unencrypted {
            source = source.allowing_unencrypted();
        }
        if self.allow_unverified_https {
            source = source.allowing_unverified_https();
        }
        Ok(source)
    }
}

/// Where updates come from.
#[derive(Debug, Clone, uniffi::Enum)]
pub enum UpdateSource {
    /// A server that speaks Capgo's update protocol.
    Server {
        /// The server.
        server: ServerSource,
    },
    /// Signed releases as plain files.
    Channel {
        /// The site, the default channel, and which releases are accepted.
        channel: ChannelSource,
        /// The other channels that the app may choose. No server adds to them.
        allowed: Vec<String>,
    },
}

impl UpdateSource {
    fn into_core(self) -> Result<core::Source> {
        Ok(match self {
            Self::Server { server } => core::Source::Server(server.into_core()?),
            Self::Channel { channel, allowed } => {
                let allowed: std::result::Result<Vec<_>, _> = allowed.iter().map(|name| name.parse()).collect();
                core::Source::Channel(core::StaticSource::new(channel.into_core()?).with_allowed(allowed?))
            }
        })
    }
}

/// The platform, as servers know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum Platform {
    /// Android.
    Android,
    /// iPhones and iPads.
    Ios,
    /// A desktop app.
    Electron,
}

impl Platform {
    fn to_core(self) -> wire::Platform {
        match self {
            Self::Android => wire::Platform::Android,
            Self::Ios => wire::Platform::Ios,
            Self::Electron => wire::Platform::Electron,
        }
    }
}

/// What servers learn about the device and the native app.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DeviceInfo {
    /// The platform.
    pub platform: Platform,
    /// The app's reverse domain.
    pub app_id: String,
    /// Version of the operating system.
    #[uniffi(default = "")]
    pub os_version: String,
    /// Version of the plugin, from which a server derives its capabilities. The default is the version of this
    /// library.
    #[uniffi(default = None)]
    pub plugin_version: Option<String>,
    /// Whether the device is an emulator or simulator.
    #[uniffi(default = false)]
    pub is_emulator: bool,
    /// Whether the app is a production build.
    #[uniffi(default = true)]
    pub is_production: bool,
    /// How the app was installed, if known.
    #[uniffi(default = None)]
    pub install_source: Option<String>,
}

impl DeviceInfo {
    pub(super) fn into_core(self) -> core::DeviceInfo {
        let device = core::DeviceInfo::new(self.platform.to_core(), self.app_id)
            .with_os_version(self.os_version)
            .with_build(self.is_emulator, self.is_production)
            .with_install_source(self.install_source);
        match self.plugin_version {
            Some(version) => device.with_plugin_version(version),
            None => device,
        }
    }
}

/// What JavaScript may change at run time, and what of it outlives a start. The defaults are those of Capgo's plugin.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an option of Capgo's plugin, by its name"
)]
pub struct Permissions {
    /// `allowModifyUrl`.
    #[uniffi(default = false)]
    pub modify_urls: bool,
    /// `persistModifyUrl`.
    #[uniffi(default = false)]
    pub keep_urls: bool,
    /// `allowModifyAppId`.
    #[uniffi(default = false)]
    pub modify_app_id: bool,
    /// `persistCustomId`.
    #[uniffi(default = false)]
    pub keep_custom_id: bool,
    /// `allowSetDefaultChannel`.
    #[uniffi(default = true)]
    pub set_channel: bool,
    /// `allowManualBundleError`: whether JavaScript may mark a bundle as failed.
    #[uniffi(default = false)]
    pub bundle_error: bool,
    /// `allowPreview`: whether JavaScript may preview an installed bundle with `setPreview`.
    #[uniffi(default = false)]
    pub preview: bool,
}

impl Permissions {
    fn to_core(&self) -> core::Permissions {
        let mut permissions = core::Permissions::default();
        permissions.modify_urls = self.modify_urls;
        permissions.keep_urls = self.keep_urls;
        permissions.modify_app_id = self.modify_app_id;
        permissions.keep_custom_id = self.keep_custom_id;
        permissions.set_channel = self.set_channel;
        permissions
    }
}

/// Options of an updater. No server can change them.
#[derive(Debug, Clone, uniffi::Record)]
pub struct UpdaterOptions {
    /// Where updates come from.
    pub source: UpdateSource,
    /// What servers learn about the device.
    pub device: DeviceInfo,
    /// When to check, and when to apply what was installed. See `updateMode` for an app's configuration.
    pub mode: UpdateMode,
    /// Seconds between two checks while the app is visible, Capgo's `periodCheckDelay`: 0 for none, at least 600.
    #[uniffi(default = 0)]
    pub check_period_seconds: i64,
    /// The longest time in milliseconds that the splash screen stays; 0 for as long as it takes. By default the
    /// updater leaves the splash screen alone.
    #[uniffi(default = None)]
    pub splash_timeout_ms: Option<i64>,
    /// Where reports go, Capgo's `statsUrl`. By default no reports are sent.
    #[uniffi(default = None)]
    pub stats_url: Option<String>,
    /// The channel that the device asks for, Capgo's `defaultChannel`. Of a static source, one that it allows.
    #[uniffi(default = None)]
    pub default_channel: Option<String>,
    /// What JavaScript may change.
    #[uniffi(default = None)]
    pub permissions: Option<Permissions>,
    /// How to download.
    #[uniffi(default = None)]
    pub download: Option<DownloadOptions>,
    /// Milliseconds that a server may be silent, Capgo's `responseTimeout`.
    #[uniffi(default = 20000)]
    pub response_timeout_ms: i64,
}

impl UpdaterOptions {
    pub(super) fn into_core(self) -> Result<core::UpdaterOptions> {
        let splash = self
            .splash_timeout_ms
            .map(|time| milliseconds("splashTimeoutMs", time))
            .transpose()?;
        let allowed = self.permissions.as_ref();
        let allows_error = allowed.is_some_and(|permissions| permissions.bundle_error);
        let allows_preview = allowed.is_some_and(|permissions| permissions.preview);
        let policy = core::PolicyOptions::new(self.mode.to_core())
            .with_period(CheckPeriod::from_seconds(self.check_period_seconds))
            .with_splash(splash)
            .with_bundle_error(allows_error)
            .with_preview(allows_preview);
        let permissions = self.permissions.as_ref().map(Permissions::to_core).unwrap_or_default();
        let stats_url = self.stats_url.map(|url| url.parse()).transpose()?;
        Ok(
            core::UpdaterOptions::new(self.source.into_core()?, policy, self.device.into_core())
                .with_stats_url(stats_url)
                .with_default_channel(self.default_channel)
                .with_permissions(permissions)
                .with_download(DownloadOptions::to_core(self.download.as_ref())?)
                .with_response_timeout(milliseconds("responseTimeoutMs", self.response_timeout_ms)?),
        )
    }
}
