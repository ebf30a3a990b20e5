//! Stores written by released versions. Every later version must read them.

use crate::bundle::WrittenFile;
use crate::limits::Limits;
use crate::path::SafePath;
use std::collections::BTreeMap;
use std::fs;

use super::device::{names, version_in, write_bundle};
use super::*;
use crate::digest::Sha256Digest;

const FORMATS: [&str; 4] = ["1", "1-releases", "1-starts", "1-contents"];

fn fixture(format: &str) -> PathBuf {
    let name = format!("src/store/fixtures/format-{format}");
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn id(name: &str) -> BundleId {
    name.parse().unwrap()
}

fn record(name: &str, version: &str) -> BundleRecord {
    BundleRecord {
        id: id(name),
        version: version.to_owned(),
        digest: Some(Sha256Digest::of(name.as_bytes())),
        content_digest: None,
        proof: None,
        archive_size: 1000,
        unpacked_size: 2000,
        files: 2,
        installed_at: Timestamp(1_700_000_000),
        proven_at: None,
        proven_build: None,
        proven_version: None,
        native: NativeRange::default(),
        link: None,
        comment: None,
        sequence: None,
        release: None,
    }
}

const TRIAL: &str = r#"{"failed_starts":1,"unstarted":2,
    "attempt":{"session":"0123456789abcdef0123456789abcdef","started":true}}"#;

/// All members of a state of format 1, each optional one present once and missing once.
fn state_of_format_1() -> StoreState {
    let proven = BundleRecord {
        proven_at: Some(Timestamp(1_700_000_100)),
        proven_build: Some("41".to_owned()),
        native: NativeRange {
            min: Some(NativeVersion::new("1.2")),
            max: Some(NativeVersion::new("3")),
        },
        link: Some("https://example.com/notes?a=1&b=\"2\"".to_owned()),
        comment: Some("Grüße, 世界 🌍\n".to_owned()),
        sequence: Some((1 << 53) - 1),
        ..record("Proven0001", "1.0.0")
    };
    let adopted = BundleRecord {
        digest: None,
        ..record("Adopted001", "0.9 \"beta\"")
    };
    let failed = |name: &str, digest, native_build: Option<&str>, cause| FailedBundle {
        id: id(name),
        version: format!("version of {name}"),
        digest,
        content_digest: None,
        at: Timestamp(1_700_000_200),
        native_build: native_build.map(str::to_owned),
        native_version: None,
        cause,
        order: 0,
    };
    let marked = failed("Marked0001", None, None, FailureCause::Marked);
    let mut delays = crate::store::lifecycle::apply_condition::ApplyConditions::default();
    delays.set(vec![
        ApplyCondition::Background(60_000),
        ApplyCondition::Kill,
        ApplyCondition::NativeVersion(NativeVersion::new("2.0")),
        ApplyCondition::Date(Timestamp(4_102_444_800)),
    ]);
    delays.entered_background(Timestamp(1_700_000_300));
    let records = [
        proven,
        adopted,
        record("Trial00001", "2.0.0"),
        record("Next000001", "3.0.0"),
    ];
    StoreState {
        current: id("Trial00001").into(),
        fallback: id("Proven0001").into(),
        next: Some(id("Next000001").into()),
        trial: Some(crate::store::storage::json::read(TRIAL.as_bytes()).unwrap()),
        delays,
        bundles: records.into_iter().collect(),
        failed: vec![
            failed(
                "Never00001",
                Some(Sha256Digest::of(b"a")),
                Some("41"),
                FailureCause::NeverConfirmed,
            ),
            marked.clone(),
            failed(
                "Capgo00001",
                Some(Sha256Digest::of(b"c")),
                Some("40"),
                FailureCause::Adopted,
            ),
        ],
        unread_failure: Some(marked),
        native_build: Some("41".to_owned()),
        // Written before these members existed.
        ..StoreState::default()
    }
}

/// The same for a store that accepted releases.
fn state_with_releases() -> StoreState {
    let mut state = state_of_format_1();
    let accepted = |channel: &str, sequence| AcceptedRelease {
        app_id: "com.example.app".parse().unwrap(),
        channel: channel.parse().unwrap(),
        sequence,
        payload_sha256: Sha256Digest::of(channel.as_bytes()),
        created_at: Timestamp(1_700_000_000 + sequence),
    };
    for (name, release) in [
        ("Proven0001", accepted("production", 41)),
        ("Next000001", accepted("beta", 7)),
    ] {
        let record = state.bundles.get(&id(name)).unwrap().clone();
        let record = BundleRecord {
            sequence: Some(release.sequence),
            release: Some(release.clone()),
            ..record
        };
        state.accept(record, &release).unwrap();
    }
    state.trust.device_id = Some("0123456789abcdef0123456789abcdef".to_owned());
    state
}

