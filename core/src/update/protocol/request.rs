//! The update request: a `POST` to the update URL with the device and its running bundle.

use serde::{Deserialize, Serialize};

use super::lenient;

use crate::setters::setters;

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
    /// Capgo's id of the public key in the app, if any; of several, that of the
    /// [first](crate::keys::VerifyingKeys::capgo_key_id).
    #[serde(deserialize_with = "lenient::filled", skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

impl UpdateRequest {
    setters! {
        with_platform(platform: impl Into<String>);
        with_device_id(device_id: impl Into<String>);
        with_app_id(app_id: impl Into<String>);
        with_custom_id(custom_id: impl Into<String>);
        with_version_build(version_build: impl Into<String>);
        with_version_code(version_code: impl Into<String>);
        with_version_os(version_os: impl Into<String>);
        with_version_name(version_name: impl Into<String>);
        with_plugin_version(plugin_version: impl Into<String>);
        with_is_emulator(is_emulator: bool);
        with_is_prod(is_prod: bool);
        with_install_source(install_source: impl Into<Option<String>>);
        with_default_channel(default_channel: impl Into<Option<String>>);
        with_key_id(key_id: impl Into<Option<String>>);
    }
}
