//! Chapter five: a static site instead of an update server. Sealed and signed releases, a rollout that the device
//! evaluates, a rollback, forgeries and a key rotation.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use capbundle::ChannelName;
use capbundle::bundle::{self, PackOptions};
use capbundle::http::Http;
use capbundle::http::download::DownloadOptions;
use capbundle::keys::{ContentKey, KeyBits, SigningKey};
use capbundle::native::{NativeApp, NativeVersion};
use capbundle::release;
use capbundle::release::{RingDocument, SignedKeyRing, SignedRelease, paths};
use capbundle::store::{
    ChannelOutcome, ChannelSource, ChannelUpdate, ReleaseOptions, RequiredProof, Store, StoreOptions,
};
use capbundle::time::Timestamp;
use capbundle::update::channel::{Site, bucket};
use capbundle::{AppId, ErrorKind, Limits};
use capbundle_publish::site::{
    Audience, Bundle, ExecutionOptions, FolderSite, NewRelease, PublishError, Publisher, ReleaseMetadata, Report,
    Signing, publish_ring,
};

use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::story::Story;
use crate::web::Web;
use crate::{app, new_folder};

const CHANNEL: &str = "production";
pub(crate) const NATIVE: &str = "1.0.0";
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// A forged archive fails the check of its header, size, segments or digest, whichever comes first.
const FORGED: [ErrorKind; 4] = [
    ErrorKind::DigestMismatch,
    ErrorKind::DecryptionFailed,
    ErrorKind::Server,
    ErrorKind::Network,
];

/// Runs the chapter; returns the number of rejected forgeries.
pub(crate) fn chapter(story: &mut Story<'_>, folder: &Path) -> Result<usize> {
    story.chapter("Without an update server: the same app on a static web server")?;
    let ci = Ci::new(new_folder(folder.join("static"))?)?;
    story.step("Creates and publishes the first key ring", || {
        ci.publish_first_ring()?;
        Ok(((), "one key, one signature required".to_owned()))
    })?;
    story.step("Publishes 4.0.0, sealed and signed", || {
        ci.publish("4.0.0", Audience::Stable)?;
        Ok(((), "archive, file list, release, channel".to_owned()))
    })?;
    let web = Web::serving(&ci.site)?;
    let phone = Phone::new(folder.join("static-phone"), &ci, &web)?;
    story.step("The device reads the channel and updates", || {
        phone.updates_to("4.0.0")?;
        phone.runs("4.0.0")
    })?;
    rollout(story, &ci, &phone)?;
    let forgeries = forgeries(story, &ci, &phone)?;
    rotation(story, &ci, &phone)?;
    Ok(forgeries)
}

fn rollout(story: &mut Story<'_>, ci: &Ci, phone: &Phone) -> Result<()> {
    let bucket = story.step("Publishes 4.1.0 for a share of the devices", || {
        ci.publish("4.1.0", Audience::Candidate { rollout_bps: 0 })?;
        let digest = ci.release(2)?.rollout_digest();
        // With this share, this device is just outside the rollout.
        let bucket = bucket(&ci.app, &digest, &phone.open()?.device_id()?);
        ci.run(|publisher, run| publisher.rollout(bucket, false, run))?;
        Ok((bucket, format!("{:.2} % of the devices", f64::from(bucket) / 100.0)))
    })?;
    story.step("The device checks again", || {
        let update = phone.update()?;
        expect(matches!(update.outcome, ChannelOutcome::UpToDate(_)), || {
            describe(&update)
        })?;
        Ok(((), format!("in bucket {bucket}: not in the rollout yet")))
    })?;
    story.step("Raises the share by 0.01 %", || {
        ci.run(|publisher, run| publisher.rollout(bucket + 1, false, run))?;
        phone.updates_to("4.1.0")?;
        Ok(((), "the device updates".to_owned()))
    })?;
    story.step("The app starts", || phone.runs("4.1.0"))?;
    story.step("4.1.0 has a bug: CI rolls back", || {
        let keys = [&ci.key];
        ci.run(|publisher, run| publisher.rollback(None, &signing(&keys), run))?;
        Ok(((), "a new release of 4.0.0".to_owned()))
    })?;
    story.step("The device checks again, and the app starts", || {
        phone.updates_to("4.0.0")?;
        phone.runs("4.0.0")
    })
}

