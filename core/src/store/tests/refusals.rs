//! Archives that a device must refuse: how much of them it downloads, and how often.

use std::fs;

use super::device::Device;
use super::publisher::{Net, PIECE, Published, Publisher, download_options, key, other_content_key, source};
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

/// A site that offers only this release.
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

/// The requests of an update that downloads nothing of a release.
fn expect_nothing_downloaded(net: &Net, published: &Published) {
    let [release, ..] = published.paths();
    assert_eq!(net.requests(), ["channels/production.json", "keys/2.json", &release]);
}

/// A release whose archive contains other files than its list.
fn of_other_files(device: &Device) -> Published {
    let author = Publisher::sealed(device);
    let (published, other) = (author.release("1.1", 8), author.release("1.2", 9));
    let files = other.bundle().files_digest;
    Published {
        files: other.files,
        ..published.but(&[key(0)], |release| release.target = published.naming_files(files))
    }
}

#[test]
fn an_archive_that_is_sealed_for_other_keys_is_refused_at_its_header() {
    let device = demanding();
    let published = Publisher::sealed_for_others(&device).release("1.1", 8);
    let net = offering(&published);
    let [_, _, archive] = published.paths();

    let message = expect_refused(&update(&device, &net), ErrorKind::DecryptionFailed);

    assert!(message.contains("sealed for"), "{message}");
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
fn a_header_received_in_two_downloads_is_read_as_one() {
    let device = demanding();
    let published = Publisher::sealed(&device).release("1.1", 8);
    let net = offering(&published);
    let [_, _, archive] = published.paths();
    net.cut(&archive, 100);
    let store = device.open();
    let options = download_options();
    let broken = store.update_from_channel(&net, &source(), &options, &Control::new());
    assert_eq!(broken.unwrap_err().kind(), ErrorKind::Network);
    net.requests();

    let update = update(&device, &net);

    assert!(matches!(update.outcome, ChannelOutcome::Installed(_)), "{update:?}");
    assert!(net.requests().contains(&format!("{archive} bytes=100-")));
}

#[test]
fn a_partial_file_with_another_header_is_downloaded_from_its_start() {
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
    let mut names = device
        .names("downloads")
        .into_iter()
        .map(|name| device.root().join("downloads").join(name));
    let part = names.find(|path| path.extension().is_some_and(|ending| ending == "part"));
    fs::write(part.unwrap(), [0; 500]).unwrap();

    let update = update(&device, &net);

    assert!(matches!(update.outcome, ChannelOutcome::Installed(_)), "{update:?}");
}

#[test]
fn an_archive_refused_for_its_content_is_not_downloaded_again() {
    let mut narrow = demanding();
    narrow.options.limits.entries = 1;
    let device = demanding();
    for (device, published, kind) in [
        (&device, of_other_files(&device), ErrorKind::DigestMismatch),
        (
            &narrow,
            Publisher::plain(&narrow).release("1.1", 8),
            ErrorKind::LimitExceeded,
        ),
        (
            &device,
            Publisher::sealed_for_others(&device).release("1.1", 8),
            ErrorKind::DecryptionFailed,
        ),
    ] {
        let net = offering(&published);
        let first = expect_refused(&update(device, &net), kind);
        assert_eq!(net.requests().len(), 5);

        let again = expect_refused(&update(device, &net), kind);

        assert!(again.contains(&first), "{again}");
        expect_nothing_downloaded(&net, &published);
        assert_eq!(device.names("downloads").len(), 0);
    }
}

#[test]
fn an_archive_refused_for_another_reason_is_downloaded_again() {
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

#[test]
fn a_refusal_applies_while_its_conditions_are_the_same() {
    let mut device = demanding();
    device.options.limits.entries = 1;
    let published = Publisher::sealed_for_others(&device).release("1.1", 8);
    let net = offering(&published);
    expect_refused(&update(&device, &net), ErrorKind::DecryptionFailed);

    // A key that opens it; the archive then exceeds the limit.
    let mut with_key = source();
    with_key.release.content_keys.push(other_content_key());
    expect_refused(&update_as(&device, &net, &with_key), ErrorKind::LimitExceeded);
    net.requests();
    expect_refused(&update_as(&device, &net, &with_key), ErrorKind::LimitExceeded);
    expect_nothing_downloaded(&net, &published);

    // Another build of the app, which may contain another version of this library.
    device.open().launch(&NativeApp::new("1.0", "2"));
    expect_refused(&update_as(&device, &net, &with_key), ErrorKind::LimitExceeded);
    assert_eq!(net.requests().len(), 5);

    device.options.limits.entries = 100;
    let update = update_as(&device, &net, &with_key);
    assert!(matches!(update.outcome, ChannelOutcome::Installed(_)), "{update:?}");
}

#[test]
fn the_last_eight_refusals_are_kept_and_damage_to_them_is_harmless() {
    let device = demanding();
    let author = Publisher::sealed_for_others(&device);
    let published: Vec<_> = (8..17)
        .map(|number| author.release(&format!("1.{number}"), number))
        .collect();
    let net = Net::default();
    for published in &published {
        net.publish(published);
    }
    let look_at = |number: u64| {
        net.offer(Some(number), None);
        expect_refused(&update(&device, &net), ErrorKind::DecryptionFailed);
        net.requests().len()
    };
    for number in 8..17 {
        assert_eq!(look_at(number), 5);
    }
    assert_eq!(look_at(16), 3);
    assert_eq!(look_at(9), 3);
    assert_eq!(look_at(8), 5, "the ninth took its place");

    let file = device.root().join("refused.json");
    for damage in [&b"{"[..], b"", &[b' '; 5000]] {
        fs::write(&file, damage).unwrap();
        assert_eq!(look_at(16), 5);
        assert_eq!(look_at(16), 3);
    }
}
