//! The bundles API against the example server over real sockets: upload, check, register, promote, annotate, list and
//! delete.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::path::PathBuf;
use std::sync::Arc;

use capbundle::ErrorKind;
use capbundle::digest::Sha256Digest;
use capbundle::http::{Body, Head, Http, Method, Receiver, Request, Transport, Url};
use capbundle::progress::Control;
use capbundle_publish::api::{
    Api, ApiError, ApiKey, AppId, BundleMetadata, BundleRegistration, DeleteAll, RemoteBundle,
};
use capbundle_publish::http_upload::{HttpUpload, HttpUploadOptions, post_form, put};
use capbundle_publish::url_check::{Expected, UrlCheckOptions, check};
use capbundle_publish::{Error, Result};
use capbundle_update_server::{Access, Config, Keys, Server};
use tempfile::TempDir;

struct Setup {
    server: Server,
    data: TempDir,
    key: String,
    control: Control,
}

impl Setup {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let config = Config::loopback(data.path().join("server"));
        let key = Keys::open(&config.data)
            .unwrap()
            .create("ci", &Access::Everything)
            .unwrap();
        Self {
            server: Server::start(config).unwrap(),
            data,
            key: key.text().to_owned(),
            control: Control::new(),
        }
    }

    fn api(&self) -> Api {
        self.api_with(&self.key, "")
    }

    fn api_with(&self, key: &str, end: &str) -> Api {
        let base: Url = format!("{}{end}", self.server.url()).parse().unwrap();
        Api::new(Arc::new(Http::new()), &base, ApiKey::new(key).unwrap()).unwrap()
    }

    fn archive(&self, content: &[u8]) -> PathBuf {
        let path = self.data.path().join("app.zip");
        std::fs::write(&path, content).unwrap();
        path
    }

    fn upload_options(&self) -> HttpUploadOptions {
        let mut options = HttpUploadOptions::default();
        options
            .headers
            .add("Authorization", format!("Bearer {}", self.key))
            .unwrap();
        options
    }

    /// Uploads an archive to the server and registers it.
    fn publish(&self, version: &str, content: &[u8]) -> RemoteBundle {
        let path = self.archive(content);
        let to = format!("{}/upload/{}/{version}.zip", self.server.url(), app())
            .parse()
            .unwrap();
        let upload = HttpUpload {
            url: &to,
            file: &path,
            options: &self.upload_options(),
        };
        let stored = put(&Http::new(), &upload, &self.control).unwrap();
        let url = stored.url.unwrap();
        let bundle = BundleRegistration::new(app(), version, url, Sha256Digest::of(content)).unwrap();
        self.api().create(&bundle, &self.control).unwrap().unwrap()
    }

    fn make_channel(&self, name: &str) {
        let mut request = Request::new(Method::Post, format!("{}/channel", self.server.url()).parse().unwrap());
        request.headers.add("authorization", self.key.clone()).unwrap();
        request.headers.add("content-type", "application/json").unwrap();
        let body = format!(r#"{{"app_id":"{}","channel":"{name}","public":true}}"#, app());
        request.body = Some(Body::Bytes(body.into_bytes()));
        let mut status = Status(0);
        Http::new().send(&request, &mut status).unwrap();
        assert_eq!(status.0, 200);
    }
}

struct Status(u16);

