//! Migrating the bundles of Capgo's plugin.

use std::fs;
use std::io;

use super::device::{version_in, write_bundle};
use super::faulty::Operation;
use super::*;

const CURRENT: &str = "AAAAAAAAAA";
const OLDER: &str = "ZZZZZZZZZZ";
const NEWER: &str = "BBBBBBBBBB";

/// Whether the store serves from the plugin's bundle folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Same,
    Other,
}

const PLACES: [Place; 2] = [Place::Same, Place::Other];

struct Plugin {
    device: Device,
    left: CapgoBundles,
}

impl Plugin {
    fn at(place: Place) -> Self {
        let mut device = Device::new();
        let folder = device.beside("versions");
        fs::create_dir(&folder).unwrap();
        if place == Place::Same {
            device.options.bundles = Some(folder.clone());
        }
        let left = CapgoBundles {
            folder,
            native_build: Some("1".to_owned()),
            ..CapgoBundles::default()
        };
        Self { device, left }
    }

    /// The plugin's JSON string of a bundle, and its files.
    fn with(self, id: &str, version: &str, status: &str) -> Self {
        write_bundle(&self.left.folder.join(id), version);
        self.with_text(&format!(
            r#"{{"id":"{id}","version":"{version}","downloaded":"2026-01-01T00:00:00.000Z","checksum":"","status":"{status}"}}"#
        ))
    }

    fn with_text(mut self, text: &str) -> Self {
        self.left.infos.push(text.to_owned());
        self
    }

    fn current(mut self, id: &str) -> Self {
        self.left.current = Some(id.to_owned());
        self
    }

    fn fallback(mut self, id: &str) -> Self {
        self.left.fallback = Some(id.to_owned());
        self
    }

    fn next(mut self, id: &str) -> Self {
        self.left.next = Some(id.to_owned());
        self
    }

    fn migrate_capgo(&self) -> CapgoMigration {
        self.device.open().migrate_capgo(&self.left).unwrap()
    }

    fn check(&self) {
        self.device.open().state().unwrap().check_invariants().unwrap();
    }
}

fn id(text: &str) -> BundleId {
    text.parse().unwrap()
}

#[test]
fn the_users_version_stays_current() {
    for place in PLACES {
        let plugin = Plugin::at(place).with(CURRENT, "2", "success").current(CURRENT);

        let migration = plugin.migrate_capgo();

        assert_eq!(
            (migration.bundles.len(), &migration.failed, &migration.skipped),
            (1, &vec![], &vec![])
        );
        plugin.check();
        let launch = plugin.device.launch();
        assert_eq!(
            (launch.bundle, launch.reason),
            (id(CURRENT).into(), LaunchReason::Current)
        );
        assert_eq!((launch.on_trial, launch.version.as_deref()), (false, Some("2")));
        assert_eq!(version_in(&launch.folder.unwrap()), "2");
        assert_eq!(plugin.left.folder.join(CURRENT).exists(), place == Place::Same);
        assert_eq!(plugin.device.open().fallback().unwrap(), id(CURRENT).into());
    }
}

#[test]
fn a_current_bundle_that_never_confirmed_goes_on_trial_before_its_fallback() {
    for place in PLACES {
        let plugin = Plugin::at(place)
            .with(OLDER, "1", "success")
            .with(CURRENT, "2", "pending")
            .current(CURRENT)
            .fallback(OLDER);
        plugin.migrate_capgo();
        plugin.check();

        assert!(plugin.device.start_and_crash().on_trial);
        assert_eq!(plugin.device.start_and_crash().bundle, id(CURRENT).into());
        let launch = plugin.device.launch();
        assert_eq!(
            (launch.bundle, launch.reason),
            (id(OLDER).into(), LaunchReason::TrialFailed)
        );
    }
}

#[test]
fn the_next_bundle_stays_next() {
    let plugin = Plugin::at(Place::Other)
        .with(CURRENT, "2", "success")
        .with(NEWER, "3", "pending")
        .current(CURRENT)
        .next(NEWER);
    plugin.migrate_capgo();
    plugin.check();
    let launch = plugin.device.launch();
    assert_eq!(
        (launch.bundle, launch.reason),
        (id(NEWER).into(), LaunchReason::NextApplied)
    );
}

