//! The example update server with its archives in a bucket.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use capbundle::ErrorKind;
use capbundle::bundle::{PackOptions, pack};
use capbundle::digest::Sha256Digest;
use capbundle::http::download::{Download, DownloadOptions, Remote, download};
use capbundle::http::{Body, Head, Http, Method, Receiver, Request, Transport as _};
use capbundle::progress::Control;
use capbundle::store::{ExpectedProof, NewBundle as DeviceBundle, RemoteArchive, Store, StoreOptions};
use capbundle::update::protocol::{self, UpdateResponse};
use capbundle_publish::Result;
use capbundle_publish::api::{Api, ApiKey, AppId, ArchiveUpload, BundleRegistration, UploadedArchive};
use capbundle_publish::s3::Credentials;
use capbundle_update_server::{Access, Config, Keys, S3, Server};
use tempfile::TempDir;

use super::proxy::{Fault, Proxy, Rule};
use super::servers::{self, BUCKET, KEY, REGION, SECRET, all, head};

/// An update server that stores its archives in a bucket, and an API key with full access.
struct Setup {
    folder: TempDir,
    server: Server,
    api: Api,
    control: Control,
}

impl Setup {
    fn with_bucket_at(store: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), store, SECRET);
        let keys = Keys::open(&config.data).unwrap();
        let key = keys.create("ci", &Access::Everything).unwrap();
        let server = Server::start(config).unwrap();
        let base = server.url().parse().unwrap();
        Self {
            api: Api::new(Arc::new(Http::new()), &base, ApiKey::new(key.text()).unwrap()).unwrap(),
            folder,
            server,
            control: Control::new(),
        }
    }

    fn upload(&self, archive: &Path, digest: &Sha256Digest) -> UploadedArchive {
        let archive = ArchiveUpload {
            version: "1.0.0",
            file: archive,
            digest,
        };
        self.api.upload(&app(), &archive, &self.control).unwrap()
    }

    fn register(&self, version: &str, address: &str, digest: Sha256Digest) -> Result<()> {
        let bundle = BundleRegistration::new(app(), version, address.parse()?, digest)?;
        self.api.create(&bundle, &self.control).map(drop)
    }
}

fn app() -> AppId {
    "com.example.app".parse().unwrap()
}

fn object_key(digest: &Sha256Digest) -> String {
    format!("team/a/com.example.app/{digest}.zip")
}

fn config(folder: &Path, store: SocketAddr, secret: &str) -> Config {
    let mut s3 = S3::bucket(BUCKET);
    s3.region = Some(REGION.to_owned());
    s3.endpoint = servers::options_at(store).endpoint;
    "team/a".clone_into(&mut s3.prefix);
    s3.credentials = Some(Credentials::new(KEY, secret, None).unwrap());
    let mut config = Config::loopback(folder);
    config.s3 = Some(s3);
    config
}

#[test]
fn archives_are_stored_in_the_bucket_and_devices_download_them_there() {
    for store in all() {
        let setup = Setup::with_bucket_at(store.address);
        let (archive, bytes) = servers::file(setup.folder.path(), 9 << 20);
        let digest = Sha256Digest::of(&bytes);

        let uploaded = setup.upload(&archive, &digest);

        assert!(!uploaded.already_there && setup.upload(&archive, &digest).already_there);
        assert!(store.stored(&object_key(&digest)) == bytes);
        let mut remote = Remote::new(uploaded.url.clone());
        remote.digest = Some(digest);
        let device = tempfile::tempdir().unwrap();
        let wanted = Download {
            remote: &remote,
            folder: device.path(),
            options: &DownloadOptions::default(),
        };
        let got = download(&Http::new(), &wanted, &setup.control).unwrap();
        assert!(std::fs::read(&got.path).unwrap() == bytes);

        setup.register("1.0.0", uploaded.url.as_str(), digest).unwrap();
        setup.api.delete(&app(), "1.0.0", &setup.control).unwrap();
        assert!(
            head(&store.bucket(), &object_key(&digest)).is_none(),
            "the archive of a deleted bundle is left in the bucket"
        );
        setup.server.stop().unwrap();
    }
}

#[test]
fn an_upload_that_was_not_registered_can_be_removed_from_the_bucket() {
    for store in all() {
        let setup = Setup::with_bucket_at(store.address);
        let (archive, bytes) = servers::file(setup.folder.path(), 1000);
        let digest = Sha256Digest::of(&bytes);
        let uploaded = setup.upload(&archive, &digest);

        setup.register("1.0.0", uploaded.url.as_str(), digest).unwrap();
        let refused = setup.api.remove_upload(&app(), &digest, &setup.control).unwrap_err();
        assert!(
            refused.to_string().contains("a bundle references this archive"),
            "{refused}"
        );
        assert!(store.stored(&object_key(&digest)) == bytes);

        setup.api.delete(&app(), "1.0.0", &setup.control).unwrap();
        setup.upload(&archive, &digest);
        setup.api.remove_upload(&app(), &digest, &setup.control).unwrap();
        assert!(head(&store.bucket(), &object_key(&digest)).is_none());
    }
}

