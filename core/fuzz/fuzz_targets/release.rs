//! Arbitrary bytes as the payload of a correctly signed release: the device must not rely on the signer to check it.

#![no_main]

use std::sync::LazyLock;

use capbundle::AppId;
use capbundle::ChannelName;
use capbundle::keys::SigningKey;
use capbundle::native::NativeVersion;
use capbundle::release::{Envelope, KeyRing, RELEASE_TYPE, SignedRelease, TrustContext, create, policy};
use capbundle::time::Timestamp;
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp(1_795_915_260);

static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
    let pem = include_str!("../../../tests/vectors/keys/test-signer.private.pem");
    SigningKey::from_pem(pem).expect("the key is valid")
});
static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let ring = include_bytes!("../../../tests/vectors/trust/one.json");
    KeyRing::trusted(ring, &APP).expect("the key ring is valid")
});
static APP: LazyLock<AppId> = LazyLock::new(|| "com.example.app".parse().expect("the app id is valid"));
static CHANNEL: LazyLock<ChannelName> = LazyLock::new(|| "production".parse().expect("the channel name is valid"));
static NATIVE: LazyLock<NativeVersion> = LazyLock::new(|| NativeVersion::new("3.0"));

fuzz_target!(|payload: &[u8]| {
    let Ok(unsigned) = Envelope::sign(RELEASE_TYPE, payload.to_vec(), &[]).and_then(|envelope| envelope.to_json())
    else {
        return;
    };
    // Signing is slow, and a payload that cannot be parsed would be refused after it anyway.
    let Ok(read) = SignedRelease::parse(&unsigned) else {
        return;
    };
    drop(create(read.release()).expect("what is read can be written"));
    let envelope = Envelope::sign(RELEASE_TYPE, payload.to_vec(), &[&*KEY]).expect("it is signed");
    let context = TrustContext::new(&RING, &APP, &CHANNEL, &NATIVE)
        .with_built_in_sequence(40)
        .with_now(NOW);
    let Ok(trusted) = policy::check(&envelope.to_json().expect("an envelope can be written"), &context) else {
        return;
    };
    let release = trusted.release();
    assert!(release.app_id == *APP && release.channel == *CHANNEL && release.native.contains(&NATIVE));
    assert!(release.sequence > 40 && release.expires_at > NOW && release.created_at < release.expires_at);
});
