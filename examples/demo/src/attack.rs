//! Chapter three: an attacker controls the server. The device must reject each forgery and keep nothing of it.

use std::fs;
use std::path::Path;

use capbundle::ErrorKind;
use capbundle::bundle::{self, PackOptions};
use capbundle::capgo;
use capbundle::capgo::ChecksumForm;
use capbundle::keys::{KeyBits, SigningKey};
use capbundle::update::protocol::UpdateOffer;

use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::publish::Published;
use crate::story::Story;
use crate::update::Device;
use crate::{app, new_folder};

/// Offers the forgeries to the device; returns their number.
pub(crate) fn chapter(
    story: &mut Story<'_>,
    folder: &Path,
    published: &Published,
    device: &Device,
    offer: &UpdateOffer,
) -> Result<usize> {
    story.chapter("An attacker takes over the server")?;
    let forger = Forger {
        folder: new_folder(folder.join("forger"))?,
        published,
        offer,
    };
    let forgeries: [(&str, ErrorKind, UpdateOffer); 4] = [
        (
            "Changes one byte of the bundle",
            ErrorKind::DigestMismatch,
            forger.flipped_byte()?,
        ),
        (
            "Replaces the signature by a plain SHA-256",
            ErrorKind::NotTrusted,
            forger.plain_checksum()?,
        ),
        (
            "Offers another bundle without encryption",
            ErrorKind::NotTrusted,
            forger.unencrypted()?,
        ),
        (
            "Offers another bundle signed with another key",
            ErrorKind::SignatureInvalid,
            forger.other_key()?,
        ),
    ];
    let count = forgeries.len();
    for (title, expected, forged) in forgeries {
        story.rejected(title, expected, || device.update(&forged))?;
    }
    story.step("Checks the files on the device", || {
        device.holds_only(app::VERSION)?;
        Ok(((), "only the original bundle, nothing of the forgeries".to_owned()))
    })?;
    Ok(count)
}

struct Forger<'a> {
    folder: std::path::PathBuf,
    published: &'a Published,
    /// The genuine offer of the server.
    offer: &'a UpdateOffer,
}

impl Forger<'_> {
    fn flipped_byte(&self) -> Result<UpdateOffer> {
        let mut bytes = read(&self.published.sealed)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        self.offer("6.6.1", &bytes, |_| ())
    }

    fn plain_checksum(&self) -> Result<UpdateOffer> {
        let bytes = read(&self.published.sealed)?;
        let digest = capbundle::digest::Sha256Digest::of(&bytes).to_string();
        self.offer("6.6.2", &bytes, |offer| offer.checksum = Some(digest))
    }

    fn unencrypted(&self) -> Result<UpdateOffer> {
        let bytes = read(&self.evil_archive("unencrypted")?)?;
        self.offer("6.6.3", &bytes, |offer| offer.session_key = None)
    }

    fn other_key(&self) -> Result<UpdateOffer> {
        let archive = self.evil_archive("other-key")?;
        let digest = capbundle::digest::Sha256Digest::of_file(&archive, &interrupt::control())?;
        let sealed = self.folder.join("other-key-sealed.zip");
        let key = SigningKey::generate(KeyBits::B2048)?;
        let proof = capgo::encrypt(
            &archive,
            &sealed,
            &capgo::Encryption {
                expected: &digest,
                key: &key,
                form: ChecksumForm::V3,
            },
            &interrupt::control(),
        )?;
        self.offer("6.6.4", &read(&sealed)?, |offer| {
            offer.checksum = Some(proof.checksum.to_string());
            offer.session_key = Some(proof.iv_session_key.to_string());
        })
    }

    /// The genuine offer, changed by `forge`, with another file stored on the server. The API does not register such
    /// an offer, but an attacker who controls the server can send it.
    fn offer(&self, version: &str, bytes: &[u8], forge: impl FnOnce(&mut UpdateOffer)) -> Result<UpdateOffer> {
        let file = self.folder.join(format!("{version}.zip"));
        fs::write(&file, bytes).map_err(|error| Failure::io("write", &file, &error))?;
        let mut offer = self.offer.clone();
        version.clone_into(&mut offer.version);
        let url = self.published.server.keep(version, &file)?;
        url.as_str().clone_into(&mut offer.url);
        forge(&mut offer);
        Ok(offer)
    }

    /// A valid bundle made by the attacker.
    fn evil_archive(&self, name: &str) -> Result<std::path::PathBuf> {
        let folder = new_folder(self.folder.join(name))?;
        app::write(&folder)?;
        let page = folder.join("index.html");
        fs::write(&page, "<h1>Your money, please</h1>").map_err(|error| Failure::io("write", &page, &error))?;
        let archive = self.folder.join(format!("{name}.zip"));
        bundle::pack(&folder, &archive, &PackOptions::default(), &interrupt::control())?;
        Ok(archive)
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Failure::io("read", path, &error))
}
