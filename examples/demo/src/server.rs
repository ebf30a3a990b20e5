//! The update server of the demo: `examples/update-server` in this process, on a loopback port. It stops when dropped.
//!
//! CI uses the Bundles API and the device the update protocol, as with a remote server. The real server makes the
//! program a few megabytes larger, but a mock would not show that the parts work together.

use std::path::Path;
use std::sync::Arc;

use capbundle::capgo::Encrypted;
use capbundle::digest::Sha256Digest;
use capbundle::http::{Http, Url};
use capbundle::update::ask;
use capbundle::update::protocol::{Platform, UpdateOffer, UpdateRequest, UpdateResponse};
use capbundle_publish::api::{Api, ApiKey, AppId, ArchiveUpload, BundleRegistration};
use capbundle_update_server::{Access, Config, Keys, Server as Running};

use crate::app;
use crate::failure::{Failure, Result};
use crate::interrupt;

/// The default channel, which exists for every app.
pub(crate) const CHANNEL: &str = "production";
/// The id of the only device; any UUID.
const DEVICE: &str = "5b6f0c8e-2a41-4d53-9c1f-6f4f0a7d1e22";
/// A plugin version that supports the whole protocol.
const PLUGIN: &str = "8.51.14";

pub(crate) struct Server {
    running: Running,
    transport: Arc<Http>,
    api: Api,
    app: AppId,
}

impl Server {
    /// Starts the server with its data in the folder `data` and creates an API key for CI.
    pub(crate) fn start(data: &Path) -> Result<Self> {
        let failed = |problem: capbundle_update_server::Error| Failure::unexpected(problem.to_string());
        let app: AppId = app::APP_ID.parse()?;
        let access = Access::Limited {
            apps: vec![app::APP_ID.to_owned()],
            writes: true,
        };
        let keys = Keys::open(data).map_err(failed)?;
        let key = ApiKey::new(keys.create("demo", &access).map_err(failed)?.text())?;
        let running = Running::start(Config::loopback(data)).map_err(failed)?;
        let transport = Arc::new(Http::new());
        let api = Api::new(transport.clone(), &running.url().parse()?, key)?;
        Ok(Self {
            running,
            transport,
            api,
            app,
        })
    }

    /// Uploads a file; returns its download URL.
    pub(crate) fn keep(&self, version: &str, file: &Path) -> Result<Url> {
        let digest = Sha256Digest::of_file(file, &interrupt::control())?;
        let archive = ArchiveUpload {
            version,
            file,
            digest: &digest,
        };
        Ok(self.api.upload(&self.app, &archive, &interrupt::control())?.url)
    }

    /// Registers an archive; returns the id of its bundle.
    pub(crate) fn register(&self, version: &str, url: Url, proof: &Encrypted, key_id: &str) -> Result<u64> {
        let bundle = BundleRegistration::new(self.app.clone(), version, url, proof.checksum.clone())?;
        let bundle = bundle.sealed(proof.iv_session_key.clone(), Some(key_id))?;
        let registered = self.api.create(&bundle, &interrupt::control())?;
        let unnamed = || Failure::unexpected("the server did not return the registered bundle");
        Ok(registered.ok_or_else(unnamed)?.id)
    }

    /// Assigns a bundle to the channel.
    pub(crate) fn promote(&self, bundle_id: u64) -> Result<()> {
        self.api
            .set_channel_by_name(&self.app, bundle_id, CHANNEL, &interrupt::control())?;
        Ok(())
    }

    /// Requests an update as a device with this native version, running bundle and public key.
    pub(crate) fn request_update(&self, native: &str, runs: &str, key_id: &str) -> Result<UpdateOffer> {
        let request = UpdateRequest::default()
            .with_platform(Platform::Android.as_str())
            .with_device_id(DEVICE)
            .with_app_id(app::APP_ID)
            .with_version_build(native)
            .with_version_name(runs)
            .with_plugin_version(PLUGIN)
            .with_is_prod(true)
            .with_key_id(key_id.to_owned());
        let url: Url = format!("{}/updates", self.running.url()).parse()?;
        match ask(&*self.transport, &url, &request, &interrupt::control())? {
            UpdateResponse::Offer(offer) => Ok(offer),
            other => Err(Failure::new(
                "demo_failed",
                format!("the server offered no update: {other:?}"),
            )),
        }
    }
}
