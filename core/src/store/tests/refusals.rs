//! Archives that a device can never take: how much of them it fetches, and how often.

use std::fs;

use super::device::Device;
use super::publisher::{Net, PIECE, Published, Publisher, download_options, source};
use super::*;
use crate::progress::Control;

fn demanding() -> Device {
    Device::with(|options| options.required_proof = RequiredProof::Release)
}

fn update_as(device: &Device, net: &Net, source: &ChannelSource) -> ChannelUpdate {
    let store = device.open();
    store
        .update_from_channel(net, source, &download_options(), &Control::new())
        .unwrap()
}

fn update(device: &Device, net: &Net) -> ChannelUpdate {
    update_as(device, net, &source())
}

/// A site that offers this release and nothing else.
fn offering(published: &Published) -> Net {
    let net = Net::default();
    net.publish(published);
    net.offer(Some(published.release.sequence), None);
    net
}

/// The release is refused with this kind of error.
fn expect_refused(update: &ChannelUpdate, kind: ErrorKind) -> String {
    assert_eq!(update.outcome, ChannelOutcome::Refused, "{update:?}");
    let error = &update.passed_over[0].error;
    assert_eq!(error.kind(), kind, "{error}");
    error.to_string()
}

#[test]
fn an_archive_that_is_sealed_for_other_keys_is_refused_at_its_header() {
    let device = demanding();
    let published = Publisher::sealed_for_others(&device).release("1.1", 8);
    let net = offering(&published);
    let [_, _, archive] = published.paths();

    let message = expect_refused(&update(&device, &net), ErrorKind::DecryptionFailed);

    assert!(message.contains("it is sealed for"), "{message}");
    let (came, header) = (net.came(&archive), published.header_size());
    assert!(
        came < header + PIECE,
        "{came} of {} bytes came",
        published.archive.len()
    );
    assert!(published.archive.len() > header + 2 * PIECE);
    assert_eq!(device.names("downloads").len(), 0);
}

#[test]
fn a_header_that_came_in_two_downloads_is_read_as_one() {
    let device = demanding();
    let published = Publisher::sealed(&device).release("1.1", 8);
    let net = offering(&published);
    let [_, _, archive] = published.paths();
    net.cut(&archive, 100);
    let store = device.open();
    let options = download_options();
    let broken = store.update_from_channel(&net, &source(), &options, &Control::new());
    assert_eq!(broken.unwrap_err().kind(), ErrorKind::Network);
    net.asked();

    let update = update(&device, &net);

    assert!(matches!(update.outcome, ChannelOutcome::Installed(_)), "{update:?}");
    assert!(net.asked().contains(&format!("{archive} bytes=100-")));
}

#[test]
fn a_part_that_begins_otherwise_is_fetched_from_its_start() {
    let device = demanding();
    let published = Publisher::sealed(&device).release("1.1", 8);
    let net = offering(&published);
    let [_, _, archive] = published.paths();
    net.cut(&archive, 500);
    let store = device.open();
    let options = download_options();
    store
        .update_from_channel(&net, &source(), &options, &Control::new())
        .unwrap_err();
    let part = device
        .names("downloads")
        .into_iter()
        .find(|name| name.ends_with(".part"));
    fs::write(device.root().join("downloads").join(part.unwrap()), [0; 500]).unwrap();

    let update = update(&device, &net);

    assert!(matches!(update.outcome, ChannelOutcome::Installed(_)), "{update:?}");
}

#[test]
fn what_may_be_otherwise_the_next_time_is_asked_for_again() {
    let device = demanding();
    let published = Publisher::sealed(&device).release("1.1", 8);
    let net = offering(&published);
    let [_, _, archive] = published.paths();
    let mut spoilt = published.archive.clone();
    *spoilt.last_mut().unwrap() ^= 1;
    net.put(&archive, &spoilt);
    expect_refused(&update(&device, &net), ErrorKind::DecryptionFailed);
    spoilt[100] ^= 1;
    net.put(&archive, &spoilt);
    expect_refused(&update(&device, &net), ErrorKind::DigestMismatch);
    net.publish(&published);
    let update = update(&device, &net);
    assert!(matches!(update.outcome, ChannelOutcome::Installed(_)), "{update:?}");
}
