//! The id of a device, and its effect on rollouts.

use super::device::Device;
use super::publisher::{Net, Publisher, app, download_options, source};
use super::*;
use crate::progress::Control;
use crate::update::channel::bucket;

/// An id as an earlier version wrote it.
const OLD: &str = "0123456789abcdef0123456789abcdef";
const OLD_AS_UUID: &str = "01234567-89ab-4def-8123-456789abcdef";

fn demanding() -> Device {
    Device::with(|options| options.required_proof = RequiredProof::Release)
}

/// A store whose id was created by an earlier version.
fn old_store(device: &Device) -> Store {
    let store = device.open();
    store
        .change(|state| {
            state.trust.device_id = Some(OLD.to_owned());
            Ok(())
        })
        .unwrap();
    store
}

/// The bucket found by an update for this id of the host.
fn bucket_of(store: &Store, net: &Net, device_id: Option<String>) -> u16 {
    let mut source = source();
    source.device_id = device_id;
    let update = store
        .update_from_channel(net, &source, &download_options(), &Control::new())
        .unwrap();
    update.rollout.unwrap().bucket.unwrap()
}

#[test]
fn a_device_id_is_a_uuid_that_stays_the_same() {
    let device = Device::new();
    let id = device.open().device_id().unwrap();

    assert_eq!(id.len(), 36, "{id}");
    let groups: Vec<_> = id.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
    assert!(
        id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-')),
        "{id}"
    );
    assert_eq!(id.as_bytes()[14], b'4', "the version of {id}");
    assert!(
        matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'),
        "the variant of {id}"
    );
    assert_eq!(device.open().device_id().unwrap(), id);
    assert_ne!(Device::new().open().device_id().unwrap(), id);
}

#[test]
fn the_id_of_an_older_store_becomes_a_uuid_and_its_rollouts_stay_as_they_were() {
    let device = demanding();
    let candidate = Publisher::plain(&device).release("1.1", 8);
    let net = Net::default();
    net.publish(&candidate);
    net.offer(None, Some((8, 1)));
    let store = old_store(&device);
    let expected = bucket(&app(), &candidate.archive_digest(), OLD);
    assert!(expected > 0, "this device is outside the rollout");

    assert_eq!(store.device_id().unwrap(), OLD_AS_UUID);

    assert_eq!(bucket_of(&store, &net, None), expected);
    // Also if the host passes the id returned by the store.
    assert_eq!(bucket_of(&store, &net, Some(OLD_AS_UUID.to_owned())), expected);
    assert_eq!(store.state().unwrap().trust.device_id.as_deref(), Some(OLD));
}

#[test]
fn a_new_store_decides_about_rollouts_by_its_uuid() {
    let device = demanding();
    let candidate = Publisher::plain(&device).release("1.1", 8);
    let net = Net::default();
    net.publish(&candidate);
    net.offer(None, Some((8, 1)));
    let store = device.open();
    let found = bucket_of(&store, &net, None);
    let id = store.device_id().unwrap();
    assert_eq!(found, bucket(&app(), &candidate.archive_digest(), &id));
}
