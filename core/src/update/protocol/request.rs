//! `POST` to the update URL: the device says what it is and what it runs.

use serde::{Deserialize, Serialize};

use super::lenient;

/// The operating system, or what stands in for one.
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
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ios => "ios",
            Self::Android => "android",
            Self::Electron => "electron",
        }
    }
}

/// What a device sends when it asks for an update; the same members lead every other request of the protocol.
///
/// Read, fields may be missing, `null`, or numbers where text is meant; the one who answers says what it cannot do without.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpdateRequest {
    /// `ios`, `android` or `electron`: text, since a server has to answer others too.
    #[serde(deserialize_with = "lenient::text")]
    pub platform: String,
    /// A UUID that names this installation. Servers take it without regard to case.
    #[serde(deserialize_with = "lenient::text")]
    pub device_id: String,
    /// The app's reverse domain.
    #[serde(deserialize_with = "lenient::text")]
    pub app_id: String,
    /// A name the app gave this device, or nothing.
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
    /// Version of the bundle that is running, or [`BUILT_IN`](super::BUILT_IN).
    #[serde(deserialize_with = "lenient::text")]
    pub version_name: String,
    /// Version of the plugin, from which a server concludes what it understands.
    #[serde(deserialize_with = "lenient::text")]
    pub plugin_version: String,
    /// Whether this is an emulator or simulator.
    #[serde(deserialize_with = "lenient::flag")]
    pub is_emulator: bool,
    /// Whether this is a build for users, not for developers.
    #[serde(deserialize_with = "lenient::flag")]
    pub is_prod: bool,
    /// How the app came onto the device, where the plugin knows.
    #[serde(deserialize_with = "lenient::filled", skip_serializing_if = "Option::is_none")]
    pub install_source: Option<String>,
    /// The channel the app was built for.
    #[serde(
        rename = "defaultChannel",
        deserialize_with = "lenient::filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub default_channel: Option<String>,
    /// Capgo's id of the public key in the app, where there is one.
    #[serde(deserialize_with = "lenient::filled", skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}
