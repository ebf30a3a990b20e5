#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::fixtures::{CREATED, built_in_release, content_key, envelope, key, new_bundle, new_release, reason};
use super::*;
use crate::ErrorKind;
use crate::keys::{ContentKey, SigningKey};
use crate::native::NativeVersion;

fn document() -> Json {
    serde_json::from_slice(&create(&new_release()).unwrap()).unwrap()
}

/// Reads the document with the member at `path` replaced by `value`.
fn with(path: &str, value: Json) -> Result<Release, RefusalReason> {
    let mut changed = document();
    let (parent, name) = path.rsplit_once('/').unwrap();
    changed.pointer_mut(parent).unwrap()[name] = value;
    read(&changed)
}

fn without(name: &str) -> Result<Release, RefusalReason> {
    let mut changed = document();
    changed.as_object_mut().unwrap().remove(name);
    read(&changed)
}

fn read(document: &Json) -> Result<Release, RefusalReason> {
    Release::read(&serde_json::to_vec(document).unwrap()).map_err(|refusal| refusal.reason)
}

const MALFORMED: Result<Release, RefusalReason> = Err(RefusalReason::Malformed);

#[test]
fn a_release_is_serialized_as_specified() {
    let mut new = new_release();
    new.target = ReleaseTarget::Bundle(BundleIdentity {
        sealed: Some(SealedIdentity {
            size: 2_000,
            header_digest: Sha256Digest::of(b"header"),
        }),
        ..new_bundle()
    });
    new.patches = vec![PatchIdentity {
        sealed: new.bundle().unwrap().sealed,
        ..plain_patch()
    }];
    new.critical = vec!["sealed".to_owned()];
    let digest = |bytes: &[u8]| Sha256Digest::of(bytes).to_string();
    let expected = format!(
        "{{\"format\":1,\"app_id\":\"com.example.app\",\"channel\":\"production\",\"version\":\"1.2.3\",\"sequence\":42,\
         \"created_at\":{CREATED},\"expires_at\":{},\"native\":{{\"min\":\"2.0\",\"max\":\"3.4.1\"}},\
         \"archive\":{{\"size\":1234,\"sha256\":\"{}\"}},\"sealed\":{{\"size\":2000,\"header_sha256\":\"{}\"}},\
         \"files_sha256\":\"{}\",\"patches\":[{{\"from\":\"{}\",\"size\":56,\"sha256\":\"{}\",\
         \"sealed\":{{\"size\":2000,\"header_sha256\":\"{}\"}}}}],\"link\":\"https://example.com/releases/1.2.3\",\"comment\":\"Faster start\",\
         \"critical\":[\"sealed\"]}}",
        new.expires_at.0,
        digest(b"archive"),
        digest(b"header"),
        digest(b"files"),
        digest(b"old files"),
        digest(b"patch"),
        digest(b"header"),
    );
    assert_eq!(Release::read(expected.as_bytes()).unwrap(), new);
    assert_eq!(String::from_utf8(create(&new).unwrap()).unwrap(), expected);
}

fn plain_patch() -> PatchIdentity {
    PatchIdentity {
        from: Sha256Digest::of(b"old files"),
        size: 56,
        digest: Sha256Digest::of(b"patch"),
        sealed: None,
    }
}

#[test]
fn patches_are_read_and_invalid_ones_are_malformed() {
    let patch = serde_json::to_value(plain_patch()).unwrap();
    assert_eq!(
        with("/patches", json!([patch, patch])).unwrap().patches,
        [plain_patch(); 2]
    );
    assert_eq!(with("/patches", json!([])).unwrap().patches, []);
    let mut unknown = patch.clone();
    unknown["of a later version"] = json!(1);
    assert_eq!(with("/patches", json!([unknown])).unwrap().patches, [plain_patch()]);
    let most = vec![patch.clone(); MAX_PATCHES];
    assert_eq!(with("/patches", json!(most)).unwrap().patches.len(), MAX_PATCHES);

    assert_eq!(with("/patches", json!(vec![patch.clone(); MAX_PATCHES + 1])), MALFORMED);
    for value in [json!({}), json!(null), json!([1]), json!([{}])] {
        assert_eq!(with("/patches", value), MALFORMED);
    }
    for name in ["from", "size", "sha256"] {
        let mut less = patch.clone();
        less.as_object_mut().unwrap().remove(name);
        assert_eq!(with("/patches", json!([less])), MALFORMED, "without {name}");
        let mut other = patch.clone();
        other[name] = json!("no number and no digest");
        assert_eq!(with("/patches", json!([other])), MALFORMED, "another {name}");
    }
}