/// The same for a store with native versions, silent starts and predecessors.
fn state_with_starts() -> StoreState {
    let mut state = state_with_releases();
    let version = Some(NativeVersion::new("2.5"));
    let proven = BundleRecord {
        proven_version: version.clone(),
        ..state.bundles.get(&id("Proven0001")).unwrap().clone()
    };
    let older = BundleRecord {
        id: id("Adopted001"),
        proven_at: Some(Timestamp(1_700_000_050)),
        proven_build: Some("41".to_owned()),
        proven_version: version.clone(),
        ..record("Adopted001", "0.9 \"beta\"")
    };
    state.add(proven);
    state.add(BundleRecord { digest: None, ..older });
    state.failed[0].native_version.clone_from(&version);
    state.native_version = version;
    let attempt = state.trial.as_mut().unwrap().attempt.as_mut().unwrap();
    (attempt.started, attempt.page_started, attempt.in_background) = (false, true, true);
    state.previous = Some(id("Adopted001"));
    state.confirmed_starts = 2;
    state.superseded = vec![id("Next000001")];
    state.set_aside = crate::store::storage::json::read(SET_ASIDE.as_bytes()).unwrap();
    state.silent = Some(crate::store::storage::json::read(SILENT.as_bytes()).unwrap());
    state
}

