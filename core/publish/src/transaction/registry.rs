//! The registry of an update server: its bundles and channels.

use std::fmt;

use crate::error::Result;
use crate::manifest::ManifestRow;
use capbundle::http::Url;
use capbundle::progress::Control;

/// The server's list of one app's bundles, and its channels.
///
/// Versions are those of the bundle that is being released.
pub trait Registry: fmt::Debug {
    /// The registry, for messages: `com.example.app at https://…`. Contains no secret.
    fn place(&self) -> String;
    /// The version that is being released.
    fn version(&self) -> &str;
    /// The ID of the bundle of this version, if it exists.
    ///
    /// # Errors
    /// Of the network and the server.
    fn find(&self, control: &Control) -> Result<Option<u64>>;
    /// Adds the bundle, whose archive is at `url` and whose single files, if any, are `files`. Returns its ID if the server
    /// sends it.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find). After a network error, a server error (408, 500 and above) or a
    /// cancellation, the bundle may have been added nevertheless.
    fn add(&self, url: &Url, files: &[ManifestRow], control: &Control) -> Result<Option<u64>>;
    /// Removes the bundle of this version.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find).
    fn remove(&self, control: &Control) -> Result<()>;
    /// Adds link and comment to a bundle.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find).
    fn annotate(&self, bundle: u64, link: Option<&str>, comment: Option<&str>, control: &Control) -> Result<()>;
    /// The channel of this name, if it exists.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find).
    fn channel(&self, name: &str, control: &Control) -> Result<Option<ChannelState>>;
    /// Whether the app is new to the server, so that its channels may come with its first bundle.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find).
    fn is_new(&self, control: &Control) -> Result<bool>;
    /// Sets a channel to a bundle.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find).
    fn point(&self, channel: u64, bundle: u64, control: &Control) -> Result<()>;
}

/// The current state of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelState {
    /// Its ID on the server.
    pub id: u64,
    /// The ID of its bundle.
    pub bundle: Option<u64>,
}
