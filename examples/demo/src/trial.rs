//! Chapter four: version 2 confirms that it works, version 3 crashes. One open store is one run of the app.

use std::fs;
use std::path::{Path, PathBuf};

use capbundle::ErrorKind;
use capbundle::bundle::{self, PackOptions};
use capbundle::capgo;
use capbundle::capgo::ChecksumForm;
use capbundle::native::NativeApp;
use capbundle::store::{
    BundleRecord, BundleRef, Confirmation, Launch, LaunchReason, NewBundle, RequiredProof, Store, StoreOptions,
};
use capbundle::update::protocol::BUILT_IN;

use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::output;
use crate::publish::Published;
use crate::story::Story;
use crate::update::Device;
use crate::{app, new_folder};

const GOOD: &str = "2.0.0";
const BROKEN: &str = "3.0.0";
/// The version of the native app.
const NATIVE: &str = "1.0.0";
/// The first line of the broken version's script. The rest, including the call of `notifyAppReady`, does not run.
const CRASH: &str = "throw new Error('the tide never comes');\n";

pub(crate) fn chapter(story: &mut Story<'_>, folder: &Path, published: &Published, device: &Device) -> Result<()> {
    story.chapter("A version crashes, and the app rolls back")?;
    let phone = Phone::new(folder.join("phone"), published, device);
    let releases = new_folder(folder.join("releases"))?;
    story.step("CI publishes 2.0.0", || {
        release(&releases, published, GOOD, "")?;
        Ok(((), "uploaded, registered, promoted".to_owned()))
    })?;
    story.step("The app starts for the first time", || {
        phone.start_serves(None, &LaunchReason::Current)?;
        Ok(((), "runs the built-in bundle".to_owned()))
    })?;
    story.step("It downloads, verifies and installs 2.0.0", || {
        phone.update(published, BUILT_IN, GOOD)
    })?;
    story.step("The app starts; the page calls notifyAppReady()", || {
        let (run, launch) = phone.start_serves(Some(GOOD), &LaunchReason::NextApplied)?;
        page_starts(&run, &launch)?;
        expect(
            run.confirm(&launch.bundle)? == Confirmation::Proven,
            "the confirmation was not accepted",
        )?;
        Ok(((), "runs 2.0.0 on trial; now proven".to_owned()))
    })?;
    story.step("CI publishes 3.0.0, which has a bug", || {
        release(&releases, published, BROKEN, CRASH)?;
        Ok(((), "signed with the same key".to_owned()))
    })?;
    story.step("It downloads, verifies and installs 3.0.0", || {
        phone.update(published, GOOD, BROKEN)
    })?;
    story.step("The app starts, and the page crashes", || {
        let (run, launch) = phone.start_serves(Some(BROKEN), &LaunchReason::NextApplied)?;
        page_starts(&run, &launch)?;
        Ok(((), "runs 3.0.0 on trial; attempt 1 of 2, not confirmed".to_owned()))
    })?;
    story.step("The app starts again, and the page crashes again", || {
        let (run, launch) = phone.start_serves(Some(BROKEN), &LaunchReason::Current)?;
        page_starts(&run, &launch)?;
        Ok(((), "runs 3.0.0 on trial; attempt 2 of 2, not confirmed".to_owned()))
    })?;
    story.step("The app starts a third time", || {
        let (_, launch) = phone.start_serves(Some(GOOD), &LaunchReason::TrialFailed)?;
        expect(
            launch.failed.is_some_and(|failed| failed.version == BROKEN),
            "3.0.0 is not marked as failed",
        )?;
        Ok(((), "3.0.0 failed: runs 2.0.0 again".to_owned()))
    })?;
    story.rejected("The server offers 3.0.0 again", ErrorKind::NotTrusted, || {
        phone.update(published, GOOD, BROKEN).map(drop)
    })?;
    story.step("The app starts again", || {
        let (_, launch) = phone.start_serves(Some(GOOD), &LaunchReason::Current)?;
        expect(!launch.on_trial, "2.0.0 is on trial")?;
        Ok(((), "runs 2.0.0, the last proven version".to_owned()))
    })
}

/// Packs, encrypts and publishes another version of the app, with `first` inserted at the start of its script.
fn release(folder: &Path, published: &Published, version: &str, first: &str) -> Result<()> {
    let build = new_folder(folder.join(version))?;
    app::write(&build)?;
    let script = build.join("assets/app.js");
    let text = fs::read_to_string(&script).map_err(|error| Failure::io("read", &script, &error))?;
    let text = format!("{first}{}", text.replace(app::VERSION, version));
    fs::write(&script, text).map_err(|error| Failure::io("write", &script, &error))?;
    let name = |suffix: &str| folder.join(format!("{}_{version}{suffix}.zip", app::APP_ID));
    let (archive, sealed) = (name(""), name("_encrypted"));
    let packed = bundle::pack(&build, &archive, &PackOptions::default(), &interrupt::control())?;
    let (key, form) = (&published.signing_key, ChecksumForm::V3);
    let proof = capgo::encrypt(
        &archive,
        &sealed,
        &capgo::Encryption {
            expected: &packed.digest,
            key,
            form,
        },
        &interrupt::control(),
    )?;
    let server = &published.server;
    let id = server.register(version, server.keep(version, &sealed)?, &proof, &published.key_id)?;
    server.promote(id)
}

/// A phone with a store that accepts only archives signed with the app's key.
struct Phone<'a> {
    root: PathBuf,
    options: StoreOptions,
    device: &'a Device,
}

impl<'a> Phone<'a> {
    fn new(root: PathBuf, published: &Published, device: &'a Device) -> Self {
        let options = StoreOptions::default().with_required_proof(RequiredProof::capgo_signed(&published.key));
        Self { root, options, device }
    }

    fn open(&self) -> Result<Store> {
        Ok(Store::open(&self.root, self.options.clone())?)
    }

    /// Starts the app, which must serve this version for this reason. The run ends when the store is dropped.
    fn start_serves(&self, version: Option<&str>, reason: &LaunchReason) -> Result<(Store, Launch)> {
        let store = self.open()?;
        let launch = store.launch(&NativeApp::new(NATIVE, "1"));
        if launch.version.as_deref() == version && launch.reason == *reason {
            return Ok((store, launch));
        }
        Err(Failure::unexpected(format!(
            "expected version {version:?} for reason {reason:?}, found {launch:?}"
        )))
    }

    /// Downloads, verifies and installs the offered bundle, and sets it as the next one.
    fn update(&self, published: &Published, runs: &str, expected: &str) -> Result<(BundleRecord, String)> {
        let offer = published.server.request_update(NATIVE, runs, &published.key_id)?;
        expect(offer.version == expected, "the server offered another version")?;
        let archive = self.device.fetch(&offer)?;
        let store = self.open()?;
        let record = store.install(&archive, &NewBundle::new(&offer.version), &interrupt::control())?;
        store.set_next(&BundleRef::Bundle(record.id.clone()))?;
        let outcome = format!(
            "{}, {}, used from the next start on",
            output::counted(record.files, "file"),
            output::bytes(record.unpacked_size)
        );
        Ok((record, outcome))
    }
}

fn page_starts(run: &Store, launch: &Launch) -> Result<()> {
    let counts = launch.bundle.bundle().map(|id| run.trial_started(id)).transpose()?;
    expect(launch.on_trial && counts == Some(true), "the bundle is not on trial")
}

fn expect(holds: bool, otherwise: &str) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Failure::unexpected(otherwise))
    }
}