/// The same for a store that records contents and proofs.
fn state_with_contents() -> StoreState {
    let mut state = state_with_starts();
    let contents = |name: &str| Some(Sha256Digest::of(format!("files of {name}").as_bytes()));
    for (name, proof) in [
        ("Proven0001", r#"{"kind":"release","keys":["KEY"]}"#),
        ("Next000001", r#"{"kind":"digest"}"#),
        ("Adopted001", r#"{"kind":"assumed"}"#),
    ] {
        let key = Sha256Digest::of(b"key").to_string();
        let record = state.bundles.get_mut(&id(name)).unwrap();
        record.proof = Some(crate::store::storage::json::read(proof.replace("KEY", &key).as_bytes()).unwrap());
        if name != "Adopted001" {
            record.content_digest = contents(name);
        }
    }
    state.failed[0].content_digest = contents("Never00001");
    state.set_aside[1].content_digest = contents("aside");
    state
}

const SET_ASIDE: &str = r#"[{"version":"0.8","at":1700000400},{"version":"0.9.1",
    "digest":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb","sequence":40,"at":1700000401}]"#;
const SILENT: &str = r#"{"bundle":"Proven0001","sessions":["fedcba9876543210fedcba9876543210"]}"#;

fn expected(format: &str) -> StoreState {
    match format {
        "1" => state_of_format_1(),
        "1-releases" => state_with_releases(),
        "1-starts" => state_with_starts(),
        "1-contents" => state_with_contents(),
        _ => unreachable!("a format without a fixture"),
    }
}

fn write_fixture(folder: &Path, state: &StoreState) {
    let store = Store::open(folder, StoreOptions::default()).unwrap();
    for record in state.bundles.values() {
        write_bundle(&store.folder(&record.id), &record.version);
        store.storage.save_record(record).unwrap();
        let index = WrittenFile {
            path: SafePath::parse(b"index.html", &Limits::default()).unwrap().unwrap(),
            size: 5,
            digest: Sha256Digest::of(b"index"),
        };
        store.storage.save_file_list(&record.id, &[index]).unwrap();
    }
    store
        .change(|new| {
            new.clone_from(state);
            new.next = Some(BundleRef::BuiltIn);
            Ok(())
        })
        .unwrap();
    store
        .change(|new| {
            new.clone_from(state);
            Ok(())
        })
        .unwrap();
    drop(store);
    for name in ["lock", "reserve", "sessions", "staging"] {
        let path = folder.join(name);
        let _ = if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
    }
}

/// A copy that may be changed.
fn copy_of(format: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&fixture(format), folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

fn open(folder: &Path) -> Store {
    Store::open(folder, StoreOptions::default()).unwrap()
}

#[test]
fn states_of_every_format_are_read_to_the_last_field() {
    for format in FORMATS {
        let folder = copy_of(format);
        let loaded = open(folder.path()).storage.load().unwrap();
        assert_eq!(loaded.recovered, None, "format {format}");
        assert_eq!(loaded.state, expected(format), "format {format}");
        loaded.state.check_invariants().unwrap();
    }
}

#[test]
fn previous_generations_of_every_format_are_read_and_the_built_in_bundle_is_next_in_them() {
    for format in FORMATS {
        let folder = copy_of(format);
        fs::remove_file(folder.path().join("state.json")).unwrap();
        let state = open(folder.path()).storage.load().unwrap().state;
        assert_eq!(
            (state.next, state.current),
            (Some(BundleRef::BuiltIn), id("Trial00001").into())
        );
    }
}

#[test]
fn records_and_marks_of_every_format_recover_a_lost_state() {
    for format in FORMATS {
        let folder = copy_of(format);
        for name in ["state.json", "state.prev.json"] {
            fs::remove_file(folder.path().join(name)).unwrap();
        }

        let state = open(folder.path()).storage.load().unwrap().state;

        let wanted = expected(format);
        assert_eq!(state.bundles, wanted.bundles, "format {format}");
        let by_id = |failed: Vec<FailedBundle>| -> BTreeMap<_, _> {
            failed.into_iter().map(|of| (of.id.clone(), of)).collect()
        };
        assert_eq!(by_id(state.failed), by_id(wanted.failed), "format {format}");
        let (app, channel) = ("com.example.app".parse().unwrap(), "production".parse().unwrap());
        let last = |trust: &crate::store::records::RollbackGuard| trust.last_accepted(&app, &channel);
        assert_eq!(last(&state.trust), last(&wanted.trust), "format {format}");
        assert_eq!(state.trust.latest_time(), wanted.trust.latest_time(), "format {format}");
        assert_eq!(
            (state.current, state.fallback),
            (id("Proven0001").into(), id("Proven0001").into())
        );
    }
}

#[test]
fn a_store_of_every_format_continues_from_its_state() {
    for format in FORMATS {
        let folder = copy_of(format);

        // Its trial failed once, and the attempt that started ended without a confirmation.
        let launch = open(folder.path()).launch(&NativeApp::new("2.5", "41"));

        // The last attempt ended in the background, where nothing counts.
        let (bundle, reason) = match format {
            "1-starts" | "1-contents" => ("Trial00001", LaunchReason::Current),
            _ => ("Proven0001", LaunchReason::TrialFailed),
        };
        assert_eq!((launch.bundle, launch.reason), (id(bundle).into(), reason));
        let version = if bundle == "Proven0001" { "1.0.0" } else { "2.0.0" };
        assert_eq!(version_in(&launch.folder.unwrap()), version);
    }
}

/// Whether `new` contains all of `old`. Released versions ignore unknown members.
fn says_as_much(old: &serde_json::Value, new: &serde_json::Value) -> bool {
    match (old, new) {
        (serde_json::Value::Object(old), serde_json::Value::Object(new)) => old
            .iter()
            .all(|(name, old)| new.get(name).is_some_and(|new| says_as_much(old, new))),
        (serde_json::Value::Array(old), serde_json::Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(|(old, new)| says_as_much(old, new))
        }
        _ => old == new,
    }
}

#[test]
fn released_versions_find_their_members_in_a_newer_state() {
    let new = state_with_contents();
    let mut old = new.clone();
    // Members that released versions do not have.
    old.native_version = None;
    (old.previous, old.silent, old.confirmed_starts) = (None, None, 0);
    (old.superseded, old.set_aside) = (Vec::new(), Vec::new());
    for failed in &mut old.failed {
        (failed.native_version, failed.content_digest) = (None, None);
    }
    let records: Vec<BundleRecord> = old.bundles.values().cloned().collect();
    old.bundles = records
        .into_iter()
        .map(|record| BundleRecord {
            proven_version: None,
            content_digest: None,
            proof: None,
            ..record
        })
        .collect();
    let attempt = old.trial.as_mut().unwrap().attempt.as_mut().unwrap();
    (attempt.page_started, attempt.in_background) = (false, false);

    let (old, new) = (serde_json::to_value(&old).unwrap(), serde_json::to_value(&new).unwrap());

    assert!(says_as_much(&old, &new), "{new:#} says less than {old:#}");
    let known = [
        "current",
        "fallback",
        "next",
        "trial",
        "delays",
        "bundles",
        "failed",
        "unread_failure",
        "native_build",
        "trust",
    ];
    let members: Vec<&String> = old.as_object().unwrap().keys().collect();
    assert!(
        members.iter().all(|member| known.contains(&member.as_str())),
        "{members:?}"
    );
}

#[test]
fn a_store_that_recorded_only_a_build_accepts_any_version_and_records_it() {
    let folder = copy_of("1");

    let launch = open(folder.path()).launch(&NativeApp::new("2.5", "41"));
    assert_ne!(launch.reason, LaunchReason::NativeChanged);
    let state = open(folder.path()).storage.load().unwrap().state;
    assert_eq!(state.native_version, Some(NativeVersion::new("2.5")));

    let launch = open(folder.path()).launch(&NativeApp::new("2.6", "41"));
    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::NativeChanged)
    );
}

#[test]
#[ignore = "writes the fixture of the newest format; see its README"]
fn write_the_fixture_of_the_newest_format() {
    let newest = FORMATS[FORMATS.len() - 1];
    let folder = fixture(newest);
    assert!(!folder.exists(), "{} is written once and never again", folder.display());
    write_fixture(&folder, &expected(newest));
}
