//! Chapter two: a device asks for an update, downloads, verifies and unpacks it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use capbundle::bundle::{self, UnpackOptions};
use capbundle::keys::VerifyingKey;
use capbundle::seal::{ChecksumForm, SignedChecksum, capgo};
use capbundle::{ErrorKind, VerifiedArchive};

use super::publish::{Answer, Published};
use super::story::Story;
use super::{app, new_folder};
use crate::codes::{Failure, Result};
use crate::interrupt;
use crate::output;

/// More than the demo's bundle can have; a device has a limit too.
const MAX_DOWNLOAD: u64 = 1 << 20;
/// A loopback server that takes longer hangs.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A phone: the key it was built with, and its folders.
pub(super) struct Device {
    key: VerifyingKey,
    staging: PathBuf,
    bundles: PathBuf,
}

pub(super) fn chapter(story: &mut Story<'_>, folder: &Path, published: &Published) -> Result<Device> {
    story.chapter("The device, with the public key in the app")?;
    let device = Device::new(&folder.join("device"), published.key.clone())?;
    let answer = story.step("Asks the server for an update", || {
        let url = published.server.publish(
            "/updates",
            serde_json::to_vec(&published.answer).map_err(|error| unreadable(&error))?,
        );
        let text = download(&url)?;
        let answer: Answer = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
        let outcome = format!("version {}", answer.version);
        Ok((answer, outcome))
    })?;
    let sealed = device.staging.join("download");
    story.step("Downloads the bundle", || {
        let size = download_to(&answer, &sealed)?;
        Ok(((), output::bytes(size)))
    })?;
    let archive = story.step("Verifies the signature and decrypts", || {
        let archive = device.open(&answer, &sealed)?;
        let outcome = format!("{}, the signed SHA-256", output::bytes(archive.size()));
        Ok((archive, outcome))
    })?;
    let bundle = device.bundles.join(&answer.version);
    story.step("Unpacks it, within the limits of a phone", || {
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
    story.step("Compares every file with the build folder", || {
        app::compare(&bundle)?;
        forget(&sealed)?;
        Ok(((), "equal, byte for byte".to_owned()))
    })?;
    Ok(device)
}

impl Device {
    fn new(folder: &Path, key: VerifyingKey) -> Result<Self> {
        let folder = new_folder(folder.to_owned())?;
        Ok(Self {
            key,
            staging: new_folder(folder.join("staging"))?,
            bundles: new_folder(folder.join("bundles"))?,
        })
    }

    /// All of it at once, as an app does it: what a device does with the answer of an untrusted server.
    pub(super) fn update(&self, answer: &Answer) -> Result<()> {
        let archive = self.fetch(answer)?;
        let bundle = self.bundles.join(&answer.version);
        bundle::unpack(&archive, &bundle, &UnpackOptions::default(), &interrupt::control())?;
        Ok(())
    }

    /// Downloads and proves what the answer names. The download goes, whatever comes of it.
    pub(super) fn fetch(&self, answer: &Answer) -> Result<VerifiedArchive> {
        let sealed = self.staging.join("download");
        let opened = download_to(answer, &sealed).and_then(|_| self.open(answer, &sealed));
        forget(&sealed)?;
        opened
    }

    /// Fails if anything is left of an update that was refused.
    pub(super) fn holds_only(&self, version: &str) -> Result<()> {
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
        Err(Failure::refused("demo_failed", left))
    }

    fn open(&self, answer: &Answer, sealed: &Path) -> Result<VerifiedArchive> {
        // A key is configured, so everything must be signed and encrypted: no answer of the server changes that.
        let checksum = SignedChecksum::parse(&answer.checksum, ChecksumForm::V3)?;
        let session = answer.session_key.parse()?;
        Ok(capgo::open(
            sealed,
            &self.staging,
            &session,
            &checksum,
            &self.key,
            &interrupt::control(),
        )?)
    }
}

fn download_to(answer: &Answer, to: &Path) -> Result<u64> {
    let bytes = download(&answer.url)?;
    let failed = |error: io::Error| Failure::io("write", to, &error);
    io::copy(&mut &bytes[..], &mut File::create_new(to).map_err(failed)?).map_err(failed)
}

fn forget(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::io("remove", file, &error)),
        _ => Ok(()),
    }
}

fn download(url: &str) -> Result<Vec<u8>> {
    let failed = |problem: String| Failure::refused(ErrorKind::Network.as_str(), format!("{url}: {problem}"));
    // No proxy: a machine that has one for the internet would send loopback requests there.
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .proxy(None)
        .build()
        .into();
    let response = agent.get(url).call().map_err(|error| failed(error.to_string()))?;
    let mut body = Vec::new();
    let reader = response.into_body().into_reader();
    reader
        .take(MAX_DOWNLOAD)
        .read_to_end(&mut body)
        .map_err(|error| failed(error.to_string()))?;
    Ok(body)
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::refused(ErrorKind::Server.as_str(), format!("the answer of the server: {error}"))
}
