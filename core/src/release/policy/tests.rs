#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::fixtures::{
    CREATED, EXPIRES, app, channel, content_key, envelope, key, new_release, new_ring, reason, ring, signed,
    signed_ring,
};
use super::super::{ArchiveIdentity, KEYS_TYPE, Release, SealedIdentity, create};
use super::*;
use crate::ErrorKind;

mod opening;

/// The device of a test.
struct Device {
    ring: KeyRing,
    app: AppId,
    channel: ChannelName,
    native: NativeVersion,
    built_in_sequence: Option<u64>,
    last_accepted: Option<Accepted>,
    now: u64,
    latest_time_seen: u64,
    content_keys: Vec<PublicContentKey>,
}

/// A device whose ring has three keys, any of which may sign.
fn device() -> Device {
    Device {
        ring: ring(1, &[0, 1, 2]),
        app: app(),
        channel: channel(),
        native: NativeVersion::new("3.0"),
        built_in_sequence: None,
        last_accepted: None,
        now: CREATED + 60,
        latest_time_seen: 0,
        content_keys: Vec::new(),
    }
}

impl Device {
    fn check(&self, bytes: &[u8]) -> Result<TrustedRelease> {
        let content_keys: Vec<&PublicContentKey> = self.content_keys.iter().collect();
        check(
            bytes,
            &TrustContext {
                ring: &self.ring,
                app: &self.app,
                channel: &self.channel,
                native: &self.native,
                built_in_sequence: self.built_in_sequence,
                last_accepted: self.last_accepted,
                now: Timestamp(self.now),
                latest_time_seen: Timestamp(self.latest_time_seen),
                content_keys: &content_keys,
            },
        )
    }

    fn reason(&self, bytes: &[u8]) -> &'static str {
        reason(self.check(bytes))
    }
}

fn valid() -> Vec<u8> {
    signed(&new_release(), &[0])
}

/// A release whose document is changed before it is signed.
fn changed(change: impl FnOnce(&mut Json)) -> Vec<u8> {
    let mut document = serde_json::from_slice(&create(&new_release()).unwrap()).unwrap();
    change(&mut document);
    envelope(serde_json::to_vec(&document).unwrap(), &[0])
        .to_json()
        .unwrap()
}

/// The record of an accepted release.
fn accepted(bytes: &[u8]) -> Accepted {
    device().check(bytes).unwrap().accepted()
}

#[test]
fn a_valid_release_is_trusted() {
    let trusted = device().check(&valid()).unwrap();
    assert_eq!(trusted.release().clone(), new_release());
    assert_eq!(trusted.keys(), [key(0).verifying_key().id()]);
    let payload = create(&new_release()).unwrap();
    assert_eq!(trusted.payload_digest(), Sha256Digest::of(&payload));
}

#[test]
fn row_1_an_invalid_envelope() {
    let device = device();
    for bytes in [&b""[..], b"{}", b"null", b"<html>404</html>", &vec![b' '; 300_000]] {
        assert_eq!(device.reason(bytes), "malformed");
    }
    let of_keys = signed_ring(&new_ring(1, &[0]), &[0]);
    assert_eq!(device.reason(&of_keys), "malformed", "a key ring");
    let relabelled = Envelope::sign(KEYS_TYPE, create(&new_release()).unwrap(), &[key(0)]).unwrap();
    assert_eq!(device.reason(&relabelled.to_json().unwrap()), "malformed");
}

#[test]
fn row_2_too_few_keys() {
    let two_of_three = Device {
        ring: ring(2, &[0, 1, 2]),
        ..device()
    };
    let with = |keys: &[usize]| signed(&new_release(), keys);
    assert_eq!(two_of_three.check(&with(&[0, 2])).unwrap().keys().len(), 2);
    assert_eq!(two_of_three.check(&with(&[0, 1, 2, 3])).unwrap().keys().len(), 3);
    for too_few in [&[][..], &[0], &[3, 4], &[0, 3]] {
        assert_eq!(two_of_three.reason(&with(too_few)), "signatures", "{too_few:?}");
    }
    assert_eq!(device().reason(&with(&[4])), "signatures", "a key outside the ring");
}

#[test]
fn row_2_a_retired_key() {
    let mut next = new_ring(1, &[0, 1]);
    next.number = 2;
    next.retire(key(0).verifying_key().id()).unwrap();
    let ring = ring(1, &[0, 1]).follow(&signed_ring(&next, &[0, 1])).unwrap();
    let device = Device { ring, ..device() };
    assert_eq!(device.reason(&valid()), "signatures");
    assert!(
        device.check(&signed(&new_release(), &[0, 1])).is_ok(),
        "the other one suffices"
    );
}

