//! Chapter three: a server in other hands. The device has to refuse each forgery, and keep nothing of it.

use std::fs;
use std::path::Path;

use capbundle::ErrorKind;
use capbundle::bundle::{self, PackOptions};
use capbundle::keys::{KeyBits, SigningKey};
use capbundle::seal::{ChecksumForm, capgo};

use super::publish::{Answer, Published};
use super::story::Story;
use super::update::Device;
use super::{app, new_folder};
use crate::codes::{Failure, Result};
use crate::interrupt;

/// Plays the forgeries; gives their number.
pub(super) fn chapter(story: &mut Story<'_>, folder: &Path, published: &Published, device: &Device) -> Result<usize> {
    story.chapter("The server falls into other hands")?;
    let forger = Forger {
        folder: new_folder(folder.join("forger"))?,
        published,
    };
    let forgeries: [(&str, ErrorKind, Answer); 4] = [
        (
            "One byte of the bundle is flipped",
            ErrorKind::DigestMismatch,
            forger.flipped_byte()?,
        ),
        (
            "A plain SHA-256 takes the signature's place",
            ErrorKind::NotTrusted,
            forger.plain_checksum()?,
        ),
        (
            "Another bundle comes without encryption",
            ErrorKind::NotTrusted,
            forger.unencrypted()?,
        ),
        (
            "Another bundle is signed with another key",
            ErrorKind::SignatureInvalid,
            forger.other_key()?,
        ),
    ];
    let count = forgeries.len();
    for (title, expected, answer) in forgeries {
        story.refused(title, expected, || device.update(&answer))?;
    }
    story.step("Looks for remains on the device", || {
        device.holds_only(app::VERSION)?;
        Ok(((), "none: the good bundle alone is there".to_owned()))
    })?;
    Ok(count)
}

struct Forger<'a> {
    folder: std::path::PathBuf,
    published: &'a Published,
}

impl Forger<'_> {
    fn flipped_byte(&self) -> Result<Answer> {
        let mut bytes = read(&self.published.sealed)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        Ok(self.answer("/flipped.zip", bytes, |_| ()))
    }

    fn plain_checksum(&self) -> Result<Answer> {
        let bytes = read(&self.published.sealed)?;
        let digest = capbundle::digest::Sha256Digest::of(&bytes).to_string();
        Ok(self.answer("/plain-checksum.zip", bytes, |answer| answer.checksum = digest))
    }

    fn unencrypted(&self) -> Result<Answer> {
        let bytes = read(&self.evil_archive("unencrypted")?)?;
        Ok(self.answer("/unencrypted.zip", bytes, |answer| answer.session_key.clear()))
    }

    fn other_key(&self) -> Result<Answer> {
        let archive = self.evil_archive("other-key")?;
        let digest = capbundle::digest::Sha256Digest::of_file(&archive, &interrupt::control())?;
        let sealed = self.folder.join("other-key-sealed.zip");
        let key = SigningKey::generate(KeyBits::B2048)?;
        let proof = capgo::seal(
            &archive,
            &digest,
            &sealed,
            &key,
            ChecksumForm::V3,
            &interrupt::control(),
        )?;
        Ok(self.answer("/other-key.zip", read(&sealed)?, |answer| {
            answer.checksum = proof.checksum.to_string();
            answer.session_key = proof.iv_session_key.to_string();
        }))
    }

    /// The good answer, with another file and what `forge` changes.
    fn answer(&self, path: &str, bytes: Vec<u8>, forge: impl FnOnce(&mut Answer)) -> Answer {
        let mut answer = Answer {
            version: "6.6.6".to_owned(),
            url: self.published.server.publish(path, bytes),
            ..self.published.answer.clone()
        };
        forge(&mut answer);
        answer
    }

    /// A sound bundle of the forger's own.
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