#[test]
fn failed_bundles_stay_failed_and_invalid_ones_are_skipped() {
    for place in PLACES {
        let gone = r#"{"id":"GGGGGGGGGG","version":"5","checksum":"","status":"success"}"#;
        let deleted = r#"{"id":"DDDDDDDDDD","version":"6","checksum":"","status":"deleted"}"#;
        let built_in = r#"{"id":"builtin","version":"builtin","checksum":"","status":"success"}"#;
        let broken = r#"{"id":"QQQQQQQQQQ","version":"a "quoted" name","checksum":"","status":"success"}"#;
        let hostile = r#"{"id":"../../etc","version":"7","checksum":"","status":"success"}"#;
        let strange = r#"{"id":"SSSSSSSSSS","version":"8","checksum":"","status":"strange"}"#;
        let mut plugin = Plugin::at(place)
            .with(CURRENT, "2", "success")
            .with(NEWER, "3", "error")
            .current(CURRENT);
        for text in [gone, deleted, built_in, broken, hostile, strange] {
            plugin = plugin.with_text(text);
        }

        let migration = plugin.migrate_capgo();

        plugin.check();
        assert_eq!(migration.bundles.len(), 1);
        assert_eq!(migration.failed.len(), 1);
        assert_eq!(
            (migration.failed[0].version.as_str(), migration.failed[0].cause),
            ("3", FailureCause::Adopted)
        );
        let skipped: Vec<&str> = migration.skipped.iter().map(|(text, _)| text.as_str()).collect();
        assert_eq!(skipped, [gone, broken, hostile, strange]);
        assert!(migration.skipped.iter().all(|(_, why)| !why.is_empty()));
        let store = plugin.device.open();
        assert!(store.failure_of("3", None).unwrap().is_some());
        assert_eq!(store.list().unwrap().len(), 1);
        assert_eq!(store.current().unwrap(), id(CURRENT).into());
    }
}

#[test]
fn a_reference_to_a_missing_bundle_is_reported_and_leaves_the_built_in_bundle() {
    let plugin = Plugin::at(Place::Other)
        .with(NEWER, "3", "pending")
        .current("GGGGGGGGGG")
        .fallback("builtin")
        .next("HHHHHHHHHH");

    let migration = plugin.migrate_capgo();

    plugin.check();
    let skipped: Vec<&str> = migration.skipped.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(skipped, ["GGGGGGGGGG", "HHHHHHHHHH"]);
    assert_eq!(plugin.device.launch().bundle, BundleRef::BuiltIn);
}

#[test]
fn a_digest_is_kept_and_another_checksum_is_ignored() {
    let digest = "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef";
    let mut plugin = Plugin::at(Place::Other);
    for (id, checksum) in [(CURRENT, digest), (OLDER, "1a2b3c4d"), (NEWER, &"ab".repeat(256))] {
        write_bundle(&plugin.left.folder.join(id), id);
        plugin = plugin.with_text(&format!(
            r#"{{"id":"{id}","version":"{id}","checksum":"{checksum}","status":"success","link":"l","comment":"c"}}"#
        ));
    }
    plugin.migrate_capgo();

    let store = plugin.device.open();
    let found = store.find(&digest.parse().unwrap()).unwrap().unwrap();
    assert_eq!(
        (found.id, found.link.as_deref(), found.comment.as_deref()),
        (id(CURRENT), Some("l"), Some("c"))
    );
    assert_eq!(store.get(&id(OLDER)).unwrap().digest, None);
    assert_eq!(store.get(&id(NEWER)).unwrap().digest, None);
}

#[test]
fn a_second_migration_changes_nothing() {
    for place in PLACES {
        let plugin = Plugin::at(place)
            .with(OLDER, "1", "success")
            .with(CURRENT, "2", "success")
            .with(NEWER, "3", "error")
            .current(CURRENT)
            .fallback(OLDER);
        plugin.migrate_capgo();
        let before = plugin.device.open().state().unwrap();

        let migration = plugin.migrate_capgo();

        assert_eq!(migration.bundles, []);
        assert_eq!(plugin.device.open().state().unwrap(), before);
    }
}

#[test]
fn a_second_call_does_not_undo_what_happened_since() {
    let plugin = Plugin::at(Place::Same)
        .with(OLDER, "1", "success")
        .with(CURRENT, "2", "success")
        .current(CURRENT)
        .next(OLDER);
    plugin.migrate_capgo();
    let ours = plugin.device.prove("4");

    plugin.migrate_capgo();

    plugin.check();
    let launch = plugin.device.launch();
    assert_eq!((launch.bundle, launch.reason), (ours.into(), LaunchReason::Current));
}

#[test]
fn a_crash_before_the_state_was_written_is_finished_by_the_second_call() {
    for place in PLACES {
        let plugin = Plugin::at(place)
            .with(OLDER, "1", "success")
            .with(CURRENT, "2", "success")
            .with(NEWER, "3", "pending")
            .current(CURRENT)
            .next(NEWER);
        plugin.device.files.fail(|operation, path| {
            let is_state = operation == Operation::Write && path.ends_with("state.json.tmp");
            is_state.then_some(io::ErrorKind::Other)
        });
        plugin.device.open().migrate_capgo(&plugin.left).unwrap_err();
        plugin.device.files.heal();

        plugin.migrate_capgo();

        plugin.check();
        let store = plugin.device.open();
        assert_eq!(store.current().unwrap(), id(CURRENT).into(), "{place:?}");
        assert_eq!(store.next().unwrap(), Some(id(NEWER).into()), "{place:?}");
        assert_eq!(store.list().unwrap().len(), 3);
    }
}

