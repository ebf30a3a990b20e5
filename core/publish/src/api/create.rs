//! Registers a bundle whose archive is stored elsewhere.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use super::call::{Call, Place};
use super::idempotent::CallOutcome;
use super::row::{RemoteBundle, Row as _};
use super::version::check_new_version;
use super::{Api, AppId};
use crate::error::{Error, Result};
use capbundle::capgo::IvSessionKey;
use capbundle::capgo::SignedChecksum;
use capbundle::digest::Sha256Digest;
use capbundle::http::Idempotency;
use capbundle::http::{Cleartext, Method, Url};
use capbundle::progress::Control;

/// The longest key ID that servers accept.
const MAX_KEY_ID: usize = 20;

/// The checksum that devices verify an archive with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-256 of the plain archive.
    Digest(Sha256Digest),
    /// The same, signed, for devices with a key.
    Signed(SignedChecksum),
}

impl From<Sha256Digest> for Checksum {
    fn from(digest: Sha256Digest) -> Self {
        Self::Digest(digest)
    }
}

impl From<SignedChecksum> for Checksum {
    fn from(signed: SignedChecksum) -> Self {
        Self::Signed(signed)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(digest) => digest.fmt(formatter),
            Self::Signed(signed) => signed.fmt(formatter),
        }
    }
}

/// A native package of the project that a bundle was built from: the app must contain it for the bundle to work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NativePackage {
    /// Its name, such as `@capacitor/camera`.
    pub name: String,
    /// Its version as package.json has it, which may be a range such as `^7.0.0`.
    pub version: String,
}

impl NativePackage {
    /// The package of this name and version.
    #[must_use]
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
        }
    }
}

/// A bundle to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleRegistration {
    app: AppId,
    version: String,
    url: Url,
    checksum: Checksum,
    session_key: Option<IvSessionKey>,
    key_id: Option<String>,
    min_update_version: Option<String>,
    native_packages: Option<Vec<NativePackage>>,
    manifest: Option<Sha256Digest>,
}

impl BundleRegistration {
    /// A bundle of this app and version, whose archive devices download from `url`.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a version that is not semantic;
    /// [`NotTrusted`](capbundle::ErrorKind::NotTrusted) for a URL without TLS, unless it is this machine.
    pub fn new(app: AppId, version: impl Into<String>, url: Url, checksum: impl Into<Checksum>) -> Result<Self> {
        let version = version.into();
        check_new_version(&version)?;
        Cleartext::LoopbackOnly.check(&url)?;
        Ok(Self {
            app,
            version,
            url,
            checksum: checksum.into(),
            session_key: None,
            key_id: None,
            min_update_version: None,
            native_packages: None,
            manifest: None,
        })
    }

    /// Sets the oldest native version that accepts it. The example server enforces it in every channel. Capgo's server ignores it
    /// here; set in its console, it applies only to channels that use it (`disableAutoUpdate` is
    /// `version_number`).
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a version that is not semantic.
    pub fn for_native(mut self, oldest: impl Into<String>) -> Result<Self> {
        let oldest = oldest.into();
        check_new_version(&oldest)?;
        self.min_update_version = Some(oldest);
        Ok(self)
    }

    /// Sets the native packages of the project, which the server stores with the bundle.
    #[must_use]
    pub fn with_native_packages(mut self, packages: Vec<NativePackage>) -> Self {
        self.native_packages = Some(packages);
        self
    }

    /// Sets the manifest of the bundle's single files, by the digest that [`Api::upload_manifest`] returned. Only for your own
    /// server: Capgo's public API does not support manifests.
    #[must_use]
    pub fn with_manifest(mut self, digest: Sha256Digest) -> Self {
        self.manifest = Some(digest);
        self
    }

