//! Chapter one: CI packs, signs, encrypts, uploads, registers and promotes a bundle.

use std::path::{Path, PathBuf};

use capbundle::bundle::{self, PackOptions};
use capbundle::capgo;
use capbundle::capgo::ChecksumForm;
use capbundle::keys::{KeyBits, Overwrite, SigningKey, VerifyingKey};

use crate::failure::Result;
use crate::interrupt;
use crate::output;
use crate::server::{CHANNEL, Server};
use crate::story::Story;
use crate::{app, new_folder};

/// A bundle on a server and the key that devices trust.
pub(crate) struct Published {
    pub(crate) server: Server,
    pub(crate) sealed: PathBuf,
    pub(crate) key: VerifyingKey,
    /// The id of the key on the server.
    pub(crate) key_id: String,
    /// The private key, which stays in CI.
    pub(crate) signing_key: SigningKey,
}

pub(crate) fn chapter(story: &mut Story<'_>, folder: &Path) -> Result<Published> {
    story.chapter("CI publishes the first update")?;
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
    let packed = story.step("Checks the build folder and packs it", || {
        let packed = bundle::pack(&build, &archive, &PackOptions::default(), &interrupt::control())?;
        let outcome = format!(
            "{}, SHA-256 {}…",
            output::bytes(packed.size),
            &packed.digest.to_string()[..12]
        );
        Ok((packed, outcome))
    })?;
    story.step("Packs it again, with identical bytes", || {
        let again = folder.join("again.zip");
        let repeated = bundle::pack(&build, &again, &PackOptions::default(), &interrupt::control())?;
        capbundle::VerifiedArchive::from_digest(&again, &packed.digest, &interrupt::control())?;
        Ok(((), format!("SHA-256 {}…", &repeated.digest.to_string()[..12])))
    })?;

    let key = story.step("Creates a signing key", || {
        let key = SigningKey::generate(KeyBits::B2048)?;
        key.write(&folder.join(".capgo_key_v2"), Overwrite::Never)?;
        let public = key.verifying_key();
        let outcome = format!("RSA, {} bits, Capgo key id {}", public.bits(), public.capgo_key_id());
        Ok((key, outcome))
    })?;
    let sealed = folder.join("sealed.zip");
    let proof = story.step("Signs and encrypts the archive", || {
        let proof = capgo::encrypt(
            &archive,
            &sealed,
            &capgo::Encryption {
                expected: &packed.digest,
                key: &key,
                form: ChecksumForm::V3,
            },
            &interrupt::control(),
        )?;
        let outcome = format!(
            "{}, signed checksum {}…",
            output::bytes(proof.size),
            &proof.checksum.to_string()[..12]
        );
        Ok((proof, outcome))
    })?;
    let server = Server::start(&folder.join("server"))?;
    let url = story.step("Uploads the archive to the update server", || {
        let url = server.keep(app::VERSION, &sealed)?;
        let outcome = url.to_string();
        let shown = outcome.split("/bundles/").next().unwrap_or_default().to_owned();
        Ok((url, shown))
    })?;
    let key_id = key.verifying_key().capgo_key_id();
    let id = story.step("Registers the bundle with its signed checksum", || {
        let id = server.register(app::VERSION, url, &proof, &key_id)?;
        Ok((id, format!("{} {}, bundle {id}", app::APP_ID, app::VERSION)))
    })?;
    story.step("Assigns the bundle to a channel", || {
        server.promote(id)?;
        Ok(((), format!("channel {CHANNEL}")))
    })?;
    Ok(Published {
        server,
        sealed,
        key: key.verifying_key(),
        key_id,
        signing_key: key,
    })
}
