//! Installed files that have changed.

use std::fs;
use std::io;

use super::faulty::Operation;
use super::*;
use crate::progress::{CancelToken, Control};

fn damage(store: &Store, id: &BundleId) {
    fs::write(store.folder(id).join("assets/app.js"), "damaged").unwrap();
}

#[test]
fn a_whole_bundle_has_no_damage() {
    let device = Device::new();
    let id = device.prove("1");
    assert_eq!(device.open().verify_bundle(&id, &Control::new()).unwrap(), []);
}

#[test]
fn every_changed_and_every_missing_file_is_named() {
    let device = Device::new();
    let id = device.prove("1");
    let store = device.open();
    damage(&store, &id);
    fs::remove_file(store.folder(&id).join("index.html")).unwrap();

    let damages = store.verify_bundle(&id, &Control::new()).unwrap();

    let named: Vec<_> = damages.iter().map(|damage| damage.path.as_str()).collect();
    assert_eq!(named, ["assets/app.js", "index.html"]);
    assert!(damages[0].problem.contains("7 bytes"), "{}", damages[0].problem);
}

#[test]
fn a_check_can_be_cancelled_and_an_unknown_bundle_is_an_error() {
    let device = Device::new();
    let id = device.prove("1");
    let store = device.open();
    let token = CancelToken::new();
    token.cancel();
    let cancelled = store.verify_bundle(&id, &Control::new().with_cancel_token(&token));
    assert_eq!(cancelled.unwrap_err().kind(), ErrorKind::Cancelled);
    let unknown = store.verify_bundle(&device::unknown_id(), &Control::new());
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_damaged_bundle_is_not_served_if_launches_verify() {
    let device = Device::with(|options| options.verify_at_launch = Some(Duration::from_secs(10)));
    let old = device.prove("1");
    let new = device.install_next("2");
    damage(&device.open(), &new);

    let launch = device.launch();

    assert_eq!(launch.bundle, old.into());
    let store = device.open();
    assert_eq!(store.failed().unwrap(), [], "damage is no failure");
    assert_eq!(store.get(&new).unwrap_err().kind(), ErrorKind::NotFound);
    let again = device.install(&store, "2");
    store.set_next(&again.clone().into()).unwrap();
    drop(store);
    assert_eq!(device.launch().bundle, again.into());
}

#[test]
fn a_damaged_current_bundle_gives_way_and_the_launch_says_why() {
    let device = Device::with(|options| options.verify_at_launch = Some(Duration::from_secs(10)));
    let id = device.prove("1");
    damage(&device.open(), &id);
    let launch = device.launch();
    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::Damaged)
    );
}

#[test]
fn everything_damaged_leaves_the_built_in_bundle() {
    let device = Device::with(|options| {
        options.verify_at_launch = Some(Duration::from_secs(10));
        options.auto_delete_previous = false;
    });
    let ids = [device.prove("1"), device.prove("2"), device.install_next("3")];
    for id in &ids {
        damage(&device.open(), id);
    }
    assert_eq!(device.launch().bundle, BundleRef::BuiltIn);
    assert_eq!(device.launch().reason, LaunchReason::Current);
}

#[test]
fn a_file_that_the_system_cannot_read_is_not_damage_at_launch() {
    let device = Device::with(|options| options.verify_at_launch = Some(Duration::from_secs(10)));
    let id = device.prove("1");
    device
        .files
        .fail(|operation, _| (operation == Operation::Open).then_some(io::ErrorKind::PermissionDenied));

    let launch = device.launch();

    assert_eq!(launch.bundle, id.into());
}

#[test]
fn without_time_a_launch_verifies_nothing() {
    let device = Device::with(|options| options.verify_at_launch = Some(Duration::ZERO));
    let id = device.prove("1");
    damage(&device.open(), &id);
    assert_eq!(device.launch().bundle, id.into());
}

#[test]
fn a_bundle_whose_list_of_files_is_lost_is_served_and_cannot_be_checked() {
    let device = Device::with(|options| options.verify_at_launch = Some(Duration::from_secs(10)));
    let id = device.prove("1");
    fs::remove_file(device.root().join(format!("records/{id}.files"))).unwrap();
    assert_eq!(device.launch().bundle, id.clone().into());
    let error = device.open().verify_bundle(&id, &Control::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
