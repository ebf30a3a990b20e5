//! Unpacks an archive that exceeds the limits of devices: `unlimited ARCHIVE SHA256 FOLDER`.
//!
//! The `capbundle` command applies the limits of devices, which are too low for the memory tests.
#![allow(clippy::expect_used, reason = "a tool for tests")]

use std::path::PathBuf;

use capbundle::VerifiedArchive;
use capbundle::bundle::{UnpackOptions, unpack};
use capbundle::progress::Control;

fn main() {
    let arguments: [String; 3] = std::env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .expect("three arguments");
    let [archive, digest, folder] = arguments;
    let control = Control::new();
    let digest = digest.parse().expect("the second argument is a SHA-256");
    let verified =
        VerifiedArchive::from_digest(&PathBuf::from(archive), &digest, &control).expect("the archive has the digest");
    let mut options = UnpackOptions::default();
    options.limits.file_size = 4 << 30;
    options.limits.total_size = 8 << 30;
    unpack(&verified, &PathBuf::from(folder), &options, &control).expect("the archive can be unpacked");
}