/// An attacker who can write to the site tries forgeries, each on an intact site with a new release.
fn forgeries(story: &mut Story<'_>, ci: &Ci, phone: &Phone) -> Result<usize> {
    story.step("Publishes 4.2.0; an attacker can write files too", || {
        ci.publish("4.2.0", Audience::Stable)?;
        Ok(((), "the device has not updated yet".to_owned()))
    })?;
    let newest = ci.release(4)?;
    let archive = ci.site.join(archive_of(&newest)?);
    let other = ci.site.join(archive_of(&ci.release(2)?)?);
    let envelope = ci.site.join(paths::release_path(&ci.channel, 4));
    let channel = ci.site.join(paths::channel_path(&ci.channel));
    let (sound, sound_channel) = (read(&archive)?, read(&channel)?);

    story.rejected_as(
        "The channel offers an old release again",
        &[ErrorKind::NotTrusted],
        || {
            let file = String::from_utf8_lossy(&sound_channel).replace("\"sequence\":4", "\"sequence\":2");
            write(&channel, file.as_bytes())?;
            let update = phone.update();
            write(&channel, &sound_channel)?;
            rejection(update?)
        },
    )?;
    story.rejected_as("The archive is replaced by that of another release", &FORGED, || {
        phone.rejects(&archive, &read(&other)?, &sound)
    })?;
    story.rejected_as("The archive is truncated", &FORGED, || {
        phone.rejects(&archive, &sound[..sound.len() - 100], &sound)
    })?;
    story.rejected_as("One byte of the archive is changed", &FORGED, || {
        let mut bytes = sound.clone();
        let last = bytes.len() - 40;
        bytes[last] ^= 1;
        phone.rejects(&archive, &bytes, &sound)
    })?;
    story.rejected_as(
        "The release is signed with another key",
        &[ErrorKind::SignatureInvalid],
        || {
            let stranger = SigningKey::generate(KeyBits::B2048)?;
            let forged = release::sign(&newest.release().clone(), &[&stranger], &[])?;
            phone.rejects(&envelope, &forged.to_json()?, &newest.envelope().to_json()?)
        },
    )?;
    story.step("The site is restored; the device checks again", || {
        phone.updates_to("4.2.0")?;
        phone.runs("4.2.0")
    })?;
    Ok(5)
}

fn rotation(story: &mut Story<'_>, ci: &Ci, phone: &Phone) -> Result<()> {
    let next = SigningKey::generate(KeyBits::B2048)?;
    story.step("Rotates the key: adds a new one, retires the old", || {
        let created_at = Timestamp::now();
        let mut second = RingDocument::next(&ci.first_document()?, created_at);
        second.keys.push(next.verifying_key());
        let second = ring(&second, &[&ci.key, &next])?;
        ci.put_ring(&second)?;
        let mut third = RingDocument::next(SignedKeyRing::parse(&second)?.ring(), created_at);
        third.retire(ci.key.verifying_key().id())?;
        ci.put_ring(&ring(&third, &[&ci.key, &next])?)?;
        Ok(((), "key rings 2 and 3, each signed with the old key too".to_owned()))
    })?;
    story.step("Publishes 4.3.0, signed with the new key", || {
        ci.publish_with(&next, "4.3.0", Audience::Stable)?;
        let update = phone.updates_to("4.3.0")?;
        expect(update.ring == 3, || describe(&update))?;
        phone
            .runs("4.3.0")
            .map(|((), runs)| ((), format!("the device followed to ring 3; {runs}")))
    })
}