#[test]
fn a_crash_before_the_records_were_written_is_repaired_by_the_second_call() {
    let plugin = Plugin::at(Place::Other).with(CURRENT, "2", "success").current(CURRENT);
    plugin.device.files.fail(|operation, path| {
        let is_record =
            operation == Operation::Write && path.parent().is_some_and(|folder| folder.ends_with("records"));
        is_record.then_some(io::ErrorKind::Other)
    });
    plugin.device.open().migrate_capgo(&plugin.left).unwrap_err();
    plugin.device.files.heal();

    plugin.migrate_capgo();

    for name in ["state.json", "state.prev.json"] {
        let _ = fs::remove_file(plugin.device.root().join(name));
    }
    assert_eq!(plugin.device.launch().bundle, id(CURRENT).into());
}

#[test]
fn a_crash_and_then_a_sweep_lose_no_bundle() {
    let plugin = Plugin::at(Place::Other).with(CURRENT, "2", "success").current(CURRENT);
    let proven = plugin.device.prove("own");
    plugin.device.files.fail(|operation, path| {
        let is_state = operation == Operation::Write && path.ends_with("state.json.tmp");
        is_state.then_some(io::ErrorKind::Other)
    });
    plugin.device.open().migrate_capgo(&plugin.left).unwrap_err();
    plugin.device.files.heal();
    plugin.device.open().clean(&KeepRules::default()).unwrap();

    let migration = plugin.migrate_capgo();

    assert_eq!(migration.bundles.len(), 1, "{:?}", migration.skipped);
    let store = plugin.device.open();
    assert!(store.folder(&id(CURRENT)).join("index.html").exists());
    assert!(store.get(&proven).is_ok());
}

#[test]
fn a_store_that_already_proved_a_bundle_of_its_own_keeps_it() {
    let plugin = Plugin::at(Place::Other).with(NEWER, "3", "pending");
    let ours = plugin.device.prove("4");

    plugin.migrate_capgo();

    plugin.check();
    let store = plugin.device.open();
    assert_eq!(store.launch(&native()).bundle, ours.clone().into());
    assert_eq!(store.fallback().unwrap(), ours.into());
    assert_eq!(store.list().unwrap().len(), 2);
}

#[test]
fn a_version_that_failed_once_and_works_now_is_served() {
    let plugin = Plugin::at(Place::Other)
        .with(OLDER, "2", "error")
        .with(CURRENT, "2", "success")
        .with(NEWER, "3", "error")
        .with("NNNNNNNNNN", "3", "pending")
        .current(CURRENT)
        .next("NNNNNNNNNN");

    plugin.migrate_capgo();

    plugin.check();
    assert_eq!(plugin.device.launch().bundle, id(CURRENT).into());
}

#[test]
fn a_native_update_since_the_plugin_ran_is_noticed() {
    let plugin = Plugin::at(Place::Other)
        .with(CURRENT, "2", "success")
        .with(NEWER, "3", "error")
        .current(CURRENT);
    plugin.migrate_capgo();

    let store = plugin.device.open();
    let launch = store.launch(&NativeApp::new("2.0", "2"));

    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::NativeChanged)
    );
    assert_eq!(store.failed().unwrap(), []);
}

#[test]
fn failures_alone_lapse_with_a_native_update_too() {
    let plugin = Plugin::at(Place::Other).with(NEWER, "3", "error");
    plugin.migrate_capgo();

    let store = plugin.device.open();
    store.launch(&NativeApp::new("2.0", "2"));

    assert_eq!(store.failed().unwrap(), []);
}

#[test]
fn a_migrated_bundle_is_removed_like_any_other() {
    for place in PLACES {
        let mut plugin = Plugin::at(place).with(CURRENT, "2", "success").current(CURRENT);
        plugin.device.options.silent_starts = 0;
        plugin.migrate_capgo();
        plugin.device.launch();
        let ours = plugin.device.prove("3");
        let store = plugin.device.open();
        assert!(!store.folder(&id(CURRENT)).exists());
        assert_eq!(store.list().unwrap().len(), 1);
        assert_eq!(store.current().unwrap(), ours.into());
    }
}

#[test]
fn a_migrated_bundle_stays_for_any_native_version_of_its_build_only() {
    let plugin = Plugin::at(Place::Same).with(CURRENT, "2", "success").current(CURRENT);
    plugin.migrate_capgo();
    let current = BundleRef::Bundle(id(CURRENT));
    let launch = |version: &str| plugin.device.open().launch(&NativeApp::new(version, "1"));

    assert_eq!(launch("7.1.0").bundle, current);
    assert_eq!(launch("7.1.0").bundle, current);
    assert_eq!(launch("7.2.0").reason, LaunchReason::NativeChanged);
}

#[test]
fn migrated_bundles_survive_the_loss_of_the_state() {
    let plugin = Plugin::at(Place::Same)
        .with(CURRENT, "2", "success")
        .with(NEWER, "3", "error")
        .current(CURRENT);
    plugin.migrate_capgo();
    for name in ["state.json", "state.prev.json"] {
        let _ = fs::remove_file(plugin.device.root().join(name));
    }
    assert_eq!(plugin.device.launch().bundle, id(CURRENT).into());
    assert!(plugin.device.open().failure_of("3", None).unwrap().is_some());
}
