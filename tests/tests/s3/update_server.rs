//! The example server with its archives in a bucket.

use std::sync::Arc;

use capbundle::ErrorKind;
use capbundle::digest::Sha256Digest;
use capbundle::download::{DownloadOptions, Remote, download};
use capbundle::progress::Control;
use capbundle::publish::api::{Api, ApiKey, AppId, NewBundle};
use capbundle::publish::put::{UploadOptions, put};
use capbundle::publish::s3::Credentials;
use capbundle::transport::{Http, Url};
use capbundle_update_server::{Access, Config, Keys, S3, Server};

use super::servers::{self, BUCKET, KEY, REGION, SECRET, all, head};

fn config(folder: &std::path::Path, store: &servers::Server, secret: &str) -> Config {
    let mut s3 = S3::bucket(BUCKET);
    s3.region = Some(REGION.to_owned());
    s3.endpoint = store.options().endpoint;
    "team/a".clone_into(&mut s3.prefix);
    s3.credentials = Some(Credentials::new(KEY, secret, None).unwrap());
    let mut config = Config::loopback(folder);
    config.s3 = Some(s3);
    config
}

#[test]
fn archives_live_in_the_bucket_and_devices_are_sent_there() {
    let control = Control::new();
    for store in all() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), &store, SECRET);
        let key = Keys::open(&config.data)
            .unwrap()
            .create("ci", &Access::Everything)
            .unwrap();
        let server = Server::start(config).unwrap();
        let (archive, bytes) = servers::file(folder.path(), 9 << 20);
        let digest = Sha256Digest::of(&bytes);
        let mut options = UploadOptions::default();
        options.headers.add("authorization", key.text()).unwrap();
        let to: Url = format!("{}/upload/com.example.app", server.url()).parse().unwrap();

        let address = put(&Http::new(), &to, &archive, &options, &control)
            .unwrap()
            .url
            .unwrap();

        let kept = format!("team/a/com.example.app/{digest}.zip");
        assert!(store.stored(&kept) == bytes);
        let mut remote = Remote::new(address.clone());
        remote.digest = Some(digest);
        let device = tempfile::tempdir().unwrap();
        let got = download(
            &Http::new(),
            &remote,
            device.path(),
            &DownloadOptions::default(),
            &control,
        )
        .unwrap();
        assert!(std::fs::read(&got.path).unwrap() == bytes);

        let base = server.url().parse().unwrap();
        let api = Api::new(Arc::new(Http::new()), &base, ApiKey::new(key.text()).unwrap()).unwrap();
        let app: AppId = "com.example.app".parse().unwrap();
        api.create(
            &NewBundle::new(app.clone(), "1.0.0", address, digest).unwrap(),
            &control,
        )
        .unwrap();
        api.delete(&app, "1.0.0", &control).unwrap();
        assert!(
            head(&store.bucket(), &kept).is_none(),
            "a deleted bundle leaves its archive in the bucket"
        );
        server.stop().unwrap();
    }
}

#[test]
fn a_bucket_that_does_not_answer_is_told_at_the_start() {
    for store in all() {
        let folder = tempfile::tempdir().unwrap();
        let started = Server::start(config(folder.path(), &store, "another-secret"));
        let refused = started.err().expect("it cannot work");
        let text = refused.to_string();
        assert!(
            text.contains("--s3-bucket") && text.contains("the secret does not belong"),
            "{text}"
        );
        assert!(!text.contains("another-secret"), "{text}");
    }
}

#[test]
fn what_is_not_in_the_bucket_cannot_be_registered() {
    let store = servers::Server::s3s();
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), &store, SECRET);
    let key = Keys::open(&config.data)
        .unwrap()
        .create("ci", &Access::Everything)
        .unwrap();
    let server = Server::start(config).unwrap();
    let base: Url = server.url().parse().unwrap();
    let api = Api::new(Arc::new(Http::new()), &base, ApiKey::new(key.text()).unwrap()).unwrap();
    let digest = Sha256Digest::of(b"never uploaded");
    let address = format!("{}/bundles/com.example.app/{digest}.zip", server.url())
        .parse()
        .unwrap();

    let new = NewBundle::new("com.example.app".parse().unwrap(), "1.0.0", address, digest).unwrap();
    let error = api.create(&new, &Control::new()).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.to_string().contains("upload it first"), "{error}");
}