#[test]
fn row_3_an_unknown_format_or_critical_member() {
    assert_eq!(
        device().reason(&changed(|release| release["format"] = json!(2))),
        "unknown_format"
    );
    let critical = changed(|release| {
        release["geo_fence"] = json!("EU");
        release["critical"] = json!(["geo_fence"]);
    });
    assert_eq!(device().reason(&critical), "unknown_critical");
    assert_eq!(device().check(&critical).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn row_4_invalid_members() {
    assert_eq!(
        device().reason(&changed(|release| release["sequence"] = json!(-1))),
        "malformed"
    );
    let twice = create(&new_release()).unwrap();
    let twice = [&twice[..twice.len() - 1], b",\"sequence\":43}"].concat();
    assert_eq!(device().reason(&envelope(twice, &[0]).to_json().unwrap()), "malformed");
    assert_eq!(
        device().reason(&envelope(b"text".to_vec(), &[0]).to_json().unwrap()),
        "malformed"
    );
}

#[test]
fn row_5_another_app() {
    let other = Device {
        app: "com.example.other".parse().unwrap(),
        ..device()
    };
    assert_eq!(other.reason(&valid()), "wrong_app");
    let case = Device {
        app: "com.example.App".parse().unwrap(),
        ..device()
    };
    assert_eq!(case.reason(&valid()), "wrong_app");
}

#[test]
fn row_6_another_channel() {
    let other = Device {
        channel: "beta".parse().unwrap(),
        ..device()
    };
    assert_eq!(other.reason(&valid()), "wrong_channel");
}

#[test]
fn row_7_a_sequence_at_or_below_the_built_in_one() {
    let built_with = |sequence| Device {
        built_in_sequence: Some(sequence),
        ..device()
    };
    assert!(built_with(41).check(&valid()).is_ok());
    assert_eq!(built_with(42).reason(&valid()), "built_in_is_newer");
    assert_eq!(built_with(43).reason(&valid()), "built_in_is_newer");
}

#[test]
fn row_8_a_sequence_below_the_accepted_one_or_another_release_with_it() {
    let later = Device {
        last_accepted: Some(accepted(&signed(
            &Release {
                sequence: 43,
                ..new_release()
            },
            &[0],
        ))),
        ..device()
    };
    assert_eq!(later.reason(&valid()), "replayed");
    let same = Device {
        last_accepted: Some(accepted(&valid())),
        ..device()
    };
    assert!(same.check(&valid()).is_ok());
    assert!(
        same.check(&signed(&new_release(), &[1, 2])).is_ok(),
        "signed again by other keys"
    );
    let other = signed(
        &Release {
            comment: None,
            ..new_release()
        },
        &[0],
    );
    assert_eq!(same.reason(&other), "replayed");
    // The same document in other bytes.
    let spaced = [b" ".to_vec(), create(&new_release()).unwrap()].concat();
    assert_eq!(same.reason(&envelope(spaced, &[0]).to_json().unwrap()), "replayed");
    assert!(
        same.check(&signed(
            &Release {
                sequence: 43,
                ..new_release()
            },
            &[0]
        ))
        .is_ok()
    );
}

#[test]
fn row_9_an_expired_release() {
    let at = |now, latest_time_seen| Device {
        now,
        latest_time_seen,
        ..device()
    };
    assert!(at(EXPIRES - 1, 0).check(&valid()).is_ok());
    assert_eq!(at(EXPIRES, 0).reason(&valid()), "expired");
    assert_eq!(at(EXPIRES + 1, 0).reason(&valid()), "expired");
    // Setting the clock back does not help.
    assert_eq!(at(0, EXPIRES).reason(&valid()), "expired");
    assert!(at(0, EXPIRES - 1).check(&valid()).is_ok());
    // A clock far in the future refuses every release until it is corrected.
    assert_eq!(at(4_070_908_800, 0).reason(&valid()), "expired");
    // A release may be from the future, because the device's clock may be slow.
    assert!(at(CREATED - 1_000_000, 0).check(&valid()).is_ok());
}

#[test]
fn row_10_a_native_version_outside_the_range() {
    let native = |version: &str| Device {
        native: NativeVersion::new(version),
        ..device()
    };
    for inside in ["2", "2.0.0", "3.4.1", "3.4.1-beta", "3.4.0.9"] {
        assert!(native(inside).check(&valid()).is_ok(), "{inside}");
    }
    for outside in ["1.9.9", "3.4.2", "4", "", "latest"] {
        assert_eq!(native(outside).reason(&valid()), "native_out_of_range", "{outside}");
    }
    let open = changed(|release| drop(release.as_object_mut().unwrap().remove("native")));
    assert!(native("latest").check(&open).is_ok());
}

#[test]
fn row_11_a_content_key_that_is_a_signing_key() {
    let sealed = changed(|release| {
        release["sealed"] = json!({"size": 2_000, "header_sha256": Sha256Digest::of(b"header").to_string()});
    });
    let public = |pem: &str| crate::keys::ContentKey::from_pem(pem).unwrap().public().clone();
    let signing = public(&key(1).to_pem().unwrap());
    let own = content_key().public().clone();
    let both = Device {
        content_keys: vec![own.clone(), signing],
        ..device()
    };
    assert_eq!(both.reason(&sealed), "key_in_both_roles");
    assert_eq!(both.check(&sealed).unwrap_err().kind(), ErrorKind::KeyInvalid);
    assert!(both.check(&valid()).is_ok(), "not sealed, so no content key is used");
    let apart = Device {
        content_keys: vec![own],
        ..device()
    };
    assert!(apart.check(&sealed).is_ok());
    // A retired signing key also counts.
    let mut next = new_ring(1, &[0, 1]);
    next.number = 2;
    next.retire(key(1).verifying_key().id()).unwrap();
    let retired = ring(1, &[0, 1]).follow(&signed_ring(&next, &[0, 1])).unwrap();
    let device = Device {
        ring: retired,
        content_keys: both.content_keys,
        ..device()
    };
    assert_eq!(device.reason(&sealed), "key_in_both_roles");
}

#[test]
fn the_first_failed_check_is_the_result() {
    // Every check fails; then the problems are fixed one by one, from the first row on.
    let signing = crate::keys::ContentKey::from_pem(&key(1).to_pem().unwrap()).unwrap();
    let mut device = Device {
        ring: ring(1, &[1, 2]),
        app: "com.example.other".parse().unwrap(),
        channel: "beta".parse().unwrap(),
        native: NativeVersion::new("9"),
        built_in_sequence: Some(100),
        last_accepted: Some(accepted(&signed(
            &Release {
                sequence: 43,
                ..new_release()
            },
            &[0],
        ))),
        now: EXPIRES,
        latest_time_seen: 0,
        content_keys: vec![signing.public().clone()],
    };
    let sealed = |release: &mut Json| {
        release["sealed"] = json!({"size": 2_000, "header_sha256": Sha256Digest::of(b"header").to_string()});
    };
    let wrong = |release: &mut Json| {
        sealed(release);
        release["version"] = json!("");
    };
    assert_eq!(device.reason(&[b"x", &valid()[..]].concat()), "malformed");
    let later = changed(|release| {
        wrong(release);
        release["format"] = json!(2);
    });
    assert_eq!(device.reason(&later), "signatures");
    device.ring = ring(1, &[0, 1]);
    assert_eq!(device.reason(&later), "unknown_format");
    let critical = changed(|release| {
        wrong(release);
        release["critical"] = json!(["geo_fence"]);
    });
    assert_eq!(device.reason(&critical), "unknown_critical");
    assert_eq!(device.reason(&changed(wrong)), "malformed");
    let release = changed(sealed);
    assert_eq!(device.reason(&release), "wrong_app");
    device.app = app();
    assert_eq!(device.reason(&release), "wrong_channel");
    device.channel = channel();
    assert_eq!(device.reason(&release), "built_in_is_newer");
    device.built_in_sequence = None;
    assert_eq!(device.reason(&release), "replayed");
    device.last_accepted = None;
    assert_eq!(device.reason(&release), "expired");
    device.now = CREATED;
    assert_eq!(device.reason(&release), "native_out_of_range");
    device.native = NativeVersion::new("3.0");
    assert_eq!(device.reason(&release), "key_in_both_roles");
    device.content_keys.clear();
    assert!(device.check(&release).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_changed_byte_is_refused_or_leaves_the_same_payload_with_enough_signatures(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        static DEVICE: std::sync::LazyLock<(Device, Vec<u8>, TrustedRelease)> = std::sync::LazyLock::new(|| {
            let device = Device { ring: ring(2, &[0, 1, 2]), ..device() };
            let bytes = signed(&new_release(), &[0, 1, 2]);
            let trusted = device.check(&bytes).unwrap();
            (device, bytes, trusted)
        });
        let (device, bytes, trusted) = &*DEVICE;
        let mut bytes = bytes.clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(found) = device.check(&bytes) {
            prop_assert_eq!(found.payload_digest(), trusted.payload_digest());
            prop_assert!(found.keys().len() >= 2);
        }
    }

    #[test]
    fn arbitrary_bytes_are_malformed(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(device().reason(&bytes), "malformed");
    }
}
