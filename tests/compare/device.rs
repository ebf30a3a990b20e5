//! The device's part with the core, in a separate process.

use std::path::Path;

use capbundle::VerifiedArchive;
use capbundle::bundle::{UnpackOptions, unpack};
use capbundle::capgo;
use capbundle::capgo::{ChecksumForm, SignedChecksum};
use capbundle::keys::VerifyingKey;
use capbundle::progress::Control;
use capbundle::store::{NewBundle, Store, StoreOptions};

/// The first argument to decrypt, verify and unpack: `… SEALED IV_SESSION_KEY CHECKSUM PUBLIC_KEY FOLDER`.
pub(crate) const UNPACK: &str = "open-and-unpack";
/// The first argument to decrypt, verify and install, followed by the same ones; the folder is the store.
pub(crate) const INSTALL: &str = "open-and-install";

pub(crate) fn unpack_sealed(arguments: &[String]) {
    let (archive, folder) = open(arguments);
    unpack(&archive, folder, &UnpackOptions::default(), &Control::new()).unwrap();
}

pub(crate) fn install_sealed(arguments: &[String]) {
    let (archive, folder) = open(arguments);
    let store = Store::open(folder, StoreOptions::default()).unwrap();
    store
        .install(&archive, &NewBundle::new("1.0.0"), &Control::new())
        .unwrap();
}

/// The verified archive and the target folder.
fn open(arguments: &[String]) -> (VerifiedArchive, &Path) {
    let [sealed, session, checksum, key, folder] = arguments else {
        panic!("expected five arguments, found {}", arguments.len())
    };
    let key = VerifyingKey::read(Path::new(key)).unwrap();
    let session = session.parse().unwrap();
    let checksum = SignedChecksum::parse(checksum, ChecksumForm::V3).unwrap();
    let folder = Path::new(folder);
    let staging = folder.parent().unwrap();
    let archive = capgo::decrypt(
        Path::new(sealed),
        staging,
        &capgo::Decryption {
            iv_session_key: &session,
            checksum: &checksum,
            key: &key,
        },
        &Control::new(),
    )
    .unwrap();
    (archive, folder)
}