impl Receiver for Status {
    fn begin(&mut self, head: &Head) -> capbundle::Result<()> {
        self.0 = head.status;
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> capbundle::Result<()> {
        Ok(())
    }
}

fn app() -> AppId {
    "com.example.app".parse().unwrap()
}

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> ApiError {
    match result.unwrap_err() {
        Error::Api(error) => *error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_archive_is_uploaded_registered_and_promoted_to_a_channel() {
    let setup = Setup::new();
    let (api, control) = (setup.api(), &setup.control);
    let content: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    let path = setup.archive(&content);

    let to = format!("{}/upload/{}", setup.server.url(), app()).parse().unwrap();
    let upload = HttpUpload {
        url: &to,
        file: &path,
        options: &setup.upload_options(),
    };
    let stored = post_form(&Http::new(), &upload, control).unwrap();
    let url = stored.url.unwrap();
    let expected = Expected::of_file(&path, control).unwrap();
    let checked = check(&Http::new(), &url, &UrlCheckOptions::new(expected.clone()), control).unwrap();
    assert_eq!((checked.size, checked.notes), (3_000_000, vec![]));

    let new = BundleRegistration::new(app(), "1.2.3", url, expected.digest).unwrap();
    let made = api.create(&new, control).unwrap().unwrap();
    let found = api.bundle(&app(), "1.2.3", control).unwrap().unwrap();
    assert_eq!(made, found);
    assert!(new.is_same_as(&found), "{found:?}");

    let metadata = BundleMetadata {
        link: Some("https://example.com/v1.2.3"),
        comment: Some("Fixed"),
    };
    api.set_metadata(&app(), found.id, metadata, control).unwrap();
    let found = api.bundle(&app(), "1.2.3", control).unwrap().unwrap();
    assert_eq!(found.link.as_deref(), Some("https://example.com/v1.2.3"));
    assert_eq!(found.comment.as_deref(), Some("Fixed"));

    assert_eq!(api.channel(&app(), "staging", control).unwrap(), None);
    setup.make_channel("staging");
    let before = api.set_channel_by_name(&app(), found.id, "staging", control).unwrap();
    assert_ne!(before.bundle_id, Some(found.id));
    let after = api.channel(&app(), "staging", control).unwrap().unwrap();
    assert_eq!(
        (after.bundle_id, after.version.as_deref()),
        (Some(found.id), Some("1.2.3"))
    );
    let channels: Result<Vec<_>> = api.channels(&app(), control).collect();
    assert!(channels.unwrap().contains(&after));
}

#[test]
fn bundles_are_deleted_unless_a_channel_serves_them() {
    let setup = Setup::new();
    let (api, control) = (setup.api(), &setup.control);
    for version in ["1.0.0", "1.0.1", "1.0.2"] {
        setup.publish(version, version.as_bytes());
    }
    setup.make_channel("production");
    let served = api.bundle(&app(), "1.0.1", control).unwrap().unwrap();
    api.set_channel_by_name(&app(), served.id, "production", control)
        .unwrap();

    assert!(refusal(api.delete(&app(), "1.0.1", control)).is("cannot_delete_linked_version"));
    assert!(refusal(api.delete(&app(), "9.9.9", control)).is("cannot_delete_version"));
    api.delete(&app(), "1.0.0", control).unwrap();
    assert_eq!(api.bundle(&app(), "1.0.0", control).unwrap(), None);
    api.delete_all(&DeleteAll::bundles_of(app()), control).unwrap();
    let left: Result<Vec<RemoteBundle>> = api.bundles(&app(), control).collect();
    assert_eq!(
        left.unwrap()
            .iter()
            .map(|bundle| bundle.version.as_str())
            .collect::<Vec<_>>(),
        ["1.0.1"]
    );
}

#[test]
fn all_pages_are_listed_newest_first() {
    let setup = Setup::new();
    let api = setup.api();
    for number in 0..120 {
        let url = format!("https://cdn.example.com/{number}.zip").parse().unwrap();
        let bundle = BundleRegistration::new(app(), format!("1.0.{number}"), url, Sha256Digest::of(b"")).unwrap();
        api.create(&bundle, &setup.control).unwrap();
    }
    let listed: Result<Vec<RemoteBundle>> = api.bundles(&app(), &setup.control).collect();
    let listed: Vec<String> = listed.unwrap().into_iter().map(|bundle| bundle.version).collect();
    let expected: Vec<String> = (0..120).rev().map(|number| format!("1.0.{number}")).collect();
    assert_eq!(listed, expected);
}

#[test]
fn api_errors_contain_the_code_and_not_the_key() {
    let setup = Setup::new();
    let (api, control) = (setup.api(), &setup.control);
    let bundle = setup.publish("1.0.0", b"archive");
    let again =
        |url: &str| BundleRegistration::new(app(), "1.0.0", url.parse().unwrap(), Sha256Digest::of(b"")).unwrap();
    assert!(refusal(api.create(&again("https://cdn.example.com/1.zip"), control)).is("version_already_exists"));
    assert!(refusal(api.set_channel(&app(), bundle.id, 999, control)).is("cannot_find_channel"));
    let metadata = BundleMetadata {
        link: Some("x"),
        comment: None,
    };
    assert!(refusal(api.set_metadata(&app(), 999, metadata, control)).is("cannot_find_version"));
    let unknown = setup.api_with("cbk_an-unknown-key", "");
    let error = refusal(unknown.bundle(&app(), "1.0.0", control));
    assert!(error.is("invalid_apikey") && error.status == 401, "{error}");
    assert!(!error.to_string().contains("an-unknown-key"), "{error}");
    let other: AppId = "com.example.other".parse().unwrap();
    assert!(refusal(api.bundles(&other, control).next().unwrap()).is("cannot_get_bundle"));
}

#[test]
fn an_upload_without_a_key_is_refused_with_a_reason() {
    let setup = Setup::new();
    // Large enough that a response during the upload would be lost if the connection were closed.
    let path = setup.archive(&vec![7; 20 << 20]);
    let to = format!("{}/upload/{}", setup.server.url(), app()).parse().unwrap();
    let upload = HttpUpload {
        url: &to,
        file: &path,
        options: &HttpUploadOptions::default(),
    };
    let error = put(&Http::new(), &upload, &setup.control).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(
        error.to_string().contains("a header with a token is missing or wrong"),
        "{error}"
    );
}

#[test]
fn the_base_url_may_end_with_a_slash() {
    let setup = Setup::new();
    let made = setup.publish("1.0.0", b"archive");
    let found = setup
        .api_with(&setup.key, "/")
        .bundle(&app(), "1.0.0", &setup.control)
        .unwrap();
    assert_eq!(found, Some(made));
}
