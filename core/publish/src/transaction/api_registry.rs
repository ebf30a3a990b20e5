//! Registers bundles with a server of the Bundles API.

use super::{ChannelState, Registry};
use crate::api::{Api, ApiError, AppId, BundleMetadata, BundleRegistration, Checksum, NativePackage};
use crate::error::{Error, Result};
use crate::manifest::ManifestRow;
use capbundle::capgo::IvSessionKey;
use capbundle::http::Url;
use capbundle::progress::Control;

/// One version of one app to register.
#[derive(Debug)]
pub struct ApiRegistry<'a> {
    api: &'a Api,
    app: AppId,
    version: String,
    checksum: Checksum,
    sealed: Option<(IvSessionKey, Option<String>)>,
    oldest_native: Option<String>,
    native_packages: Option<Vec<NativePackage>>,
}

impl<'a> ApiRegistry<'a> {
    /// An archive that is not encrypted.
    #[must_use]
    pub fn new(api: &'a Api, app: AppId, version: impl Into<String>, checksum: impl Into<Checksum>) -> Self {
        Self {
            api,
            app,
            version: version.into(),
            checksum: checksum.into(),
            sealed: None,
            oldest_native: None,
            native_packages: None,
        }
    }

    /// Sets the session key of an encrypted archive, and the ID of its key. Without an ID, the server offers the bundle
    /// to devices with any key.
    #[must_use]
    pub fn sealed(mut self, session: IvSessionKey, key_id: impl Into<Option<String>>) -> Self {
        self.sealed = Some((session, key_id.into()));
        self
    }

    /// Sets the oldest native version that accepts it, if the server supports that; see [`BundleRegistration::for_native`].
    #[must_use]
    pub fn for_native(mut self, oldest: impl Into<String>) -> Self {
        self.oldest_native = Some(oldest.into());
        self
    }

    /// Sets the native packages of the project; see [`BundleRegistration::with_native_packages`].
    #[must_use]
    pub fn with_native_packages(mut self, packages: Vec<NativePackage>) -> Self {
        self.native_packages = Some(packages);
        self
    }
}

impl Registry for ApiRegistry<'_> {
    fn place(&self) -> String {
        format!("{} at {}", self.app, self.api.base())
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn find(&self, control: &Control) -> Result<Option<u64>> {
        match self.api.bundle(&self.app, &self.version, control) {
            // The app has no bundles. If the key has no access instead, registering fails.
            Err(Error::Api(error)) if error.is("cannot_get_bundle") => Ok(None),
            found => Ok(found?.map(|bundle| bundle.id)),
        }
    }

    fn add(&self, url: &Url, files: &[ManifestRow], control: &Control) -> Result<Option<u64>> {
        let checksum = self.checksum.clone();
        let mut bundle = BundleRegistration::new(self.app.clone(), self.version.as_str(), url.clone(), checksum)?;
        if let Some((session, key_id)) = &self.sealed {
            bundle = bundle.sealed(session.clone(), key_id.as_deref())?;
        }
        if let Some(oldest) = &self.oldest_native {
            bundle = bundle.for_native(oldest)?;
        }
        if let Some(packages) = &self.native_packages {
            bundle = bundle.with_native_packages(packages.clone());
        }
        if files.is_empty() {
            return Ok(self.api.create(&bundle, control)?.map(|bundle| bundle.id));
        }
        let manifest = self.api.upload_manifest(&self.app, files, control)?;
        bundle = bundle.with_manifest(manifest);
        let created = self.api.create(&bundle, control).inspect_err(|_| {
            // Otherwise the server keeps the files for a day. It keeps a manifest that is registered after all.
            let _ = self.api.remove_manifest(&self.app, &manifest, &Control::new());
        });
        Ok(created?.map(|bundle| bundle.id))
    }

    fn remove(&self, control: &Control) -> Result<()> {
        self.api.delete(&self.app, &self.version, control)
    }

    fn annotate(&self, bundle: u64, link: Option<&str>, comment: Option<&str>, control: &Control) -> Result<()> {
        let metadata = BundleMetadata { link, comment };
        self.api.set_metadata(&self.app, bundle, metadata, control)
    }

    fn channel(&self, name: &str, control: &Control) -> Result<Option<ChannelState>> {
        let found = match self.api.channel(&self.app, name, control) {
            Err(Error::Api(error)) if is_unknown_app(&error) => return Ok(None),
            found => found?,
        };
        let Some(found) = found else { return Ok(None) };
        let bundle = match (found.bundle_id, &found.version) {
            (None, Some(version)) => self.api.bundle(&self.app, version, control)?.map(|bundle| bundle.id),
            (id, _) => id,
        };
        Ok(Some(ChannelState { id: found.id, bundle }))
    }

    fn is_new(&self, control: &Control) -> Result<bool> {
        match self.api.channels(&self.app, control).next() {
            None => Ok(true),
            Some(Ok(_)) => Ok(false),
            Some(Err(Error::Api(error))) if is_unknown_app(&error) => Ok(true),
            Some(Err(error)) => Err(error),
        }
    }

    fn point(&self, channel: u64, bundle: u64, control: &Control) -> Result<()> {
        self.api.set_channel(&self.app, bundle, channel, control)
    }
}

/// Servers send the same error for an unknown app and for a key without access; the latter fails when it registers.
fn is_unknown_app(error: &ApiError) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    code.starts_with("cannot_") || code == "app_not_found"
}
