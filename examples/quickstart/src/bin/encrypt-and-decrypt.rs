//! Packs, encrypts and signs a folder, as in CI; verifies, decrypts and unpacks it, as on a device.
//!
//! `encrypt-and-decrypt WWW PRIVATE_KEY WORK`: the folder of the web app, the private key as PEM, and an existing folder for the
//! output.

use std::error::Error;
use std::path::Path;

use capbundle::bundle::{PackOptions, UnpackOptions, pack, unpack};
use capbundle::capgo;
use capbundle::capgo::ChecksumForm;
use capbundle::keys::SigningKey;
use capbundle::progress::Control;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [www, private_key, work] = arguments.as_slice() else {
        return Err("expected WWW PRIVATE_KEY WORK".into());
    };
    let (work, control) = (Path::new(work), Control::new());
    let (archive, sealed, live) = (work.join("app.zip"), work.join("app.sealed"), work.join("live"));

    // In CI, with the private key.
    let key = SigningKey::read(Path::new(private_key))?;
    let packed = pack(Path::new(www), &archive, &PackOptions::default(), &control)?;
    println!("packed {} files, SHA-256 {}", packed.files, packed.digest);
    let parts = capgo::encrypt(
        &archive,
        &sealed,
        &capgo::Encryption {
            expected: &packed.digest,
            key: &key,
            form: ChecksumForm::V3,
        },
        &control,
    )?;

    // On the device, with the public key. The session key and the checksum come from the server and need not be trusted.
    let public = key.verifying_key();
    let opened = capgo::decrypt(
        &sealed,
        work,
        &capgo::Decryption {
            iv_session_key: &parts.iv_session_key,
            checksum: &parts.checksum,
            key: &public,
        },
        &control,
    )?;
    let unpacked = unpack(&opened, &live, &UnpackOptions::default(), &control)?;
    println!("{} files are in {}", unpacked.files, live.display());
    Ok(())
}
