//! Uploads without faults: the stored objects, the reported results and progress.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use capbundle::ErrorKind;
use capbundle::digest::Sha256Digest;
use capbundle::http::Http;
use capbundle::http::download::{Download, DownloadOptions, Remote, download};
use capbundle::progress::{Control, Phase, Progress};
use capbundle_publish::Result;
use capbundle_publish::s3::{Checked, UploadOptions};
use capbundle_publish::url_check::{Expected, UrlCheckOptions, check};
use capbundle_tests::peers::tests_folder;

use super::proxy::{Fault, Proxy, Rule};
use super::servers::{BUCKET, REGION, all, bucket, file, head, options_at};

const MIB: usize = 1 << 20;

#[test]
fn files_of_every_size_are_uploaded_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    for server in all() {
        let bucket = server.bucket();
        for (size, parts) in [
            (0, 1),
            (1, 1),
            (5 * MIB - 1, 1),
            (8 * MIB, 1),
            (8 * MIB + 1, 2),
            (100 * MIB, 13),
        ] {
            let (path, bytes) = file(folder.path(), size);
            let key = format!("apps/com.example.app/1.0.0+{size}.zip");
            let uploaded = bucket
                .upload(&path, &key, &UploadOptions::default(), &Control::new())
                .unwrap();
            assert_eq!((uploaded.size, uploaded.parts), (size as u64, parts), "{size}");
            assert_eq!(uploaded.sha256, Sha256Digest::of(&bytes), "{size}");
            assert!(uploaded.confirmed && !uploaded.already_there, "{size}");
            let single = size < 8 * MIB;
            let expected = if single || server.knows_checksums {
                Checked::ByServer
            } else {
                Checked::BySize
            };
            assert_eq!(uploaded.checked, expected, "{size}");
            assert!(server.stored(&key) == bytes, "{size}: the stored bytes differ");
        }
        assert_eq!(server.open_parts(), Vec::<std::path::PathBuf>::new());
    }
}

#[test]
fn identical_bytes_are_not_sent_again_and_others_need_the_replace_option() {
    let folder = tempfile::tempdir().unwrap();
    for server in all() {
        let bucket = server.bucket();
        let mut options = UploadOptions::default();
        for size in [1000, 17 * MIB] {
            let key = format!("app-{size}.zip");
            let (path, bytes) = file(folder.path(), size);
            let control = Control::new();
            let first = bucket.upload(&path, &key, &options, &control).unwrap();
            let second = bucket.upload(&path, &key, &options, &control).unwrap();
            assert!(!first.already_there && second.already_there);
            assert_eq!((second.parts, second.sha256), (first.parts, first.sha256));

            let mut other = bytes.clone();
            other[size / 2] ^= 1;
            std::fs::write(&path, &other).unwrap();
            let error = bucket.upload(&path, &key, &options, &control).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("another file"), "{error}");
            assert!(server.stored(&key) == bytes);

            options.replace = true;
            let third = bucket.upload(&path, &key, &options, &control).unwrap();
            assert!(!third.already_there && server.stored(&key) == other);
            options.replace = false;
        }
    }
}

#[test]
fn content_type_caching_and_digest_are_stored_with_the_object() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = file(folder.path(), 9 * MIB);
    for server in all() {
        let bucket = server.bucket();
        let mut options = UploadOptions::default();
        options.cache_control = Some("public,  max-age=31536000, immutable".to_owned());
        options.metadata = vec![("Channel".to_owned(), "production".to_owned())];
        bucket.upload(&path, "app.zip", &options, &Control::new()).unwrap();
        let object = head(&bucket, "app.zip").unwrap();
        assert_eq!(object.size, bytes.len() as u64);
        assert_eq!(object.content_type.as_deref(), Some("application/zip"));
        assert_eq!(object.sha256, Some(Sha256Digest::of(&bytes)));
        if server.knows_checksums {
            assert_eq!(
                object.cache_control.as_deref(),
                Some("public, max-age=31536000, immutable")
            );
        }
    }
}

#[test]
fn objects_are_listed_inspected_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(folder.path(), 10);
    for server in all() {
        let bucket = server.bucket();
        let control = Control::new();
        for number in 0..3 {
            let key = format!("app/1.0.{number}.zip");
            bucket.upload(&path, &key, &UploadOptions::default(), &control).unwrap();
        }
        bucket
            .upload(&path, "other/1.zip", &UploadOptions::default(), &control)
            .unwrap();
        let listed: Result<Vec<_>> = bucket.list("app/", &control).collect();
        let keys: Vec<String> = listed.unwrap().into_iter().map(|object| object.key).collect();
        assert_eq!(keys, ["app/1.0.0.zip", "app/1.0.1.zip", "app/1.0.2.zip"]);

        bucket.delete("app/1.0.1.zip", &control).unwrap();
        bucket.delete("app/1.0.1.zip", &control).unwrap();
        assert_eq!(head(&bucket, "app/1.0.1.zip"), None);
        assert_eq!(bucket.list("app/", &control).count(), 2);
    }
}