#[test]
fn a_plain_patch_of_a_sealed_release_and_a_sealed_one_of_a_plain_release_are_malformed() {
    let header = json!({"size": 60, "header_sha256": Sha256Digest::of(b"header").to_string()});
    let plain = serde_json::to_value(plain_patch()).unwrap();
    let mut sealed = plain.clone();
    sealed["sealed"] = header.clone();
    let mut of_sealed = document();
    of_sealed["sealed"] = header;
    let read_with = |mut document: Json, patch: &Json| {
        document["patches"] = json!([patch]);
        read(&document)
    };

    assert!(read_with(of_sealed.clone(), &sealed).is_ok());
    assert_eq!(read_with(of_sealed, &plain), MALFORMED);
    assert_eq!(read_with(document(), &sealed), MALFORMED);
}

#[test]
fn absent_optional_members_are_omitted() {
    let new = Release {
        native: NativeRange::default(),
        link: None,
        comment: None,
        ..new_release()
    };
    let text = String::from_utf8(create(&new).unwrap()).unwrap();
    for name in ["native", "sealed", "patches", "link", "comment", "critical"] {
        assert!(!text.contains(name), "{name}");
    }
    assert_eq!(Release::read(text.as_bytes()).unwrap(), new);
}

#[test]
fn a_critical_native_range_is_serialized_even_if_it_is_open() {
    let new = Release {
        native: NativeRange::default(),
        critical: vec!["native".to_owned()],
        ..new_release()
    };
    assert_eq!(Release::read(&create(&new).unwrap()).unwrap(), new);
}

#[test]
fn every_required_member_is_required() {
    for name in [
        "format",
        "app_id",
        "channel",
        "version",
        "sequence",
        "created_at",
        "expires_at",
        "archive",
        "files_sha256",
    ] {
        assert_eq!(without(name), MALFORMED, "{name}");
    }
    for name in ["native", "link", "comment"] {
        assert!(without(name).is_ok(), "{name}");
    }
    for (path, name) in [("/archive", "size"), ("/archive", "sha256")] {
        let mut changed = document();
        changed.pointer_mut(path).unwrap().as_object_mut().unwrap().remove(name);
        assert_eq!(read(&changed), MALFORMED, "{path}/{name}");
    }
}

#[test]
fn members_have_the_values_of_the_table() {
    let digest = Sha256Digest::of(b"").to_string();
    for (path, wrong) in [
        ("/format", json!("1")),
        ("/app_id", json!("app")),
        ("/app_id", json!(format!("com.{}", "a".repeat(253)))),
        ("/channel", json!("")),
        ("/channel", json!(".hidden")),
        ("/channel", json!("a/b")),
        ("/channel", json!("a".repeat(65))),
        ("/channel", json!("pr\u{f6}d")),
        ("/version", json!("")),
        ("/version", json!("1.0\n")),
        ("/version", json!("v".repeat(257))),
        ("/version", json!(1)),
        ("/sequence", json!(0)),
        ("/sequence", json!("42")),
        ("/sequence", json!(null)),
        ("/created_at", json!("2026-11-29T00:00:00Z")),
        ("/created_at", json!(CREATED * 1000)),
        ("/expires_at", json!(CREATED)),
        ("/expires_at", json!(CREATED - 1)),
        ("/native", json!(null)),
        ("/native", json!("2.0")),
        ("/native/min", json!("latest")),
        ("/native/min", json!("")),
        ("/native/max", json!("1..2")),
        ("/native/max", json!(2)),
        ("/archive", json!(digest)),
        ("/archive/size", json!("1234")),
        ("/archive/sha256", json!(digest.to_uppercase())),
        ("/archive/sha256", json!(&digest[1..])),
        ("/archive/sha256", json!(format!(" {}", &digest[1..]))),
        ("/files_sha256", json!(null)),
        ("/sealed", json!({})),
        ("/sealed", json!({"size": 1})),
        ("/sealed", json!(null)),
        ("/link", json!("l".repeat(2_049))),
        ("/link", json!(null)),
        ("/comment", json!("c".repeat(4_097))),
        ("/comment", json!(["c"])),
        ("/critical", json!("link")),
        ("/critical", json!([1])),
        ("/critical", json!(null)),
    ] {
        assert_eq!(with(path, wrong.clone()), MALFORMED, "{path}: {wrong}");
    }
    for (path, right) in [
        ("/app_id", json!(format!("com.{}", "a".repeat(252)))),
        ("/channel", json!("a".repeat(64))),
        ("/channel", json!("Beta_2.x-y")),
        ("/version", json!("v".repeat(256))),
        ("/version", json!("Zwei \u{1f600}")),
        ("/sequence", json!(9_007_199_254_740_991_u64)),
        ("/native", json!({})),
        ("/native/max", json!("3.4.1-beta+7")),
        ("/archive/size", json!(0)),
        ("/link", json!("l".repeat(2_048))),
        ("/comment", json!("c".repeat(4_096))),
        ("/unknown", json!({"a": [null]})),
    ] {
        assert!(with(path, right.clone()).is_ok(), "{path}: {right}");
    }
}

