//! Random lives of whole stores on the real disk: several sessions, random faults of operations, corrupt state files,
//! missing bundles.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::device::version_in;
use super::*;
use crate::progress::Control;
use crate::verified::VerifiedArchive;

const LIVES: u64 = 1000;
const EVENTS: u64 = 60;
const VERSIONS: u64 = 5;

/// splitmix64.
#[derive(Debug)]
struct Random(AtomicU64);

impl Random {
    fn number(&self) -> u64 {
        let step = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.0.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&self, bound: usize) -> usize {
        usize::try_from(self.number() % bound as u64).unwrap()
    }

    fn once_in(&self, times: u64) -> bool {
        self.number().is_multiple_of(times)
    }
}

struct Life<'a> {
    device: Device,
    archives: &'a [VerifiedArchive],
    random: Arc<Random>,
    sessions: Vec<Store>,
    /// Versions that were reported as failed.
    failed: BTreeSet<String>,
    /// The bundle last reported as proven, unless an event may have changed that.
    proven: Option<BundleId>,
    faults: bool,
    launches: Cell<u64>,
}

impl<'a> Life<'a> {
    fn new(seed: u64, archives: &'a [VerifiedArchive]) -> Self {
        let random = Arc::new(Random(AtomicU64::new(seed)));
        let attempts = 1 + u32::try_from(random.below(3)).unwrap();
        let device = Device::with(|options| {
            options.attempts = attempts;
            options.auto_delete_failed = random.once_in(2);
            options.auto_delete_previous = random.once_in(2);
            options.silent_starts = if random.once_in(2) { 0 } else { 2 };
            options.verify_at_launch = random.once_in(2).then_some(Duration::from_secs(1));
        });
        Self {
            device,
            archives,
            random,
            sessions: Vec::new(),
            failed: BTreeSet::new(),
            proven: None,
            faults: false,
            launches: Cell::new(0),
        }
    }

    /// Makes about one operation in eight fail.
    fn break_files(&mut self) {
        let random = Arc::clone(&self.random);
        self.faults = true;
        self.device.files.fail(move |operation, _| {
            let kinds = [
                io::ErrorKind::StorageFull,
                io::ErrorKind::Other,
                io::ErrorKind::PermissionDenied,
            ];
            // A failing lock would only be waited for.
            let fails = random.once_in(8) && operation != faulty::Operation::TryLock;
            fails.then(|| kinds[random.below(kinds.len())])
        });
    }

    fn heal_files(&mut self) {
        self.faults = false;
        self.device.files.heal();
    }

    fn any_session(&self) -> Option<&Store> {
        (!self.sessions.is_empty()).then(|| &self.sessions[self.random.below(self.sessions.len())])
    }

    fn any_bundle(&self) -> Option<BundleId> {
        let folder = self.device.root().join("bundles");
        let names = if folder.exists() {
            device::names(&folder)
        } else {
            Vec::new()
        };
        (!names.is_empty()).then(|| names[self.random.below(names.len())].parse().unwrap())
    }

    /// Every failure must have a reason.
    fn excuse<T>(&self, result: Result<T>) -> Option<T> {
        match result {
            Ok(done) => Some(done),
            Err(error) if self.faults => {
                drop(error);
                None
            }
            Err(error) => match error.kind() {
                // The call referred to a bundle that is missing, in use or failed.
                ErrorKind::NotFound | ErrorKind::InUse | ErrorKind::NotTrusted | ErrorKind::Corrupt => None,
                other => panic!("{other:?}: {error}"),
            },
        }
    }

    fn live_on(&mut self) {
        match self.random.below(20) {
            0..=2 => {
                if self.sessions.len() < 3
                    && let Some(store) = self.excuse(self.device.try_open())
                {
                    self.sessions.push(store);
                }
            }
            3..=5 => self.launch(),
            6 | 7 => self.install(),
            8 | 9 => self.with_bundle(|store, id| store.set_next(&id.clone().into())),
            10 => self.with_bundle(|store, id| store.set_current(&id.clone().into()).map(drop)),
            11 | 12 => self.confirm(),
            13 => self.with_served(|store, id| store.trial_started(id).map(drop)),
            14 => self.with_served(|store, id| store.trial_suspended(id).map(drop)),
            15 => self.expire_or_reset(),
            16 => {
                if !self.sessions.is_empty() {
                    let ended = self.random.below(self.sessions.len());
                    drop(self.sessions.remove(ended));
                }
            }
            17 => self.remove_something(),
            18 => self.mark_or_forget(),
            _ => self.accident(),
        }
        self.check();
    }

    fn with_bundle(&self, act: impl FnOnce(&Store, &BundleId) -> Result<()>) {
        if let (Some(store), Some(id)) = (self.any_session(), self.any_bundle()) {
            self.excuse(act(store, &id));
        }
    }

    fn with_served(&self, act: impl FnOnce(&Store, &BundleId) -> Result<()>) {
        if let Some(store) = self.any_session()
            && let Some(BundleRef::Bundle(id)) = store.served().map(|launch| launch.bundle)
        {
            self.excuse(act(store, &id));
        }
    }

    fn launch(&mut self) {
        let Some(store) = self.any_session() else { return };
        let first = store.served().is_none();
        let launch = store.launch(&native());
        self.launches.set(self.launches.get() + 1);
        if first {
            self.check_launch(&launch);
            self.failed.extend(launch.failed.map(|failed| failed.version));
        }
    }