/// The CI job that publishes releases.
pub(crate) struct Ci {
    folder: PathBuf,
    /// The folder that the web server serves.
    pub(crate) site: PathBuf,
    storage: FolderSite,
    app: AppId,
    channel: ChannelName,
    key: SigningKey,
    /// The private key is in the app.
    content_key: Arc<ContentKey>,
}

impl Ci {
    pub(crate) fn new(folder: PathBuf) -> Result<Self> {
        let site = new_folder(folder.join("site"))?;
        Ok(Self {
            storage: FolderSite::new(&site),
            app: app::APP_ID.parse()?,
            channel: CHANNEL.parse()?,
            key: SigningKey::generate(KeyBits::B2048)?,
            content_key: Arc::new(ContentKey::generate(KeyBits::B2048)?),
            folder,
            site,
        })
    }

    fn first_ring(&self) -> RingDocument {
        RingDocument::new(self.app.clone(), vec![self.key.verifying_key()], Timestamp::now())
    }

    pub(crate) fn publish_first_ring(&self) -> Result<()> {
        self.put_ring(&ring(&self.first_ring(), &[&self.key])?)
    }

    /// The channel on this server, as an app has it built in.
    pub(crate) fn source(&self, web: &Web) -> Result<ChannelSource> {
        let native = NativeVersion::new(NATIVE);
        let (app, channel) = (self.app.clone(), self.channel.clone());
        let mut release = ReleaseOptions::new(app, channel, self.first_envelope()?, native);
        release.content_keys = vec![Arc::clone(&self.content_key)];
        Ok(ChannelSource::new(Site::new(web.url()?), release))
    }

    fn put_ring(&self, envelope: &[u8]) -> Result<()> {
        carried_out(|run| publish_ring(&self.storage, &self.app, envelope, run)).map(drop)
    }

    /// The first ring as it is on the site, and in the app.
    fn first_envelope(&self) -> Result<Vec<u8>> {
        read(&self.site.join(paths::ring_path(1)))
    }

    fn first_document(&self) -> Result<RingDocument> {
        Ok(SignedKeyRing::parse(&self.first_envelope()?)?.ring().clone())
    }

    fn release(&self, sequence: u64) -> Result<SignedRelease> {
        let path = self.site.join(paths::release_path(&self.channel, sequence));
        Ok(SignedRelease::parse(&read(&path)?)?)
    }

    fn run(
        &self,
        act: impl FnOnce(&Publisher<'_>, &mut ExecutionOptions<'_>) -> std::result::Result<Report, Box<PublishError>>,
    ) -> Result<Report> {
        let publisher = Publisher::new(&self.storage, &self.app, &self.channel);
        carried_out(|run| act(&publisher, run))
    }

    pub(crate) fn publish(&self, version: &str, audience: Audience) -> Result<()> {
        self.publish_with(&self.key, version, audience)
    }

    /// Builds this version of the app, then packs, seals, signs and publishes it.
    fn publish_with(&self, key: &SigningKey, version: &str, audience: Audience) -> Result<()> {
        let build = new_folder(self.folder.join(version))?;
        app::write(&build)?;
        let script = build.join("assets/app.js");
        let text = String::from_utf8_lossy(&read(&script)?).replace(app::VERSION, version);
        write(&script, text.as_bytes())?;
        let zip = self.folder.join(format!("{}_{version}.zip", app::APP_ID));
        let control = interrupt::control();
        bundle::pack(&build, &zip, &PackOptions::default(), &control)?;
        let bundle = Bundle::of_zip(&zip, &Limits::default(), &control)?;
        let bundle = bundle.sealed_for(vec![self.content_key.public().clone()], &self.folder);
        let keys = [key];
        let new = NewRelease {
            bundle: &bundle,
            metadata: &ReleaseMetadata::new(version),
            audience,
        };
        self.run(|publisher, run| publisher.publish(&new, &signing(&keys), run))?;
        Ok(())
    }
}

