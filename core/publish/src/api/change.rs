//! Changes and deletes registered bundles.

use serde_json::{Value, json};

use super::call::{Call, Place};
use super::version::check_version_name;
use super::{Api, AppId};
use crate::error::{Error, Result};
use capbundle::http::Idempotency;
use capbundle::http::Method;
use capbundle::progress::Control;

/// The confirmation to delete all bundles of an app. It contains the app ID, so that the caller writes it a second time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteAll(AppId);

/// The metadata of a bundle to set; `None` keeps the current value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BundleMetadata<'a> {
    /// A link for people.
    pub link: Option<&'a str>,
    /// A comment for people.
    pub comment: Option<&'a str>,
}

impl DeleteAll {
    /// Confirms that every bundle of `app` that no channel serves is deleted. This cannot be undone.
    #[must_use]
    pub fn bundles_of(app: AppId) -> Self {
        Self(app)
    }
}

impl Api {
    /// Deletes the bundle of this version. On Capgo's server the archive stays in your storage, and the version stays in use. A server
    /// that stores archives itself may remove the archive (the example server does if no other bundle needs it) and may allow
    /// the version to be registered again.
    ///
    /// If the response is lost, the list is checked before a retry.
    ///
    /// # Errors
    /// The errors of [`Api::bundle`]; on Capgo's server `cannot_delete_linked_version` while a channel serves it.
    pub fn delete(&self, app: &AppId, version: &str, control: &Control) -> Result<()> {
        check_version_name(version)?;
        let call = Call {
            body: Some(json!({ "app_id": app.as_str(), "version": version })),
            ..deleting("delete the bundle")
        };
        let look = || match self.bundle(app, version, control) {
            // It was the last bundle.
            Err(Error::Api(error)) if error.is("cannot_get_bundle") => Ok(Some(())),
            found => Ok(found?.is_none().then_some(())),
        };
        self.once(&call, control, &look).map(drop)
    }

    /// Deletes all bundles of an app that no channel serves, and their archives as [`delete`](Self::delete) does. Never
    /// retried, since bundles may have been added.
    ///
    /// # Errors
    /// The errors of [`Api::bundle`]. After [`Network`](capbundle::ErrorKind::Network) it may have been done.
    pub fn delete_all(&self, yes: &DeleteAll, control: &Control) -> Result<()> {
        let call = Call {
            body: Some(json!({ "app_id": yes.0.as_str() })),
            ..deleting("delete all bundles")
        };
        self.ask(&call, control, &mut 0).map(drop)
    }

    /// Sets link, comment or both of the bundle with this ID.
    ///
    /// # Errors
    /// The errors of [`Api::bundle`]; [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if both are `None`.
    pub fn set_metadata(
        &self,
        app: &AppId,
        bundle_id: u64,
        metadata: BundleMetadata<'_>,
        control: &Control,
    ) -> Result<()> {
        let BundleMetadata { link, comment } = metadata;
        if link.is_none() && comment.is_none() {
            let problem = "expected a link, a comment or both, found neither";
            return Err(Error::invalid_input("metadata", problem));
        }
        let mut body = json!({ "app_id": app.as_str(), "version_id": bundle_id });
        for (name, value) in [("link", link), ("comment", comment)] {
            if let Some(value) = value {
                body[name] = Value::from(value);
            }
        }
        let call = Call {
            method: Method::Post,
            place: Place::Metadata,
            query: &[],
            body: Some(body),
            // Setting the same values twice has no further effect.
            idempotency: Idempotency::Idempotent,
            operation: "set link and comment",
        };
        self.ask(&call, control, &mut 0).map(drop)
    }

    /// Sets a channel to a bundle, both by ID.
    ///
    /// # Errors
    /// The errors of [`Api::bundle`].
    pub fn set_channel(&self, app: &AppId, bundle_id: u64, channel_id: u64, control: &Control) -> Result<()> {
        let call = Call {
            method: Method::Put,
            place: Place::Bundle,
            query: &[],
            body: Some(json!({ "app_id": app.as_str(), "version_id": bundle_id, "channel_id": channel_id })),
            // Setting the same channel twice has no further effect.
            idempotency: Idempotency::Idempotent,
            operation: "set the channel",
        };
        self.ask(&call, control, &mut 0).map(drop)
    }

    /// Sets the channel of this name to the bundle with this ID. Returns the channel as it was before.
    ///
    /// # Errors
    /// The errors of [`Api::bundle`]; [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if there is no such channel, with the names of
    /// those there are.
    pub fn set_channel_by_name(
        &self,
        app: &AppId,
        bundle_id: u64,
        channel: &str,
        control: &Control,
    ) -> Result<super::RemoteChannel> {
        let Some(found) = self.channel(app, channel, control)? else {
            let names = self
                .channels(app, control)
                .map(|channel| Ok(format!("{:?}", channel?.name)));
            let names: Vec<String> = names.collect::<Result<_>>()?;
            let problem = match names.as_slice() {
                [] => format!("{app} has no channel: create one first"),
                names => format!("{app} has no such channel; it has {}", names.join(", ")),
            };
            return Err(Error::invalid_input(format!("channel {channel:?}"), problem));
        };
        self.set_channel(app, bundle_id, found.id, control)?;
        Ok(found)
    }
}

fn deleting(operation: &'static str) -> Call<'static> {
    Call {
        method: Method::Delete,
        place: Place::Bundle,
        query: &[],
        body: None,
        idempotency: Idempotency::NonIdempotent,
        operation,
    }
}