#[test]
fn an_unknown_format_is_reported_before_any_other_problem() {
    for format in [0, 2, 9_007_199_254_740_991_u64] {
        let document = json!({"format": format, "app_id": 7, "critical": "everything"});
        assert_eq!(read(&document), Err(RefusalReason::UnknownFormat));
    }
}

#[test]
fn a_critical_member_must_be_known_present_and_unique() {
    let critical = |names: Json| with("/critical", names);
    assert_eq!(
        critical(json!(["link", "comment"])).unwrap().critical,
        ["link", "comment"]
    );
    assert_eq!(critical(json!(["format", "critical"])).unwrap().critical.len(), 2);
    assert_eq!(critical(json!(["geo_fence"])), Err(RefusalReason::UnknownCritical));
    // Also if it is present, and if another member is invalid.
    let mut changed = document();
    changed["geo_fence"] = json!("EU");
    changed["critical"] = json!(["geo_fence"]);
    changed["sequence"] = json!(0);
    assert_eq!(read(&changed), Err(RefusalReason::UnknownCritical));
    assert_eq!(critical(json!(["link", "link"])), MALFORMED);
    assert_eq!(critical(json!(["sealed"])), MALFORMED, "absent");
}

fn built_in() -> Json {
    serde_json::from_slice(&create(&built_in_release()).unwrap()).unwrap()
}

#[test]
fn a_release_of_the_built_in_bundle_is_serialized_as_specified() {
    let new = Release {
        link: None,
        comment: None,
        ..built_in_release()
    };
    let expected = format!(
        "{{\"format\":1,\"app_id\":\"com.example.app\",\"channel\":\"production\",\"version\":\"1.2.3\",\"sequence\":42,\
         \"created_at\":{CREATED},\"expires_at\":{},\"native\":{{\"min\":\"2.0\",\"max\":\"3.4.1\"}},\"built_in\":true,\
         \"critical\":[\"built_in\"]}}",
        new.expires_at.0
    );
    let payload = create(&new).unwrap();
    assert_eq!(String::from_utf8(payload.clone()).unwrap(), expected);
    let read = Release::read(&payload).unwrap();
    assert!(read.is_built_in() && read.bundle().is_none());
    assert_eq!(read, new);
}

#[test]
fn a_reader_that_does_not_know_built_in_refuses_the_release() {
    let payload = create(&built_in_release()).unwrap();
    let document = json::parse_object(&payload).unwrap();
    let known: Vec<&str> = MEMBERS.into_iter().filter(|name| *name != BUILT_IN).collect();
    let refusal = fields::require_understood(&document, &known).unwrap_err();
    assert_eq!(refusal.reason, RefusalReason::UnknownCritical);
}

#[test]
fn built_in_is_true_and_critical_and_excludes_a_bundle() {
    for wrong in [
        json!(false),
        json!(null),
        json!(1),
        json!("true"),
        json!({}),
        json!([true]),
    ] {
        let mut changed = built_in();
        changed[BUILT_IN] = wrong.clone();
        assert_eq!(read(&changed), MALFORMED, "{wrong}");
        assert_eq!(with("/built_in", wrong.clone()), MALFORMED, "beside a bundle: {wrong}");
    }
    for critical in [json!([]), json!(["link"])] {
        let mut changed = built_in();
        changed["critical"] = critical.clone();
        assert_eq!(read(&changed), MALFORMED, "{critical}");
    }
    let mut absent = document();
    absent["critical"] = json!([BUILT_IN]);
    assert_eq!(read(&absent), MALFORMED, "critical, but absent");
    let mut sealed = document();
    sealed["sealed"] = json!({"size": 1, "header_sha256": Sha256Digest::of(b"").to_string()});
    for name in OF_BUNDLES {
        for value in [sealed[name].clone(), json!(null)] {
            let mut changed = built_in();
            changed[name] = value.clone();
            assert_eq!(read(&changed), MALFORMED, "{name}: {value}");
        }
    }
}

