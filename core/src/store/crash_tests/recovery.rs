//! The checks after a crash, and a further update after them.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;

use super::device::{Archives, Device, Snapshot, contents};
use crate::io::crash_fs::{CrashFs, Found};
use crate::store::{BundleRef, Confirmation, KeepRules, Launch, LaunchReason};

/// The versions installed after the first crash, and after the second.
pub(super) const AFTER: &str = "after";
pub(super) const AFTER_THAT: &str = "after that";
/// A bundle on trial may have to use up its attempts before the next becomes current.
const LAUNCHES_UNTIL_NEXT: usize = 4;

/// More than a trial has attempts, and more than it has launches without a start.
const LAUNCHES_ON_A_FULL_DISK: usize = 7;

/// A failed check.
pub(super) type Wrong = String;

/// The store opens, reports one of `possible`, serves an intact bundle, and can do everything as if nothing had
/// happened.
pub(super) fn recover(files: CrashFs, possible: &[Snapshot], archives: &Archives) -> Result<(), Wrong> {
    let expected = |found: &Snapshot| possible.contains(found);
    require_sound(files, archives, AFTER, |found| {
        require(expected(found), || {
            format!("the store says {found:?}, none of {possible:?}")
        })
    })
}

/// As [`recover`], after a part of an update that is not in `possible`.
pub(super) fn recover_twice(files: CrashFs, possible: &[Snapshot], archives: &Archives) -> Result<(), Wrong> {
    require_sound(files, archives, AFTER_THAT, |found| {
        let same_fallback = |before: &Snapshot| before.fallback == found.fallback;
        let still_failed = |before: &Snapshot| before.failed.is_subset(&found.failed);
        let (accepted, latest, ring) = found.trust;
        let still_known =
            |before: &Snapshot| before.trust.0 <= accepted && before.trust.1 <= latest && before.trust.2 <= ring;
        require(possible.iter().any(still_known), || {
            format!("the store says {found:?} after {possible:?}")
        })?;
        // A start that was killed before it confirmed may put the proven bundle on trial again; it stays proven.
        let on_trial_again =
            |before: &Snapshot| found.trial.is_some() && found.bundles.get(&before.fallback) == Some(&true);
        // The built-in bundle that came next is current by now, and so it is the fallback.
        let went_back = |before: &Snapshot| {
            found.fallback == BundleRef::BUILT_IN && before.next.as_deref() == Some(BundleRef::BUILT_IN)
        };
        let same_fallback = |before: &Snapshot| same_fallback(before) || on_trial_again(before) || went_back(before);
        let kept = (found.fallback == AFTER || possible.iter().any(same_fallback)) && possible.iter().any(still_failed);
        require(kept, || format!("the store says {found:?} after {possible:?}"))
    })
}

fn require_sound(
    files: CrashFs,
    archives: &Archives,
    next: &str,
    require_kept: impl Fn(&Snapshot) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let mut device = Device::on(files);
    device.start().map_err(wrong("the store does not open"))?;
    let found = device.snapshot().map_err(wrong("the state cannot be read"))?;
    require_kept(&found)?;
    require_whole_bundles(&device)?;
    let launch = device.launch();
    require(!matches!(launch.reason, LaunchReason::NotDurable(_)), || {
        format!("{:?}", launch.reason)
    })?;
    require_well_served(&device, &launch, &found)?;
    update(&mut device, archives, next)?;
    require_tidy(&device)?;
    let settled = device.snapshot().map_err(wrong("the state cannot be read"))?;
    require_durable(&device.files, &settled)
}

/// While nothing can be written, the store opens, serves a bundle that needs no trial, and counts nothing against a
/// bundle.
pub(super) fn live_without_space(device: &mut Device, possible: &[Snapshot]) -> Result<(), Wrong> {
    for _ in 0..LAUNCHES_ON_A_FULL_DISK {
        device
            .start()
            .map_err(wrong("the store does not open on a full disk"))?;
        let launch = device.launch();
        let found = device.snapshot().map_err(wrong("the state cannot be read"))?;
        require(!launch.on_trial, || {
            format!("on trial, and the attempt is not durable: {launch:?}")
        })?;
        require(possible.contains(&found), || {
            format!("the store says {found:?}, none of {possible:?}")
        })?;
        require_well_served(device, &launch, &found)?;
    }
    Ok(())
}

/// The store reports the same after a power cut now, though nothing more was synced.
pub(super) fn require_durable(files: &CrashFs, settled: &Snapshot) -> Result<(), Wrong> {
    let mut device = Device::on(files.power_loss(Found::Nothing));
    device
        .start()
        .map_err(wrong("the store does not open after a power cut"))?;
    let found = device
        .snapshot()
        .map_err(wrong("the state cannot be read after a power cut"))?;
    require(found == *settled, || {
        format!("not durable: the store said {settled:?}, after a power cut {found:?}")
    })?;
    require_whole_bundles(&device)
}

fn require_whole_bundles(device: &Device) -> Result<(), Wrong> {
    for (record, _) in device.store().list().map_err(wrong("list"))? {
        require_whole(device, &device.store().folder(&record.id), &record.version)?;
    }
    Ok(())
}

