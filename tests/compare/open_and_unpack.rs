//! Our side of opening: what a device does with the core, in a process of its own.

use std::path::Path;

use capbundle::bundle::{UnpackOptions, unpack};
use capbundle::keys::VerifyingKey;
use capbundle::progress::Control;
use capbundle::seal::{ChecksumForm, SignedChecksum, capgo};

/// The first argument that asks for it: `open-and-unpack SEALED IV_SESSION_KEY CHECKSUM PUBLIC_KEY FOLDER`.
pub(crate) const COMMAND: &str = "open-and-unpack";

pub(crate) fn run(arguments: &[String]) {
    let [sealed, session, checksum, key, folder] = arguments else {
        panic!("five arguments")
    };
    let control = Control::new();
    let key = VerifyingKey::read(Path::new(key)).unwrap();
    let session = session.parse().unwrap();
    let checksum = SignedChecksum::parse(checksum, ChecksumForm::V3).unwrap();
    let folder = Path::new(folder);
    let staging = folder.parent().unwrap();
    let archive = capgo::open(Path::new(sealed), staging, &session, &checksum, &key, &control).unwrap();
    unpack(&archive, folder, &UnpackOptions::default(), &control).unwrap();
}
