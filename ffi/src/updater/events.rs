//! What an updater tells its host.

use std::fmt;

use capbundle_core::updater as core;

use crate::convert::signed;
use crate::error::Result;
use crate::store::install::path_text;
use crate::store::launch::LaunchReason;
use crate::store::types::BundleRef;

/// What the web view loads.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Load {
    /// Its number. A later one takes the place of an earlier one, also of one that the host has not loaded yet.
    pub id: i64,
    /// The bundle.
    pub bundle: BundleRef,
    /// The folder with its files, which has an `index.html`; nothing for the app's own assets.
    pub folder: Option<String>,
    /// Its version; nothing for the built-in bundle.
    pub version: Option<String>,
    /// Why this one.
    pub reason: LaunchReason,
}

impl Load {
    pub(super) fn from_core(load: &core::Load) -> Result<Self> {
        Ok(Self {
            id: signed(load.id.0),
            bundle: (&load.bundle).into(),
            folder: load.folder.clone().map(path_text).transpose()?,
            version: load.version.clone(),
            reason: (&load.reason).into(),
        })
    }
}

impl fmt::Display for Load {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.as_deref().unwrap_or("the built-in bundle");
        write!(formatter, "load {version}, reason {}", self.reason.name())
    }
}

/// An event for the listeners in JavaScript: the arguments of Capacitor's `notifyListeners`.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct UpdaterEvent {
    /// Its name, as in Capgo's plugin: `download`, `updateAvailable`, `appReady`, …
    pub name: String,
    /// The object that listeners receive, as JSON.
    pub payload: String,
    /// Whether it waits for a listener. A page that was just reloaded adds its listeners after such an event.
    pub retain_until_consumed: bool,
}

impl From<&core::PluginEvent> for UpdaterEvent {
    fn from(event: &core::PluginEvent) -> Self {
        Self {
            name: event.name().to_owned(),
            payload: serde_json::to_string(&event.payload()).unwrap_or_default(),
            retain_until_consumed: event.retain_until_consumed(),
        }
    }
}

/// What a page's `notifyAppReady()` came to.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum PageReady {
    /// The bundle of the page is proven, durably. The built-in bundle needs no proof.
    Confirmed {
        /// The bundle.
        bundle: BundleRef,
    },
    /// The page is being replaced, or none has started. Nothing changed.
    Replaced,
    /// The page works, and that cannot be recorded now, for example because the disk is full. It is tried again for
    /// some seconds; after that the page may call again.
    NotYetRecorded,
    /// A result that this version of the bindings does not know.
    Other,
}

impl From<core::Ready> for PageReady {
    fn from(ready: core::Ready) -> Self {
        match ready {
            core::Ready::Confirmed(bundle) => Self::Confirmed {
                bundle: (&bundle).into(),
            },
            core::Ready::Replaced => Self::Replaced,
            core::Ready::NotYetRecorded => Self::NotYetRecorded,
            _ => Self::Other,
        }
    }
}
