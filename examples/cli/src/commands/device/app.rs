//! The state of the simulated device between two calls: the installed app and its run.
//!
//! On a phone, one process is one session of the store. Here each call is a process, so a run of the app is a session
//! that calls resume one after another. No process holds the session between calls, so the next `launch` finds it
//! ended as by a crash. This is intended.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use capbundle::ErrorKind;
use capbundle::native::{NativeApp, NativeVersion};
use capbundle::store::{Launch, RequiredProof, Store, StoreOptions};
use serde::{Deserialize, Serialize};

use crate::error::{Failure, Result, Warning};
use crate::output::Output;

/// Stored beside the files of the store, which has no file of this name.
const FILE: &str = "device.json";

const FIRST_NATIVE_VERSION: &str = "1.0.0";
const FIRST_NATIVE_BUILD: &str = "1";

/// The folder of a store, which may not exist yet.
#[derive(Debug)]
pub(super) struct Device<'a> {
    folder: &'a Path,
    /// The options of the app for its store.
    options: StoreOptions,
    app: Option<App>,
    output: &'a Output,
}

/// The native app at its last launch.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct App {
    native_version: String,
    native_build: String,
    session: String,
}

impl<'a> Device<'a> {
    /// The device in `folder`.
    pub(super) fn existing(folder: &'a Path, options: StoreOptions, output: &'a Output) -> Result<Self> {
        if is_empty(folder)? {
            let problem = "there is no device: create one with `capbundle device install` or `launch`";
            return Err(not_found(format!("{}: {problem}", folder.display())));
        }
        Self::existing_or_new(folder, options, output)
    }

    /// The device in `folder`, or a new one. A folder with other content is an error.
    pub(super) fn existing_or_new(folder: &'a Path, options: StoreOptions, output: &'a Output) -> Result<Self> {
        // A store creates this folder when it is first opened.
        if !folder.join("sessions").is_dir() && !is_empty(folder)? {
            let problem = "the folder is not empty and has no device; nothing was changed";
            return Err(Failure::refused(
                ErrorKind::InvalidInput.as_str(),
                format!("{}: {problem}", folder.display()),
            ));
        }
        Ok(Self {
            folder,
            options,
            app: read(&folder.join(FILE))?,
            output,
        })
    }

    pub(super) fn output(&self) -> &'a Output {
        self.output
    }

    /// The native app, unless the call sets another.
    pub(super) fn native(&self) -> NativeApp {
        match &self.app {
            Some(app) => NativeApp::new(app.native_version.as_str(), app.native_build.as_str()),
            None => NativeApp::new(FIRST_NATIVE_VERSION, FIRST_NATIVE_BUILD),
        }
    }

    /// Starts the app with a new session, which the next calls resume.
    pub(super) fn start(&self, native: &NativeApp, in_background: bool) -> Result<(Store, Launch)> {
        let store = self.opened(Store::open(self.folder, self.options.clone()))?;
        if in_background {
            store.entered_background()?;
        }
        let launch = store.launch(native);
        self.remember(native, &store)?;
        Ok((store, launch))
    }

    /// The store of a new process of the app, which accepts only archives with this proof. The caller launches.
    pub(super) fn new_process(&self, native: &NativeApp, proof: RequiredProof) -> Result<Store> {
        let mut options = self.options.clone();
        options.required_proof = proof;
        let store = self.opened(Store::open(self.folder, options))?;
        self.remember(native, &store)?;
        Ok(store)
    }

    fn remember(&self, native: &NativeApp, store: &Store) -> Result<()> {
        let app = App {
            native_version: native.version.as_str().to_owned(),
            native_build: native.build.clone(),
            session: store.session().to_owned(),
        };
        write(&self.folder.join(FILE), &app)
    }

    /// The native app of this call: that of the options, else that of the last launch.
    pub(super) fn native_or(&self, version: Option<&str>, build: Option<&str>) -> NativeApp {
        let before = self.native();
        NativeApp {
            version: version.map_or(before.version, NativeVersion::new),
            build: build.map_or(before.build, str::to_owned),
        }
    }

    /// The store, resuming the run of the app if it is running.
    pub(super) fn store(&self) -> Result<Store> {
        self.store_with(self.options.clone())
    }

    /// The store of an app that accepts only archives with this proof.
    pub(super) fn store_requiring(&self, proof: RequiredProof) -> Result<Store> {
        self.store_with(self.options.clone().with_required_proof(proof))
    }

    fn store_with(&self, options: StoreOptions) -> Result<Store> {
        match self.resumed(options.clone())? {
            Some(store) => Ok(store),
            None => self.opened(Store::open(self.folder, options)),
        }
    }

    /// The store of the running app and the served bundle.
    pub(super) fn running(&self) -> Result<(Store, Launch)> {
        let resumed = self.resumed(self.options.clone())?;
        resumed
            .and_then(|store| store.served().map(|served| (store, served)))
            .ok_or_else(|| not_found("the app is not running: start it with `capbundle device launch`".to_owned()))
    }

    fn resumed(&self, options: StoreOptions) -> Result<Option<Store>> {
        let Some(app) = &self.app else { return Ok(None) };
        match Store::resume(self.folder, options, &app.session) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            resumed => self.opened(resumed).map(Some),
        }
    }

    /// Prints and returns the warnings of the store.
    pub(super) fn warnings(&self, store: &Store) -> Vec<Warning> {
        let warnings = store.take_warnings().into_iter();
        let warnings: Vec<Warning> = warnings
            .map(|error| Warning::new(error.kind().as_str(), error.to_string()))
            .collect();
        self.output.warn_all(&warnings);
        warnings
    }

    fn opened(&self, store: capbundle::Result<Store>) -> Result<Store> {
        let store = store?;
        if let Some(error) = store.open_warning() {
            self.warn(error);
        }
        Ok(store)
    }

    /// Removes the files of deleted bundles, as an app does in the background.
    pub(super) fn sweep(&self, store: &Store) {
        if let Err(error) = store.sweep() {
            self.warn(&error);
        }
    }

    /// Prints the warnings of the store.
    pub(super) fn warn_of(&self, store: &Store) {
        for error in store.take_warnings() {
            self.warn(&error);
        }
    }

    fn warn(&self, error: &capbundle::Error) {
        self.output
            .warn(&Warning::new(error.kind().as_str(), error.to_string()));
    }
}

fn is_empty(folder: &Path) -> Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Failure::io("read", folder, &error)),
    }
}

fn read(path: &Path) -> Result<Option<App>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::io("read", path, &error)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        let message = format!("{}: {error}; delete the file and launch the app again", path.display());
        Failure::refused(ErrorKind::Corrupt.as_str(), message)
    })
}

/// Replaces the file by a rename, so that an interrupted call leaves the old one.
fn write(path: &Path, app: &App) -> Result<()> {
    let temporary = PathBuf::from(format!("{}.tmp", path.display()));
    let bytes = serde_json::to_vec_pretty(app)
        .map_err(|error| Failure::refused(ErrorKind::Io.as_str(), format!("{}: {error}", path.display())))?;
    fs::write(&temporary, bytes).map_err(|error| Failure::io("write", &temporary, &error))?;
    fs::rename(&temporary, path).map_err(|error| Failure::io("rename", path, &error))
}

fn not_found(message: String) -> Failure {
    Failure::refused(ErrorKind::NotFound.as_str(), message)
}