/// Requests an update like a device, then downloads, verifies and installs it.
fn update(setup: &Setup, device: &Path) -> String {
    let query = serde_json::json!({
        "platform": "android", "device_id": "0f4f5a3e-7c0a-4d3c-9d7e-2b1d6c6f0a11", "app_id": "com.example.app",
        "custom_id": "", "version_build": "0.9.0", "version_code": "1", "version_os": "14", "version_name": protocol::BUILT_IN,
        "plugin_version": "8.51.14", "is_emulator": false, "is_prod": true
    });
    let url = format!("{}/updates", setup.server.url());
    let mut request = Request::new(Method::Post, url.parse().unwrap());
    request.headers.add("content-type", "application/json").unwrap();
    request.body = Some(Body::Bytes(query.to_string().into_bytes()));
    let mut response = Collected::default();
    Http::new().send(&request, &mut response).unwrap();
    let UpdateResponse::Offer(offer) = UpdateResponse::parse(&url, response.status, &response.body).unwrap() else {
        panic!("{}", String::from_utf8_lossy(&response.body));
    };
    let proof = ExpectedProof::Digest(offer.checksum.as_deref().unwrap().parse().unwrap());
    let bundle = DeviceBundle::new(&offer.version);
    let archive = RemoteArchive::new(offer.url.parse().unwrap(), proof, bundle);
    let store = Store::open(device, StoreOptions::default()).unwrap();
    let options = DownloadOptions::default();
    let installed = store
        .install_from(&Http::new(), &archive, &options, &setup.control)
        .unwrap();
    store.set_next(&installed.id.clone().into()).unwrap();
    assert_eq!(installed.files, 1);
    installed.version
}

#[derive(Default)]
struct Collected {
    status: u16,
    body: Vec<u8>,
}

impl Receiver for Collected {
    fn begin(&mut self, head: &Head) -> capbundle::Result<()> {
        self.status = head.status;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> capbundle::Result<()> {
        self.body.extend_from_slice(bytes);
        Ok(())
    }
}

/// A packed web app.
fn web_app(folder: &Path) -> (PathBuf, Sha256Digest) {
    let (www, archive) = (folder.join("www"), folder.join("app.zip"));
    std::fs::create_dir(&www).unwrap();
    let page = "<script>CapacitorUpdater.notifyAppReady()</script>";
    std::fs::write(www.join("index.html"), page).unwrap();
    let packed = pack(&www, &archive, &PackOptions::default(), &Control::new()).unwrap();
    (archive, packed.digest)
}

#[test]
fn a_device_installs_an_update_from_the_bucket() {
    for store in all() {
        let setup = Setup::with_bucket_at(store.address);
        let (archive, digest) = web_app(setup.folder.path());
        let uploaded = setup.upload(&archive, &digest);
        setup.register("1.0.0", uploaded.url.as_str(), digest).unwrap();
        let (api, control) = (&setup.api, &setup.control);
        let number = api.bundle(&app(), "1.0.0", control).unwrap().unwrap().id;
        api.set_channel_by_name(&app(), number, "production", control).unwrap();
        let device = tempfile::tempdir().unwrap();

        assert_eq!(update(&setup, device.path()), "1.0.0");
    }
}

#[test]
fn a_slow_bucket_does_not_block_other_requests() {
    let store = servers::Server::s3s();
    for (method, act) in [("HEAD", "register"), ("DELETE", "remove")] {
        let go = Arc::new(AtomicBool::new(false));
        let proxy = Proxy::start(store.address, Vec::new());
        let setup = Setup::with_bucket_at(proxy.address);
        let (archive, bytes) = servers::file(setup.folder.path(), 1000);
        let digest = Sha256Digest::of(&bytes);
        let uploaded = setup.upload(&archive, &digest);
        proxy.add_rule(Rule {
            method,
            target: "",
            times: 1,
            fault: Fault::Wait(Arc::clone(&go)),
        });

        std::thread::scope(|scope| {
            let slow = scope.spawn(|| match act {
                "register" => setup.register("1.0.0", uploaded.url.as_str(), digest),
                _ => setup.api.remove_upload(&app(), &digest, &setup.control),
            });
            while proxy.waiting() == 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
            let began = Instant::now();
            let elsewhere = format!("https://cdn.example.com/{act}.zip").replace(' ', "-");
            setup.register("2.0.0", &elsewhere, digest).unwrap();
            // The server waits 15 s for the bucket.
            assert!(began.elapsed() < Duration::from_secs(10), "{act}");
            assert!(!slow.is_finished(), "{act}");
            go.store(true, Ordering::Relaxed);
            slow.join().unwrap().unwrap();
        });
    }
}

#[test]
fn an_unusable_bucket_is_reported_at_start() {
    for store in all() {
        let folder = tempfile::tempdir().unwrap();
        let started = Server::start(config(folder.path(), store.address, "another-secret"));
        let refused = started.err().expect("the server started with a wrong secret");
        let text = refused.to_string();
        assert!(
            text.contains("--s3-bucket") && text.contains("the secret does not match"),
            "{text}"
        );
        assert!(!text.contains("another-secret"), "{text}");
    }
}

#[test]
fn an_archive_that_is_not_in_the_bucket_cannot_be_registered() {
    let store = servers::Server::s3s();
    let setup = Setup::with_bucket_at(store.address);
    let digest = Sha256Digest::of(b"never uploaded");
    let address = format!("{}/bundles/com.example.app/{digest}.zip", setup.server.url());

    let error = setup.register("1.0.0", &address, digest).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.to_string().contains("upload it first"), "{error}");
}