#[test]
fn upload_progress_never_decreases() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = file(folder.path(), 40 * MIB);
    for server in all() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let observer = Arc::clone(&seen);
        let control = Control::new().with_observer(Arc::new(move |progress: Progress| {
            observer.lock().unwrap().push(progress);
        }));
        server
            .bucket()
            .upload(&path, "app.zip", &UploadOptions::default(), &control)
            .unwrap();
        let seen = seen.lock().unwrap();
        let phase = |phase| {
            seen.iter()
                .filter(move |progress| progress.phase == phase)
                .map(|progress| progress.done)
        };
        assert_eq!(phase(Phase::Hash).next_back(), Some(bytes.len() as u64));
        let uploaded: Vec<u64> = phase(Phase::Upload).collect();
        assert!(uploaded.is_sorted() && uploaded.len() > 10, "{uploaded:?}");
        assert_eq!(
            (uploaded.first(), uploaded.last()),
            (Some(&0), Some(&(bytes.len() as u64)))
        );
    }
}

#[test]
fn a_presigned_url_works_without_credentials_until_it_expires() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = file(folder.path(), 3 * MIB);
    for server in all() {
        let bucket = server.bucket();
        let key = "a b/ä+1.zip";
        bucket
            .upload(&path, key, &UploadOptions::default(), &Control::new())
            .unwrap();
        let fetch = |url| {
            let into = tempfile::tempdir().unwrap();
            let mut remote = Remote::new(url);
            remote.digest = Some(Sha256Digest::of(&bytes));
            let wanted = Download {
                remote: &remote,
                folder: into.path(),
                options: &DownloadOptions::default(),
            };
            download(&Http::new(), &wanted, &Control::new()).map(drop)
        };
        fetch(bucket.presigned_get(key, Duration::from_secs(60)).unwrap()).unwrap();

        // Signed an hour ago, for a minute.
        let past = server
            .bucket()
            .with_clock(|| std::time::SystemTime::now() - Duration::from_secs(3600));
        let expired = past.presigned_get(key, Duration::from_secs(60)).unwrap();
        let error = fetch(expired).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
        assert!(error.to_string().contains("403"), "{error}");
        assert!(!error.to_string().contains("Signature="), "{error}");

        let public = bucket.public_url(key, None).unwrap();
        assert_eq!(
            public.as_str(),
            format!("http://{}/{BUCKET}/a%20b/%C3%A4%2B1.zip", server.address)
        );
        assert!(fetch(public).unwrap_err().to_string().contains("403"));
        let cdn = bucket
            .public_url(key, Some("https://cdn.example/{region}/{key}?v=1"))
            .unwrap();
        assert_eq!(
            cdn.as_str(),
            format!("https://cdn.example/{REGION}/a%20b/%C3%A4%2B1.zip?v=1")
        );
    }
}

/// The CORS configuration of a bucket in docs/s3.md.
fn documented_cors() -> serde_json::Value {
    let page = std::fs::read_to_string(tests_folder().join("../docs/s3.md")).unwrap();
    let (_, from) = page.split_once("```json\n").expect("the page has a JSON block");
    let (text, _) = from.split_once("```").unwrap();
    serde_json::from_str(text).unwrap()
}

#[test]
fn web_apps_read_a_private_bucket_with_presigned_urls_and_the_documented_cors() {
    let rules = documented_cors();
    let rule = &rules["CORSRules"][0];
    let lists = |name: &str, value: &str| rule[name].as_array().unwrap().iter().any(|found| found == value);
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = file(folder.path(), 1000);
    let options = UrlCheckOptions::new(Expected::of_digest(Sha256Digest::of(&bytes)));
    let origin = &options.origin;
    assert!(
        lists("AllowedOrigins", origin) && lists("AllowedOrigins", "capacitor://localhost"),
        "{rule}"
    );
    assert!(
        lists("AllowedMethods", "GET") && lists("AllowedMethods", "HEAD"),
        "{rule}"
    );
    assert!(
        lists("AllowedHeaders", "range") && lists("ExposeHeaders", "ETag"),
        "{rule}"
    );
    for server in all() {
        // The proxy adds the header that a store with this configuration sends, or none.
        let allowed = format!("Access-Control-Allow-Origin: {origin}");
        for (header, reads) in [(Some(allowed), true), (None, false)] {
            let faults = header.into_iter().map(|header| Rule {
                method: "GET",
                target: "X-Amz-Signature",
                times: u32::MAX,
                fault: Fault::AddToAnswer(header),
            });
            let proxy = Proxy::start(server.address, faults.collect());
            let bucket = bucket(&options_at(proxy.address));
            let control = Control::new();
            bucket
                .upload(&path, "app.zip", &UploadOptions::default(), &control)
                .unwrap();
            let signed = bucket.presigned_get("app.zip", Duration::from_secs(60)).unwrap();

            let checked = check(&Http::new(), &signed, &options, &control).unwrap();

            let codes: Vec<&str> = checked
                .notes
                .iter()
                .map(capbundle_publish::url_check::UrlNote::as_str)
                .collect();
            assert_eq!(!codes.contains(&"no_cors"), reads, "{codes:?}");
            let plain = bucket.public_url("app.zip", None).unwrap();
            let refused = check(&Http::new(), &plain, &options, &control).unwrap_err();
            assert!(
                refused.to_string().contains("403"),
                "the object was readable without a signature: {refused}"
            );
        }
    }
}
