//! Freeing space, without removing files of others.

use std::fs;

use super::device::unknown_id;
use super::*;

#[test]
fn the_predecessor_of_a_confirmed_bundle_is_removed_if_the_host_enables_it() {
    for auto_delete_previous in [true, false] {
        let device = Device::with(|options| {
            options.auto_delete_previous = auto_delete_previous;
            // It does not wait for later starts.
            options.silent_starts = 0;
        });
        let old = device.prove("1");
        device.prove("2");

        let store = device.open();
        assert_eq!(store.get(&old).is_err(), auto_delete_previous);
        assert_eq!(!store.folder(&old).exists(), auto_delete_previous);
    }
}

#[test]
fn clean_keeps_the_newest_and_bundles_with_a_role() {
    let device = Device::with(|options| options.auto_delete_previous = false);
    let mut ids = Vec::new();
    ids.push(device.prove("1"));
    for version in ["2", "3", "4"] {
        device.pass(10);
        ids.push(device.install(&device.open(), version));
    }
    let store = device.open();

    let cleaned = store
        .clean(&KeepRules {
            newest: Some(1),
            ..KeepRules::default()
        })
        .unwrap();

    let removed: Vec<_> = cleaned.removed.iter().map(|record| record.version.as_str()).collect();
    assert_eq!(removed.len(), 2);
    assert!(removed.contains(&"2") && removed.contains(&"3"), "{removed:?}");
    assert_eq!(
        cleaned.freed,
        cleaned.removed.iter().map(|record| record.unpacked_size).sum::<u64>()
    );
    let mut kept = [ids[0].to_string(), ids[3].to_string()];
    kept.sort();
    assert_eq!(device.names("bundles"), kept);
}

#[test]
fn clean_goes_by_age_and_by_size() {
    let device = Device::new();
    let store = device.open();
    let old = device.install(&store, "1");
    device.pass(100);
    let newer = device.install(&store, "2");
    device.pass(10);
    let newest = device.install(&store, "3");
    let size = store.get(&newest).unwrap().unpacked_size;

    let by_age = KeepRules {
        max_age: Some(Duration::from_secs(50)),
        ..KeepRules::default()
    };
    assert_eq!(store.clean(&by_age).unwrap().removed[0].id, old);
    let by_size = KeepRules {
        max_total: Some(size),
        ..KeepRules::default()
    };
    assert_eq!(store.clean(&by_size).unwrap().removed[0].id, newer);
    assert_eq!(store.clean(&by_size).unwrap().removed, []);
    assert_eq!(store.list().unwrap()[0].0.id, newest);
}

#[test]
fn clean_removes_leftovers_of_crashes() {
    let device = Device::new();
    let kept = device.prove("1");
    let root = device.root();
    fs::create_dir_all(root.join("staging/left/deep")).unwrap();
    fs::write(root.join("staging/left.lock"), "").unwrap();
    fs::write(root.join("sessions/0123456789abcdef0123456789abcdef"), "builtin").unwrap();
    fs::write(root.join(format!("records/{}.files", unknown_id())), "").unwrap();
    let store = device.open();

    store.clean(&KeepRules::default()).unwrap();

    assert_eq!(device.names("staging"), <[&str; 0]>::default());
    assert_eq!(device.names("sessions"), [store.session()]);
    assert_eq!(
        device.names("records"),
        [format!("{kept}.files"), format!("{kept}.json")]
    );
    assert_eq!(device.names("bundles"), [kept.to_string()]);
}

#[test]
fn starts_alone_do_not_fill_the_folder_of_sessions() {
    let device = Device::new();
    for _ in 0..20 {
        device.launch();
    }
    assert!(device.names("sessions").len() <= 2, "{:?}", device.names("sessions"));
}

#[test]
fn disk_usage_counts_installed_bundles() {
    let device = Device::new();
    let store = device.open();
    let sizes = ["1", "2"].map(|version| store.get(&device.install(&store, version)).unwrap().unpacked_size);

    let usage = store.disk_usage().unwrap();

    assert_eq!((usage.bundles, usage.bundle_bytes), (2, sizes.iter().sum()));
    assert!(usage.free > 0);
}

#[test]
fn other_files_in_a_bundle_folder_of_the_host_stay() {
    let mut device = Device::new();
    let bundles = device.beside("versions");
    fs::create_dir_all(bundles.join("AAAAAAAAAA")).unwrap();
    fs::write(bundles.join("AAAAAAAAAA/index.html"), "of the host").unwrap();
    fs::write(bundles.join("settings.json"), "{}").unwrap();
    device.options.bundles = Some(bundles.clone());
    device.options.silent_starts = 0;
    let first = device.prove("1");
    let second = device.prove("2");
    device.install_next("3");
    device.start_and_crash();
    device.start_and_crash();
    device.start_and_crash();
    let store = device.open();

    store
        .clean(&KeepRules {
            newest: Some(0),
            ..KeepRules::default()
        })
        .unwrap();

    let mut expected = ["AAAAAAAAAA".to_owned(), "settings.json".to_owned(), second.to_string()];
    expected.sort();
    assert_eq!(device::names(&bundles), expected, "without {first}");
    assert_eq!(
        fs::read_to_string(bundles.join("AAAAAAAAAA/index.html")).unwrap(),
        "of the host"
    );
    assert_eq!(store.folder(&second), bundles.join(second.as_str()));
    assert!(!device.root().join("bundles").exists());
}