    fn check_launch(&self, launch: &Launch) {
        match (&launch.bundle, &launch.folder, &launch.version) {
            (BundleRef::BuiltIn, None, None) => {}
            (BundleRef::Bundle(_), Some(folder), Some(version)) => {
                assert_eq!(&version_in(folder), version);
                assert!(
                    !self.failed.contains(version),
                    "{version} failed and is served: {launch:?}"
                );
            }
            _ => panic!("{launch:?}"),
        }
    }

    fn install(&self) {
        let version = self.random.below(self.archives.len());
        let new = NewBundle::new(version.to_string());
        if let Some(store) = self.any_session() {
            let installed = store.install(&self.archives[version], &new, &Control::new());
            let failed = self.failed.contains(&new.version);
            assert!(
                !(failed && installed.is_ok()),
                "{version} failed and is installed again"
            );
            self.excuse(installed);
        }
    }

    fn confirm(&mut self) {
        let Some(store) = self.any_session() else { return };
        let Some(served @ BundleRef::Bundle(_)) = store.served().map(|launch| launch.bundle) else {
            return;
        };
        match store.confirm(&served) {
            Ok(Confirmation::Proven) => self.proven = served.bundle().cloned(),
            Ok(_) => {}
            result @ Err(_) => {
                self.excuse(result);
                self.proven = None;
            }
        }
    }

    fn expire_or_reset(&mut self) {
        let Some(store) = self.any_session() else { return };
        if self.random.once_in(3) {
            let to_last_proven = self.random.once_in(2);
            let reset = store.reset(to_last_proven);
            self.excuse(reset);
            if !to_last_proven {
                self.proven = None;
            }
        } else if let Some(BundleRef::Bundle(id)) = store.served().map(|launch| launch.bundle)
            && let Some(Expired::FallBack(launch)) = self.excuse(store.trial_expired(&id))
        {
            self.failed.extend(launch.failed.clone().map(|failed| failed.version));
            self.check_launch(&launch);
        }
    }

    fn remove_something(&mut self) {
        if self.random.once_in(3) {
            let keep = KeepRules {
                newest: Some(self.random.below(3)),
                ..KeepRules::default()
            };
            if let Some(store) = self.any_session() {
                self.excuse(store.clean(&keep));
            }
        } else {
            self.with_bundle(Store::delete);
        }
    }

    fn mark_or_forget(&mut self) {
        let (Some(store), Some(id)) = (self.any_session(), self.any_bundle()) else {
            return;
        };
        if self.random.once_in(3) {
            let version = self.random.below(self.archives.len()).to_string();
            self.excuse(store.forget_failure(&version));
            self.failed.remove(&version);
        } else {
            let Ok(record) = store.get(&id) else { return };
            if self.excuse(store.mark_failed(&id)).is_some() {
                self.failed.insert(record.version);
            }
            self.proven = None;
        }
    }

    /// The events around a store.
    fn accident(&mut self) {
        match self.random.below(6) {
            0 | 1 => self.break_files(),
            2 | 3 => self.heal_files(),
            4 => {
                let state = self.device.root().join("state.json");
                if state.exists() {
                    fs::write(state, "garbage").unwrap();
                }
            }
            _ => {
                if let Some(id) = self.any_bundle()
                    && !self
                        .sessions
                        .iter()
                        .any(|store| store.served().is_some_and(|launch| launch.bundle.is(&id)))
                {
                    fs::remove_dir_all(self.device.root().join("bundles").join(id.as_str())).unwrap();
                    self.proven = None;
                }
            }
        }
    }

    /// The checks without faults.
    fn check(&mut self) {
        let faults = self.faults;
        let Some(store) = self.sessions.first() else { return };
        // Faults are only suspended here, and continue afterwards.
        let state = self.device.files.unhindered(|| store.storage.load().unwrap().state);
        state.check_invariants().unwrap();
        let known: BTreeSet<String> = state.failed.iter().map(|failed| failed.version.clone()).collect();
        assert!(
            self.failed.is_subset(&known),
            "{:?} failed, {known:?} is known",
            self.failed
        );
        // With silent starts a launch may revoke a proof.
        let stays = self.device.options.silent_starts == 0;
        if let Some(proven) = self.proven.as_ref().filter(|_| stays) {
            assert_eq!(state.fallback, proven.clone().into(), "its confirmation was reported");
        }
        assert_eq!(self.faults, faults);
    }
}

#[test]
fn no_random_life_of_a_store_loses_a_reported_change_or_serves_a_forbidden_bundle() {
    let publisher = Device::new();
    let archives: Vec<_> = (0..VERSIONS)
        .map(|version| publisher.archive(&version.to_string()))
        .collect();
    let mut launches = 0;
    for seed in 0..LIVES {
        let life = std::panic::AssertUnwindSafe(|| {
            let mut life = Life::new(seed, &archives);
            for _ in 0..EVENTS {
                life.live_on();
            }
            life.heal_files();
            life.sessions.clear();
            // After every life the app starts, and the next update works.
            let launch = life.device.launch();
            life.check_launch(&launch);
            life.device.prove("last");
            assert_eq!(life.device.launch().version.as_deref(), Some("last"));
            life.launches.get()
        });
        match std::panic::catch_unwind(life) {
            Ok(lived) => launches += lived,
            Err(panic) => {
                eprintln!("life {seed}:");
                std::panic::resume_unwind(panic);
            }
        }
    }
    eprintln!("{LIVES} lives with {launches} launches");
    assert!(launches > LIVES);
}
