#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

fn app() -> AppId {
    "com.example.app".parse().unwrap()
}

#[test]
fn the_examples_of_the_format_hold() {
    let (empty, abc) = (Sha256Digest::of(b""), Sha256Digest::of(b"abc"));
    assert_eq!(bucket(&app(), &empty, "device-1"), 5814);
    assert_eq!(bucket(&app(), &abc, "device-1"), 508);
    assert_eq!(bucket(&app(), &abc, "Gerät 7"), 6132);
}

#[test]
fn buckets_differ_between_bundles() {
    let (one, other) = (Sha256Digest::of(b"1"), Sha256Digest::of(b"2"));
    let early = |archive: &Sha256Digest| -> Vec<u32> {
        let is_early = |device: &u32| bucket(&app(), archive, &device.to_string()) < 1_000;
        (0..1_000).filter(is_early).collect()
    };
    let (one, other) = (early(&one), early(&other));
    let both = one.iter().filter(|device| other.contains(device)).count();
    assert!(both < one.len() / 2, "{both} of {} are early twice", one.len());
}

#[test]
fn a_rollout_reaches_its_share_of_the_devices() {
    let archive = Sha256Digest::of(b"archive");
    let buckets: Vec<u16> = (0..20_000_u32)
        .map(|device| bucket(&app(), &archive, &device.to_string()))
        .collect();
    assert!(buckets.iter().all(|bucket| *bucket < BUCKETS));
    for (share, expected) in [(500, 1_000), (5_000, 10_000), (9_500, 19_000)] {
        let taken = buckets.iter().filter(|bucket| **bucket < share).count();
        // Five standard deviations of a uniform distribution.
        assert!(taken.abs_diff(expected) < 360, "{taken} of 20,000 below {share}");
    }
}