    /// Marks the archive as encrypted in Capgo's v2 format, with this IV and session key, and the ID of the key if known.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if the checksum is not signed, since devices with a key refuse such
    /// a bundle, and for an invalid key ID.
    pub fn sealed(mut self, session_key: IvSessionKey, key_id: Option<&str>) -> Result<Self> {
        if matches!(self.checksum, Checksum::Digest(_)) {
            let problem = "a sealed bundle needs a signed checksum: devices with a key refuse a plain SHA-256";
            return Err(Error::invalid_input("checksum", problem));
        }
        let is_id =
            |id: &str| !id.is_empty() && id.len() <= MAX_KEY_ID && id.bytes().all(|byte| byte.is_ascii_graphic());
        if let Some(id) = key_id.filter(|id| !is_id(id)) {
            let problem = format!("expected 1 to {MAX_KEY_ID} ASCII characters");
            return Err(Error::invalid_input(format!("key id {id:?}"), problem));
        }
        self.session_key = Some(session_key);
        self.key_id = key_id.map(str::to_owned);
        Ok(self)
    }

    /// Its app.
    #[must_use]
    pub fn app(&self) -> &AppId {
        &self.app
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The URL of its archive.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The checksum of its archive.
    #[must_use]
    pub fn checksum(&self) -> &Checksum {
        &self.checksum
    }

    /// Whether `bundle` is the registered form of this.
    #[must_use]
    pub fn is_same_as(&self, bundle: &RemoteBundle) -> bool {
        let same = |theirs: Option<&String>, ours: &str| theirs.is_some_and(|theirs| theirs == ours);
        let session_key = self.session_key.as_ref().map(ToString::to_string);
        bundle.version == self.version
            && same(bundle.external_url.as_ref(), self.url.as_str())
            && same(bundle.checksum.as_ref(), &self.checksum.to_string())
            && bundle.session_key.as_deref().unwrap_or_default() == session_key.unwrap_or_default()
    }

    fn to_json(&self) -> Value {
        let mut body = json!({
            "app_id": self.app.as_str(),
            "version": self.version,
            "external_url": self.url.as_str(),
            "checksum": self.checksum.to_string(),
        });
        if let Some(session_key) = &self.session_key {
            body["session_key"] = json!(session_key.to_string());
        }
        if let Some(key_id) = &self.key_id {
            body["key_id"] = json!(key_id);
        }
        if let Some(oldest) = &self.min_update_version {
            body["min_update_version"] = json!(oldest);
        }
        if let Some(packages) = &self.native_packages {
            body["native_packages"] = json!(packages);
        }
        if let Some(digest) = &self.manifest {
            body["manifest_sha256"] = json!(digest.to_string());
        }
        body
    }
}

impl Api {
    /// Registers a bundle. Returns the registered bundle if the server sends it (Capgo's servers do, though it is not documented).
    ///
    /// If the response is lost, the list is checked before a retry, so that nothing is registered twice and a success is never
    /// reported as `version_already_exists`.
    ///
    /// # Errors
    /// The errors of [`Api::bundle`]. After [`Network`](capbundle::ErrorKind::Network) the message says whether it may have been done.
    pub fn create(&self, bundle: &BundleRegistration, control: &Control) -> Result<Option<RemoteBundle>> {
        let call = Call {
            method: Method::Post,
            place: Place::Bundle,
            query: &[],
            body: Some(bundle.to_json()),
            idempotency: Idempotency::NonIdempotent,
            operation: "register the bundle",
        };
        let look = || match self.bundle(&bundle.app, &bundle.version, control) {
            // The app has no bundles. If the key has no access instead, registering fails.
            Err(Error::Api(error)) if error.is("cannot_get_bundle") => Ok(None),
            found => Ok(found?.filter(|found| bundle.is_same_as(found))),
        };
        match self.once(&call, control, &look)? {
            CallOutcome::Found(found) => Ok(Some(found)),
            // The bundle is registered even if its row cannot be read; callers can look it up.
            CallOutcome::Answered(answer) => Ok(answer.get("bundle").and_then(|row| RemoteBundle::from_json(row).ok())),
        }
    }
}
