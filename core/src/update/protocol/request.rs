//! The update request: a `POST` to the update URL with the device and its running bundle.

use serde::{Deserialize, Serialize};

use super::lenient;

/// The platform of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Platform {
    /// iPhones and iPads.
    Ios,
    /// Android.
    Android,
    /// A desktop app.
    Electron,
}

impl Platform {
    /// The value on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Android => "android",
            Self::Electron => "electron",
        }
    }
}

/// The update request. Every other request of the protocol has the same members.
///
/// Parsing accepts missing members, `null`, and numbers in place of strings; the server decides which members it requires.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct UpdateRequest {
    /// `ios`, `android` or `electron`. A string, because a server must also respond to others.
    #[serde(deserialize_with = "lenient::text")]
    pub platform: String,
    /// The UUID of this installation. Servers ignore its case.
    #[serde(deserialize_with = "lenient::text")]
    pub device_id: String,
    /// The app's reverse domain.
    #[serde(deserialize_with = "lenient::text")]
    pub app_id: String,
    /// A name that the app gave this device, or empty.
    #[serde(deserialize_with = "lenient::text")]
    pub custom_id: String,
    /// Version of the native app, as users see it.
    #[serde(deserialize_with = "lenient::text")]
    pub version_build: String,
    /// Build number of the native app.
    #[serde(deserialize_with = "lenient::text")]
    pub version_code: String,
    /// Version of the operating system.
    #[serde(deserialize_with = "lenient::text")]
    pub version_os: String,
    /// Version of the running bundle, or [`BUILT_IN`](super::BUILT_IN).
    #[serde(deserialize_with = "lenient::text")]
    pub version_name: String,
    /// Version of the plugin, from which a server derives its capabilities.
    #[serde(deserialize_with = "lenient::text")]
    pub plugin_version: String,
    /// Whether the device is an emulator or simulator.
    #[serde(deserialize_with = "lenient::flag")]
    pub is_emulator: bool,
    /// Whether the app is a production build.
    #[serde(deserialize_with = "lenient::flag")]
    pub is_prod: bool,
    /// How the app was installed, if known.
    #[serde(deserialize_with = "lenient::filled", skip_serializing_if = "Option::is_none")]
    pub install_source: Option<String>,
    /// The default channel of the app.
    #[serde(
        rename = "defaultChannel",
        deserialize_with = "lenient::filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub default_channel: Option<String>,
    /// Capgo's id of the public key in the app, if any.
    #[serde(deserialize_with = "lenient::filled", skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

impl UpdateRequest {
    /// Sets [`platform`](Self::platform).
    #[must_use]
    pub fn with_platform(mut self, platform: impl Into<String>) -> Self {
        self.platform = platform.into();
        self
    }

    /// Sets [`device_id`](Self::device_id).
    #[must_use]
    pub fn with_device_id(mut self, device_id: impl Into<String>) -> Self {
        self.device_id = device_id.into();
        self
    }

    /// Sets [`app_id`](Self::app_id).
    #[must_use]
    pub fn with_app_id(mut self, app_id: impl Into<String>) -> Self {
        self.app_id = app_id.into();
        self
    }

    /// Sets [`custom_id`](Self::custom_id).
    #[must_use]
    pub fn with_custom_id(mut self, custom_id: impl Into<String>) -> Self {
        self.custom_id = custom_id.into();
        self
    }

    /// Sets [`version_build`](Self::version_build).
    #[must_use]
    pub fn with_version_build(mut self, version_build: impl Into<String>) -> Self {
        self.version_build = version_build.into();
        self
    }

    /// Sets [`version_code`](Self::version_code).
    #[must_use]
    pub fn with_version_code(mut self, version_code: impl Into<String>) -> Self {
        self.version_code = version_code.into();
        self
    }

    /// Sets [`version_os`](Self::version_os).
    #[must_use]
    pub fn with_version_os(mut self, version_os: impl Into<String>) -> Self {
        self.version_os = version_os.into();
        self
    }

    /// Sets [`version_name`](Self::version_name).
    #[must_use]
    pub fn with_version_name(mut self, version_name: impl Into<String>) -> Self {
        self.version_name = version_name.into();
        self
    }

    /// Sets [`plugin_version`](Self::plugin_version).
    #[must_use]
    pub fn with_plugin_version(mut self, plugin_version: impl Into<String>) -> Self {
        self.plugin_version = plugin_version.into();
        self
    }

    /// Sets [`is_emulator`](Self::is_emulator).
    #[must_use]
    pub fn with_is_emulator(mut self, is_emulator: bool) -> Self {
        self.is_emulator = is_emulator;
        self
    }

    /// Sets [`is_prod`](Self::is_prod).
    #[must_use]
    pub fn with_is_prod(mut self, is_prod: bool) -> Self {
        self.is_prod = is_prod;
        self
    }

    /// Sets [`install_source`](Self::install_source).
    #[must_use]
    pub fn with_install_source(mut self, install_source: impl Into<Option<String>>) -> Self {
        self.install_source = install_source.into();
        self
    }

    /// Sets [`default_channel`](Self::default_channel).
    #[must_use]
    pub fn with_default_channel(mut self, default_channel: impl Into<Option<String>>) -> Self {
        self.default_channel = default_channel.into();
        self
    }

    /// Sets [`key_id`](Self::key_id).
    #[must_use]
    pub fn with_key_id(mut self, key_id: impl Into<Option<String>>) -> Self {
        self.key_id = key_id.into();
        self
    }
}