/// The path of a release's archive on the site.
fn archive_of(signed: &SignedRelease) -> Result<String> {
    let bundle = signed.release().bundle();
    let missing = || {
        Failure::new(
            "missing_archive",
            "expected a release of a bundle, found one of the built-in bundle",
        )
    };
    bundle.map(|bundle| paths::archive_of(bundle).0).ok_or_else(missing)
}

fn ring(ring: &RingDocument, keys: &[&SigningKey]) -> Result<Vec<u8>> {
    Ok(release::sign_ring(ring, keys)?.to_json()?)
}

fn signing<'a>(keys: &'a [&'a SigningKey]) -> Signing<'a> {
    Signing::new(keys, LIFETIME)
}

fn carried_out(
    act: impl FnOnce(&mut ExecutionOptions<'_>) -> std::result::Result<Report, Box<PublishError>>,
) -> Result<Report> {
    let outcome = act(&mut ExecutionOptions::new(&interrupt::control(), &mut |_| {}));
    outcome.map_err(|unfinished| Failure::from(unfinished.problem))
}

/// A device with the first key ring and the content key in its app.
struct Phone {
    root: PathBuf,
    source: ChannelSource,
}

impl Phone {
    fn new(root: PathBuf, ci: &Ci, web: &Web) -> Result<Self> {
        let source = ci.source(web)?;
        Ok(Self { root, source })
    }

    fn open(&self) -> Result<Store> {
        let options = StoreOptions::default().with_required_proof(RequiredProof::Release);
        Ok(Store::open(&self.root, options)?)
    }

    fn update(&self) -> Result<ChannelUpdate> {
        let (transport, options) = (Http::new(), DownloadOptions::default());
        let store = self.open()?;
        Ok(store.update_from_channel(&transport, &self.source, &options, &interrupt::control())?)
    }

    /// Checks the channel, which must offer this version.
    fn updates_to(&self, version: &str) -> Result<ChannelUpdate> {
        let update = self.update()?;
        let taken = match &update.outcome {
            // A bundle that is still installed is not downloaded again.
            ChannelOutcome::Installed(record) | ChannelOutcome::UpToDate(record) => record.version == version,
            _ => false,
        };
        expect(taken, || describe(&update))?;
        Ok(update)
    }

    /// Starts the app, which must serve this version, and confirms it.
    fn runs(&self, version: &str) -> Result<((), String)> {
        let store = self.open()?;
        let launch = store.launch(&NativeApp::new(NATIVE, "1"));
        expect(launch.version.as_deref() == Some(version), || {
            format!("expected version {version}, found {launch:?}")
        })?;
        if let Some(id) = launch.bundle.bundle() {
            store.trial_started(id)?;
        }
        store.confirm(&launch.bundle)?;
        Ok(((), format!("runs {version}")))
    }

    /// Checks the channel while a file of the site is replaced by `forged`.
    fn rejects(&self, file: &Path, forged: &[u8], sound: &[u8]) -> Result<()> {
        write(file, forged)?;
        let update = self.update();
        write(file, sound)?;
        rejection(update?)
    }
}

/// Converts a rejected update to a failure.
fn rejection(update: ChannelUpdate) -> Result<()> {
    if let ChannelOutcome::Older { offered, known } = update.outcome {
        let problem = format!("release {offered} is older than {known}, which this device has accepted");
        return Err(Failure::new(ErrorKind::NotTrusted.as_str(), problem));
    }
    match update.passed_over.into_iter().next() {
        Some(passed) => Err(Failure::new(passed.error.kind().as_str(), passed.error.to_string())),
        None => Ok(()),
    }
}

fn describe(update: &ChannelUpdate) -> String {
    format!("unexpected result {update:?}")
}

pub(crate) fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Failure::unexpected(otherwise()))
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Failure::io("read", path, &error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(|error| Failure::io("write", path, &error))
}