#[test]
fn the_archive_or_else_the_payload_selects_the_devices_of_a_rollout() {
    let parse = |new: &Release| {
        let bytes = envelope(create(new).unwrap(), &[]).to_json().unwrap();
        SignedRelease::parse(&bytes).unwrap()
    };
    assert_eq!(parse(&new_release()).rollout_digest(), new_bundle().archive.digest);
    let built_in = parse(&built_in_release());
    assert_eq!(built_in.rollout_digest(), built_in.payload_digest());
}

#[test]
fn an_invalid_release_is_not_serialized() {
    let refuse = |change: &dyn Fn(&mut Release)| {
        let mut new = new_release();
        change(&mut new);
        assert_eq!(create(&new).unwrap_err().kind(), ErrorKind::InvalidInput);
    };
    refuse(&|new| new.sequence = 0);
    refuse(&|new| new.sequence = 1 << 53);
    refuse(&|new| new.expires_at = new.created_at);
    refuse(&|new| new.version = String::new());
    refuse(&|new| new.version = "1\u{7}".to_owned());
    refuse(&|new| new.native.min = Some(NativeVersion::new("any")));
    refuse(&|new| new.link = Some("l".repeat(2_049)));
    refuse(&|new| new.target = ReleaseTarget::BuiltIn);
    refuse(&|new| new.critical = vec![BUILT_IN.to_owned()]);
    refuse(&|new| new.critical = vec!["geo_fence".to_owned()]);
    refuse(&|new| new.critical = vec!["sealed".to_owned()]);
}

#[test]
fn a_key_never_signs_a_release_that_is_sealed_for_it() {
    let both = ContentKey::from_pem(&key(1).to_pem().unwrap()).unwrap();
    let keys: [&SigningKey; 2] = [key(0), key(1)];
    let error = sign(&new_release(), &keys, &[content_key().public(), both.public()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyInvalid);
    assert!(error.to_string().contains(&key(1).verifying_key().id().to_string()));
    assert!(sign(&new_release(), &keys, &[content_key().public()]).is_ok());
}

#[test]
fn a_signed_release_can_be_inspected_without_trust() {
    let bytes = envelope(create(&new_release()).unwrap(), &[]).to_json().unwrap();
    let signed = SignedRelease::parse(&bytes).unwrap();
    assert_eq!(signed.release().sequence, 42);
    assert_eq!(signed.payload_digest(), Sha256Digest::of(signed.envelope().payload()));
    assert_eq!(reason(SignedRelease::parse(b"{}")), "malformed");
    let of_keys = Envelope::sign(super::super::KEYS_TYPE, create(&new_release()).unwrap(), &[]).unwrap();
    assert_eq!(reason(SignedRelease::parse(&of_keys.to_json().unwrap())), "malformed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_serialized_release_is_parsed_back(
        version in "[^\\p{Cc}]{1,64}",
        sequence in 1..1_u64 << 53,
        created_at in 0..(1_u64 << 53) - 1,
        lasts in 1..1_u64 << 40,
        size in 0..1_u64 << 53,
        digests in any::<[[u8; 32]; 3]>(),
        kind in 0..3_u8,
        texts in any::<[Option<String>; 2]>(),
        native in prop::option::of("[0-9]{1,3}(\\.[0-9]{1,3}){0,3}"),
    ) {
        let [archive, header, files] = digests.map(Sha256Digest::from_bytes);
        let [link, comment] = texts.map(|text| text.map(|text| text.chars().take(500).collect::<String>()));
        let new = Release {
            version,
            sequence,
            created_at: Timestamp(created_at),
            expires_at: Timestamp((created_at + lasts).min((1 << 53) - 1)),
            native: NativeRange { min: native.map(NativeVersion::new), max: None },
            target: match kind {
                0 => ReleaseTarget::BuiltIn,
                kind => ReleaseTarget::Bundle(BundleIdentity {
                    archive: ArchiveIdentity { size, digest: archive },
                    sealed: (kind == 1).then_some(SealedIdentity { size, header_digest: header }),
                    files_digest: files,
                }),
            },
            link,
            comment,
            critical: if kind == 0 { vec![BUILT_IN.to_owned()] } else { Vec::new() },
            ..new_release()
        };
        let payload = create(&new).unwrap();
        prop_assert_eq!(Release::read(&payload).unwrap(), new);
    }
}
