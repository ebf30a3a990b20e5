//! Chapter one: the release engineer packs, signs, encrypts and uploads.

use std::path::{Path, PathBuf};

use capbundle::bundle::{self, PackOptions};
use capbundle::keys::{KeyBits, Overwrite, SigningKey, VerifyingKey};
use capbundle::seal::{ChecksumForm, capgo};
use serde::{Deserialize, Serialize};

use super::server::Server;
use super::story::Story;
use super::{app, new_folder};
use crate::codes::Result;
use crate::interrupt;
use crate::output;

/// What an update server answers a device that asks; Capgo's field names.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) version: String,
    pub(super) url: String,
    pub(super) session_key: String,
    pub(super) checksum: String,
}

/// A bundle on a server, and the key that devices trust.
pub(super) struct Published {
    pub(super) server: Server,
    pub(super) sealed: PathBuf,
    pub(super) answer: Answer,
    pub(super) key: VerifyingKey,
    /// Its private half, which stays in CI.
    pub(super) signing_key: SigningKey,
}

pub(super) fn chapter(story: &mut Story<'_>, folder: &Path) -> Result<Published> {
    story.chapter("The release engineer, in CI")?;
    let folder = new_folder(folder.join("ci"))?;
    let build = new_folder(folder.join("www"))?;
    story.step("Builds the web app", || {
        app::write(&build)?;
        Ok((
            (),
            format!(
                "{}, {}",
                output::counted(app::file_count(), "file"),
                output::bytes(app::size())
            ),
        ))
    })?;

    let archive = folder.join(format!("{}_{}.zip", app::APP_ID, app::VERSION));
    let packed = story.step("Checks the folder and packs it", || {
        let packed = bundle::pack(&build, &archive, &PackOptions::default(), &interrupt::control())?;
        let outcome = format!(
            "{}, SHA-256 {}…",
            output::bytes(packed.size),
            &packed.digest.to_string()[..12]
        );
        Ok((packed, outcome))
    })?;
    story.step("Packs it again: the same bytes", || {
        let again = folder.join("again.zip");
        let repeated = bundle::pack(&build, &again, &PackOptions::default(), &interrupt::control())?;
        capbundle::VerifiedArchive::from_digest(&again, &packed.digest, &interrupt::control())?;
        Ok(((), format!("SHA-256 {}…", &repeated.digest.to_string()[..12])))
    })?;

    let key = story.step("Makes a key pair", || {
        let key = SigningKey::generate(KeyBits::B2048)?;
        key.write(&folder.join(".capgo_key_v2"), Overwrite::Never)?;
        let public = key.verifying_key();
        let outcome = format!("RSA, {} bits, Capgo key id {}", public.bits(), public.capgo_key_id()?);
        Ok((key, outcome))
    })?;
    let sealed = folder.join("sealed.zip");
    let proof = story.step("Signs and encrypts the archive", || {
        let proof = capgo::seal(
            &archive,
            &packed.digest,
            &sealed,
            &key,
            ChecksumForm::V3,
            &interrupt::control(),
        )?;
        let outcome = format!(
            "{}, signed checksum {}…",
            output::bytes(proof.size),
            &proof.checksum.to_string()[..12]
        );
        Ok((proof, outcome))
    })?;
    let (server, answer) = story.step("Uploads it to a server", || {
        let server = Server::start()?;
        let answer = Answer {
            version: app::VERSION.to_owned(),
            url: server.publish_file("/bundle.zip", &sealed)?,
            session_key: proof.iv_session_key.to_string(),
            checksum: proof.checksum.to_string(),
        };
        let url = answer.url.clone();
        Ok(((server, answer), url))
    })?;
    Ok(Published {
        server,
        sealed,
        answer,
        key: key.verifying_key(),
        signing_key: key,
    })
}
