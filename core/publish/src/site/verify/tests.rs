#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::sync::{LazyLock, Mutex};

use super::super::tests::fixtures::*;
use super::super::tests::memory::Memory;
use super::super::{Audience, SiteStorage as _};
use super::*;
use capbundle::http::{Head, Headers, Receiver, Request, TransportError};

/// A web server that serves a site in memory.
#[derive(Debug)]
struct Served<'a> {
    site: &'a Memory,
    cache_control: &'static str,
    /// Whether the first request for each path breaks.
    is_shaky: bool,
    requested: Mutex<Vec<String>>,
}

impl Transport for Served<'_> {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let path = request.url.path().strip_prefix("/app/").unwrap().to_owned();
        let mut requested = self.requested.lock().unwrap();
        requested.push(path.clone());
        if self.is_shaky && requested.iter().filter(|requested| **requested == path).count() == 1 {
            return Err(TransportError::Broken("the connection broke".to_owned()));
        }
        drop(requested);
        let mut headers = Headers::new();
        headers.add("cache-control", self.cache_control).unwrap();
        let (status, body) = match (self.site.served(&path), request.headers.get("range")) {
            (None, _) => (404, b"<html>".to_vec()),
            (Some(bytes), Some(_)) => {
                headers
                    .add("content-range", format!("bytes 0-0/{}", bytes.len()))
                    .unwrap();
                (206, bytes[..1].to_vec())
            }
            (Some(bytes), None) => (200, bytes),
        };
        receiver
            .begin(&Head::new(status, headers))
            .map_err(TransportError::Receiver)?;
        receiver.write(&body).map_err(TransportError::Receiver)
    }
}

fn served(site: &Memory) -> Served<'_> {
    Served {
        site,
        cache_control: "no-cache",
        is_shaky: false,
        requested: Mutex::default(),
    }
}

static CHANNELS: LazyLock<[ChannelName; 1]> = LazyLock::new(|| [CHANNEL.clone()]);

fn look_with<'a>(served: &Served<'_>, change: impl FnOnce(&mut VerifyOptions<'a>)) -> VerifyReport {
    let staging = tempfile::tempdir().unwrap();
    let mut options = VerifyOptions::new(&APP, &*CHANNELS, staging.path().to_owned());
    options.ring = Some(&RING);
    options.now = Timestamp(NOW);
    options.download.first_wait = Duration::from_millis(1);
    change(&mut options);
    let base = "http://127.0.0.1/app".parse().unwrap();
    let report = verify(served, &Site::new(base), &options, &Control::new()).unwrap();
    assert_eq!(std::fs::read_dir(staging.path()).unwrap().count(), 0);
    report
}

fn look(site: &Memory) -> VerifyReport {
    look_with(&served(site), |options| options.full = true)
}

fn codes(report: &VerifyReport) -> Vec<&str> {
    report.problems.iter().map(|problem| problem.code).collect()
}

fn two() -> Memory {
    let site = Memory::default().at(NOW);
    run(|run| super::super::publish_ring(&site, &APP, &RING, run)).unwrap();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    publish(&site, "1.1.0", candidate(500)).unwrap();
    site
}

#[test]
fn an_intact_site_has_no_problems() {
    let report = look(&two());
    assert_eq!(report.problems, []);
    assert_eq!((report.ring, report.releases.len(), report.worst()), (Some(1), 2, None));
}

#[test]
fn a_request_is_retried_after_a_broken_connection() {
    let site = two();
    let mut served = served(&site);
    served.is_shaky = true;
    assert_eq!(look_with(&served, |options| options.full = true).problems, []);
}

#[test]
fn a_missing_file_is_reported() {
    for (folder, code) in [
        ("archives/", "not_found"),
        ("files/", "not_found"),
        ("releases/production/1", "not_found"),
    ] {
        let site = two();
        let path = site.paths().into_iter().find(|path| path.starts_with(folder)).unwrap();
        site.remove(&path);
        let report = look_with(&served(&site), |_| {});
        assert_eq!(codes(&report), [code], "{path}");
        assert_eq!(
            (report.worst(), &report.problems[0].path),
            (Some(ProblemSeverity::Broken), &path)
        );
    }
    let site = two();
    site.remove("channels/production.json");
    assert_eq!(codes(&look(&site)), ["not_found"]);
}

