//! Chapter two: a device requests an update, downloads, verifies and unpacks it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use capbundle::VerifiedArchive;
use capbundle::bundle::{self, UnpackOptions};
use capbundle::capgo;
use capbundle::capgo::{ChecksumForm, SignedChecksum};
use capbundle::http::Http;
use capbundle::http::download;
use capbundle::http::download::{Download, DownloadOptions, Downloaded, Remote};
use capbundle::keys::VerifyingKey;
use capbundle::update::protocol::{BUILT_IN, UpdateOffer};

use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::output;
use crate::publish::Published;
use crate::story::Story;
use crate::{app, new_folder};

/// The download limit of the device, above the size of the demo's bundle.
const MAX_DOWNLOAD: u64 = 1 << 20;
/// The version of the native app, older than the update.
const NATIVE: &str = "0.9.0";

/// A device with its public key and its folders.
pub(crate) struct Device {
    key: VerifyingKey,
    transport: Http,
    staging: PathBuf,
    bundles: PathBuf,
}

pub(crate) fn chapter(story: &mut Story<'_>, folder: &Path, published: &Published) -> Result<(Device, UpdateOffer)> {
    story.chapter("The device updates, with the public key in the app")?;
    let device = Device::new(&folder.join("device"), published.key.clone())?;
    let offer = story.step("Requests an update from the server", || {
        let offer = published.server.request_update(NATIVE, BUILT_IN, &published.key_id)?;
        let outcome = format!("version {}", offer.version);
        Ok((offer, outcome))
    })?;
    let sealed = story.step("Downloads the bundle", || {
        let sealed = device.download(&offer)?;
        let outcome = output::bytes(sealed.size);
        Ok((sealed, outcome))
    })?;
    let archive = story.step("Verifies the signature and decrypts", || {
        let archive = device.open(&offer, &sealed.path)?;
        let outcome = format!("{}, matches the signed SHA-256", output::bytes(archive.size()));
        Ok((archive, outcome))
    })?;
    let bundle = device.bundles.join(&offer.version);
    story.step("Unpacks the archive within the limits of a device", || {
        let unpacked = bundle::unpack(&archive, &bundle, &UnpackOptions::default(), &interrupt::control())?;
        Ok((
            (),
            format!(
                "{}, {}",
                output::counted(unpacked.files, "file"),
                output::bytes(unpacked.bytes)
            ),
        ))
    })?;
    story.step("Compares all files with the build folder", || {
        app::compare(&bundle)?;
        sealed.remove()?;
        Ok(((), "identical".to_owned()))
    })?;
    Ok((device, offer))
}

impl Device {
    fn new(folder: &Path, key: VerifyingKey) -> Result<Self> {
        let folder = new_folder(folder.to_owned())?;
        Ok(Self {
            key,
            transport: Http::new(),
            staging: new_folder(folder.join("staging"))?,
            bundles: new_folder(folder.join("bundles"))?,
        })
    }

    /// Downloads, verifies and unpacks an offer of an untrusted server, as an app does.
    pub(crate) fn update(&self, offer: &UpdateOffer) -> Result<()> {
        let archive = self.fetch(offer)?;
        let bundle = self.bundles.join(&offer.version);
        bundle::unpack(&archive, &bundle, &UnpackOptions::default(), &interrupt::control())?;
        Ok(())
    }

    /// Downloads and verifies an offer. The download is always removed.
    pub(crate) fn fetch(&self, offer: &UpdateOffer) -> Result<VerifiedArchive> {
        let sealed = self.download(offer)?;
        let opened = self.open(offer, &sealed.path);
        sealed.remove()?;
        opened
    }

    fn download(&self, offer: &UpdateOffer) -> Result<Downloaded> {
        let remote = Remote::new(offer.url.parse()?);
        let wanted = Download {
            remote: &remote,
            folder: &self.staging,
            options: &DownloadOptions::default().with_max_size(MAX_DOWNLOAD),
        };
        Ok(download::download(&self.transport, &wanted, &interrupt::control())?)
    }

    /// Fails if any file of a rejected update is left.
    pub(crate) fn holds_only(&self, version: &str) -> Result<()> {
        let names = |folder: &Path| -> Result<Vec<String>> {
            let failed = |error: io::Error| Failure::io("list", folder, &error);
            let entries = fs::read_dir(folder).map_err(failed)?;
            entries
                .map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned()))
                .collect()
        };
        let (staged, bundles) = (names(&self.staging)?, names(&self.bundles)?);
        if staged.is_empty() && bundles == [version] {
            return Ok(());
        }
        let left = format!("the device holds {staged:?} in staging and the bundles {bundles:?}");
        Err(Failure::unexpected(left))
    }

    fn open(&self, offer: &UpdateOffer, sealed: &Path) -> Result<VerifiedArchive> {
        // With a key in the app, bundles must be signed and encrypted, whatever the server returns.
        let checksum = offer.checksum.as_deref().unwrap_or_default();
        let checksum = SignedChecksum::parse(checksum, ChecksumForm::V3)?;
        let session = offer.session_key.as_deref().unwrap_or_default().parse()?;
        Ok(capgo::decrypt(
            sealed,
            &self.staging,
            &capgo::Decryption {
                iv_session_key: &session,
                checksum: &checksum,
                key: &self.key,
            },
            &interrupt::control(),
        )?)
    }
}