fn require_whole(device: &Device, folder: &Path, version: &str) -> Result<(), Wrong> {
    let (found, installed) = (device.contents(folder), contents(version));
    require(found == installed, || {
        format!("of version {version} these files are left: {:?}", found.keys())
    })
}

/// The served bundle is intact, has not failed and has a fallback. It is the built-in one only if no bundle is proven
/// or the app was reset to it.
fn require_well_served(device: &Device, launch: &Launch, found: &Snapshot) -> Result<(), Wrong> {
    let Some(version) = &launch.version else {
        let built_in = Some(BundleRef::BUILT_IN);
        let wanted = [Some(&found.current), found.next.as_ref(), Some(&found.fallback)];
        let is_wanted = wanted.into_iter().flatten().any(|slot| Some(slot.as_str()) == built_in);
        return require(is_wanted, || format!("built-in is served: {launch:?} of {found:?}"));
    };
    require_whole(device, launch.folder.as_ref().ok_or("no folder")?, version)?;
    require(!found.failed.contains(version), || {
        format!("version {version} failed and is served")
    })?;
    let now = device.snapshot().map_err(wrong("the state cannot be read"))?;
    // A proven bundle is on trial again if its last start ended before it confirmed.
    require(launch.on_trial || now.bundles[version], || {
        format!("{launch:?} of {now:?}")
    })?;
    require(
        now.fallback == BundleRef::BUILT_IN || now.bundles[&now.fallback],
        || format!("unproven fallback: {now:?}"),
    )
}

/// Installs, launches and confirms one more version, and cleans up.
pub(super) fn update(device: &mut Device, archives: &Archives, version: &str) -> Result<(), Wrong> {
    let installed = device
        .install(archives, version)
        .map_err(wrong("the next version cannot be installed"))?;
    device.set_next(version).map_err(wrong("set_next"))?;
    let mut launch = None;
    for _ in 0..LAUNCHES_UNTIL_NEXT {
        device.start().map_err(wrong("the store does not open"))?;
        launch = Some(device.launch()).filter(|launch| launch.bundle.is(&installed.id));
        if launch.is_some() {
            break;
        }
    }
    let launch = launch.ok_or("the next version is never served")?;
    require(launch.on_trial, || format!("not on trial: {launch:?}"))?;
    device
        .store()
        .trial_started(&installed.id)
        .map_err(wrong("trial_started"))?;
    let confirmed = device.store().confirm(&launch.bundle).map_err(wrong("confirm"))?;
    require(confirmed == Confirmation::Proven, || format!("{confirmed:?}"))?;
    device.start().map_err(wrong("the store does not open"))?;
    let launch = device.launch();
    require(launch.bundle.is(&installed.id) && !launch.on_trial, || {
        format!("after the proof: {launch:?}")
    })?;
    device
        .store()
        .clean(&KeepRules::default())
        .map_err(wrong("clean"))
        .map(drop)
}

/// After a clean-up only files that the state references remain.
fn require_tidy(device: &Device) -> Result<(), Wrong> {
    let state = device.store().state().map_err(wrong("the state cannot be read"))?;
    let ids = || state.bundles.keys().map(ToString::to_string);
    require_names(device, "staging", &BTreeSet::new())?;
    require_names(device, "bundles", &ids().collect())?;
    require_names(
        device,
        "records",
        &ids()
            .flat_map(|id| [format!("{id}.json"), format!("{id}.files")])
            .collect(),
    )?;
    require(device.names("sessions").len() == 1, || {
        format!("sessions: {:?}", device.names("sessions"))
    })?;
    require(device.names("failed").len() == state.failed.len(), || {
        format!("failed: {:?}", device.names("failed"))
    })?;
    let known = [
        "bundles",
        "downloads",
        "failed",
        "lock",
        "records",
        "reserve",
        "sessions",
        "staging",
        "state.json",
        "state.prev.json",
    ];
    let ring = device.store().storage.followed_ring().map_err(wrong("the ring"))?;
    let built_in = device.store().storage.built_in_releases().map_err(wrong("built-in"))?;
    let built_in = (!built_in.is_empty()).then_some("built_in.json");
    let known = known.into_iter().chain(ring.map(|_| "ring.json")).chain(built_in);
    let mut known: BTreeSet<String> = known.map(ToOwned::to_owned).collect();
    // Created on first use.
    if !device.names("").contains("downloads") {
        known.remove("downloads");
    }
    require_names(device, "", &known)
}

fn require_names(device: &Device, folder: &str, expected: &BTreeSet<String>) -> Result<(), Wrong> {
    let found = device.names(folder);
    require(found == *expected, || {
        format!("left in the folder '{folder}': {found:?}, expected {expected:?}")
    })
}

fn require(holds: bool, wrong: impl FnOnce() -> Wrong) -> Result<(), Wrong> {
    if holds { Ok(()) } else { Err(wrong()) }
}

fn wrong<E: Debug>(what: &str) -> impl FnOnce(E) -> Wrong {
    move |error| format!("{what}: {error:?}")
}
