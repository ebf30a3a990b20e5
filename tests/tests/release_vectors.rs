//! Every vector of a release, a key ring, a file list, a patch and strict JSON has the result in its `expect:` line, and OpenSSL
//! agrees on signatures.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use capbundle::digest::Sha256Digest;
use capbundle::keys::{PublicContentKey, SigningKey, VerifyingKey};
use capbundle::native::NativeVersion;
use capbundle::patch::{self, PatchHeader};
use capbundle::release::policy;
use capbundle::release::policy::{Accepted, TrustContext};
use capbundle::release::{self, Envelope, FileList, KeyRing, RELEASE_TYPE, SignedRelease};
use capbundle::time::Timestamp;
use capbundle::{AppId, Control, Error, Result};
use capbundle_tests::peers::run;
use capbundle_tests::skip::tool;
use capbundle_tests::vector::{Vector, unescape};

/// The app of all rings in `trust/`.
const APP: &str = "com.example.app";

#[test]
fn release_vectors_have_the_expected_result() {
    check("releases", 130, accept_release);
}

#[test]
fn key_ring_vectors_have_the_expected_result() {
    check("rings", 50, |vector| {
        let app = vector.field("app").parse()?;
        match follow_rings(vector)? {
            Some(ring) => ring.follow(&vector.body).map(drop),
            None => KeyRing::trusted(&vector.body, &app).map(drop),
        }
    });
}

#[test]
fn file_list_vectors_have_the_expected_result() {
    check("file-lists", 15, |vector| FileList::parse(&vector.body).map(drop));
}

#[test]
fn patch_vectors_have_the_expected_result() {
    check("patches", 15, |vector| {
        let (mut patch, old) = (vector.body.as_slice(), unescape(vector.field("old")));
        let header = PatchHeader::read(&mut patch)?;
        let mut new = Vec::new();
        let mut output = |bytes: &[u8]| {
            new.extend_from_slice(bytes);
            Ok(())
        };
        patch::apply(&header, &mut patch, &mut old.as_slice(), &mut output, &Control::new())?;
        assert_eq!(Sha256Digest::of(&new).to_string(), vector.field("plain"));
        Ok(())
    });
}

#[test]
fn strict_json_vectors_have_the_expected_result() {
    for vector in read("json") {
        let found = capbundle::json::validate(&vector.body);
        let is_expected = found.is_ok() == (vector.field("expect") == "ok");
        assert!(is_expected, "{}: {found:?}", vector.field("name"));
    }
}

#[test]
fn openssl_verifies_our_signatures_and_we_verify_its() {
    let Some(openssl) = tool("openssl") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let pss = [
        "dgst",
        "-sha256",
        "-sigopt",
        "rsa_padding_mode:pss",
        "-sigopt",
        "rsa_pss_saltlen:32",
        "-sigopt",
        "rsa_mgf1_md:sha256",
    ];
    for name in ["test-signer", "test-signer-3072", "test-signer-4096"] {
        let key = SigningKey::read(&key_file(name, "private")).unwrap();
        let envelope = Envelope::sign(RELEASE_TYPE, some_release(), &[&key]).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&envelope.to_json().unwrap()).unwrap();
        fs::write(path("message"), signed_bytes(&some_release())).unwrap();
        fs::write(path("ours"), base64(&json["signatures"][0]["sig"])).unwrap();
        // OpenSSL requires SPKI.
        let mut convert = Command::new(&openssl);
        convert
            .args(["rsa", "-RSAPublicKey_in", "-pubout", "-in"])
            .arg(key_file(name, "public"));
        let _silent = run(convert.arg("-out").arg(path("public.spki"))).expect_success();
        let mut verify = Command::new(&openssl);
        verify
            .args(pss)
            .arg("-verify")
            .arg(path("public.spki"))
            .arg("-signature")
            .arg(path("ours"));
        let output = run(verify.arg(path("message"))).expect_success();
        assert!(output.contains("Verified OK"), "{output}");

        let mut sign = Command::new(&openssl);
        sign.args(pss)
            .arg("-sign")
            .arg(key_file(name, "private"))
            .arg("-out")
            .arg(path("theirs"));
        let _silent = run(sign.arg(path("message"))).expect_success();
        let made = with_signature(&json, &fs::read(path("theirs")).unwrap());
        let public = VerifyingKey::read(&key_file(name, "public")).unwrap();
        assert!(policy::check(&made, &device(&ring_of(&key, public))).is_ok(), "{name}");
    }
}