#[test]
fn a_modified_file_is_found_by_the_matching_check() {
    let change = |folder: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let site = two();
        let path = site.paths().into_iter().find(|path| path.starts_with(folder)).unwrap();
        let mut bytes = site.served(&path).unwrap();
        change(&mut bytes);
        site.set(&path, &bytes);
        site
    };
    let longer = change("archives/", &|bytes| bytes.push(0));
    assert_eq!(codes(&look_with(&served(&longer), |_| {})), ["archive_differs"]);
    let flipped = change("archives/", &|bytes| bytes[40] ^= 1);
    assert_eq!(
        codes(&look_with(&served(&flipped), |_| {})),
        Vec::<&str>::new(),
        "the first byte is unchanged"
    );
    assert_eq!(codes(&look(&flipped)), ["digest_mismatch"]);
    let list = change("files/", &|bytes| bytes.push(b' '));
    assert_eq!(codes(&look(&list)), ["files_differ"]);
    let channel = change("channels/", &|bytes| bytes.truncate(20));
    assert_eq!(codes(&look(&channel)), ["malformed"]);
    let release = change("releases/production/2", &|bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let (before, signature) = text.split_once("\"sig\":\"").unwrap();
        *bytes = format!("{before}\"sig\":\"AAAA{}", &signature[4..]).into_bytes();
    });
    assert_eq!(codes(&look(&release)), ["signatures"]);
}

#[test]
fn a_release_is_reported_before_it_expires() {
    let site = two();
    let at = |days: u64| look_with(&served(&site), |options| options.now = Timestamp(NOW + days * DAY));
    assert_eq!(at(75).problems, []);
    assert_eq!(codes(&at(77)), ["expires_soon", "expires_soon"]);
    assert_eq!(at(77).worst(), Some(ProblemSeverity::Warning));
    assert_eq!(codes(&at(90)), ["expired", "expired"]);
}

#[test]
fn a_channel_file_that_caches_keep_is_reported() {
    let site = two();
    let with = |cache_control| {
        let mut served = served(&site);
        served.cache_control = cache_control;
        codes(&look_with(&served, |_| {})).len()
    };
    assert_eq!(with("public, max-age=3600"), 1);
    assert_eq!(with("max-age=0, must-revalidate"), 0);
    assert_eq!(with("no-cache, max-age=3600"), 0);
}

#[test]
fn without_a_ring_that_of_the_site_is_trusted_with_a_note() {
    let site = two();
    let report = look_with(&served(&site), |options| options.ring = None);
    assert_eq!(
        (codes(&report), report.worst()),
        (vec!["ring_from_site"], Some(ProblemSeverity::Note))
    );
    let stranger = ring(1, &[&OTHER_KEY], &[], &[&OTHER_KEY]);
    let report = look_with(&served(&site), |options| options.ring = Some(&stranger));
    assert_eq!(codes(&report), ["signatures", "signatures"]);
}

#[test]
fn a_sealed_archive_is_opened_with_a_content_key() {
    let staging = tempfile::tempdir().unwrap();
    let site = Memory::default().at(NOW);
    run(|run| super::super::publish_ring(&site, &APP, &RING, run)).unwrap();
    let bundle = bundle("1.0.0").sealed_for(vec![CONTENT_KEY.public().clone()], staging.path());
    let details = details("1.0.0");
    run(|run| publisher(&site).publish(&stable(&bundle, &details), &signing(&[&KEY]), run)).unwrap();
    assert_eq!(codes(&look(&site)), ["not_opened"]);
    let keys: [&ContentKey; 1] = [&CONTENT_KEY];
    let opened = |site: &Memory| {
        let report = look_with(&served(site), |options| {
            (options.full, options.content_keys) = (true, &keys);
        });
        codes(&report).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(opened(&site).is_empty());
    let path = site.list("archives", &Control::new()).unwrap().remove(0).path;
    let mut bytes = site.served(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    site.set(&path, &bytes);
    assert_eq!(opened(&site), ["decryption_failed"]);
}

#[test]
fn a_failing_server_is_an_error_rather_than_a_problem() {
    #[derive(Debug)]
    struct Failing;
    impl Transport for Failing {
        fn send(&self, _: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
            receiver
                .begin(&Head::new(503, Headers::new()))
                .map_err(TransportError::Receiver)
        }
    }
    let channels = [CHANNEL.clone()];
    let mut options = VerifyOptions::new(&APP, &channels, "/nowhere".into());
    (options.download.first_wait, options.download.attempts) = (Duration::from_millis(1), 2);
    let site = Site::new("http://127.0.0.1/app".parse().unwrap());
    let error = verify(&Failing, &site, &options, &Control::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
}

#[test]
fn a_built_in_release_is_valid_without_files() {
    let site = site();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    let details = details("builtin");
    run(|run| publisher(&site).rollback_to_built_in(&details, &signing(&[&KEY]), run)).unwrap();
    let served = served(&site);
    let report = look_with(&served, |options| options.full = true);
    assert_eq!(codes(&report), Vec::<&str>::new());
    assert!(report.releases[0].is_built_in());
    let requested = served.requested.lock().unwrap();
    assert!(
        !requested
            .iter()
            .any(|path| path.starts_with("archives/") || path.starts_with("files/")),
        "{requested:?}"
    );
    // It expires like any other release.
    let soon = look_with(&self::served(&site), |options| options.now = Timestamp(NOW + 80 * DAY));
    assert_eq!(codes(&soon), ["expires_soon"]);
}