/// Runs every vector of a folder. At least `least` of them must be refused.
fn check(folder: &str, least: usize, take: impl Fn(&Vector) -> Result<()>) {
    let vectors = read(folder);
    let faults: Vec<String> = vectors
        .iter()
        .filter_map(|vector| {
            let (outcome, message) = outcome(take(vector));
            let expected = vector.field("expect");
            (outcome != expected).then(|| {
                format!(
                    "{}: expected {expected}, found {outcome}: {message}",
                    vector.field("name")
                )
            })
        })
        .collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    let refused = vectors.iter().filter(|vector| vector.field("expect") != "ok").count();
    // Bypasses the test harness, which hides the output of passing tests. `tests/run` shows such lines.
    let line = format!(
        "measured {refused} {folder} refused, {} accepted\n",
        vectors.len() - refused
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(refused >= least, "{refused}");
}

fn accept_release(vector: &Vector) -> Result<()> {
    let number = |field: &str| vector.get(field).map(|text| text.parse().unwrap());
    let accepted = vector.get("accepted").map(|text| {
        let (sequence, digest) = text.split_once(' ').unwrap();
        Accepted {
            sequence: sequence.parse().unwrap(),
            payload_digest: digest.parse().unwrap(),
        }
    });
    let content_key = vector
        .get("content_key")
        .map(|name| PublicContentKey::read(&root().join("keys").join(name)).unwrap());
    let ring = follow_rings(vector)?.expect("a release has a ring");
    let (app, channel) = (vector.field("app").parse()?, vector.field("channel").parse()?);
    let native = NativeVersion::new(vector.field("native"));
    let content_keys: Vec<_> = content_key.iter().collect();
    let context = TrustContext::new(&ring, &app, &channel, &native)
        .with_built_in_sequence(number("built_in_sequence"))
        .with_last_accepted(accepted)
        .with_now(Timestamp(number("now").unwrap()))
        .with_latest_time_seen(Timestamp(number("latest_time_seen").unwrap_or(0)))
        .with_content_keys(&content_keys);
    policy::check(&vector.body, &context).map(drop)
}

/// The current key ring of the device, after following all rings of the vector.
fn follow_rings(vector: &Vector) -> Result<Option<KeyRing>> {
    let mut names = vector.field("rings").split_whitespace();
    let Some(first) = names.next() else {
        return Ok(None);
    };
    names
        .try_fold(ring(first), |before, name| before.follow(&trusted(name)))
        .map(Some)
}

fn ring(name: &str) -> KeyRing {
    KeyRing::trusted(&trusted(name), &app()).unwrap()
}

/// A ring of one key.
fn ring_of(key: &SigningKey, public: VerifyingKey) -> KeyRing {
    let new = release::RingDocument::new(app(), vec![public], Timestamp(1));
    let envelope = release::sign_ring(&new, &[key]).unwrap();
    KeyRing::trusted(&envelope.to_json().unwrap(), &app()).unwrap()
}

fn trusted(name: &str) -> Vec<u8> {
    fs::read(root().join("trust").join(name)).unwrap()
}

fn outcome(result: Result<()>) -> (&'static str, String) {
    match result {
        Ok(()) => ("ok", String::new()),
        Err(error @ Error::ReleaseRefused { reason, .. }) => (reason.as_str(), error.to_string()),
        Err(error) => (error.kind().as_str(), error.to_string()),
    }
}

/// A device that accepts the valid release.
fn device(ring: &KeyRing) -> TrustContext<'_> {
    static IDENTITY: std::sync::LazyLock<(AppId, release::ChannelName, NativeVersion)> =
        std::sync::LazyLock::new(|| (app(), "production".parse().unwrap(), NativeVersion::new("3.0")));
    let (app, channel, native) = &*IDENTITY;
    TrustContext::new(ring, app, channel, native).with_now(Timestamp(1_795_915_260))
}

/// The payload of the valid release.
fn some_release() -> Vec<u8> {
    let sound = read("releases")
        .into_iter()
        .find(|vector| vector.field("name") == "sound")
        .unwrap();
    SignedRelease::parse(&sound.body).unwrap().envelope().payload().to_vec()
}

fn signed_bytes(payload: &[u8]) -> Vec<u8> {
    capbundle_tests::forge::envelope::signed_bytes(RELEASE_TYPE, payload)
}

fn with_signature(envelope: &serde_json::Value, signature: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let mut changed = envelope.clone();
    changed["signatures"][0]["sig"] = base64::engine::general_purpose::STANDARD.encode(signature).into();
    serde_json::to_vec(&changed).unwrap()
}

fn base64(text: &serde_json::Value) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(text.as_str().unwrap())
        .unwrap()
}

fn app() -> AppId {
    APP.parse().unwrap()
}

fn key_file(name: &str, half: &str) -> PathBuf {
    root().join("keys").join(format!("{name}.{half}.pem"))
}

fn read(folder: &str) -> Vec<Vector> {
    Vector::read_all(&root().join(folder)).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}
