//! Unreadable and corrupt states: each case leads to the specified launch, and failed bundles stay failed.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use super::device::{names, unknown_id};
use super::faulty::Operation;
use super::misplaced::Misplaced;
use super::*;
use crate::progress::Control;

const NEWEST: &str = "state.json";
const PREVIOUS: &str = "state.prev.json";

/// The damage to a state file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    None,
    Missing,
    Empty,
    CutShort,
    Garbage,
    FlippedBit,
    OfTheFuture,
    OfAnotherKind,
    NoPermission,
    InputOutputError,
    Folder,
    Pipe,
    LinkToNowhere,
    LinkToItself,
    Socket,
}

const HARMS: [Harm; 15] = [
    Harm::None,
    Harm::Missing,
    Harm::Empty,
    Harm::CutShort,
    Harm::Garbage,
    Harm::FlippedBit,
    Harm::OfTheFuture,
    Harm::OfAnotherKind,
    Harm::NoPermission,
    Harm::InputOutputError,
    Harm::Folder,
    Harm::Pipe,
    Harm::LinkToNowhere,
    Harm::LinkToItself,
    Harm::Socket,
];

impl Harm {
    fn is_unreadable(self) -> bool {
        matches!(self, Self::NoPermission | Self::InputOutputError)
    }

    fn come_to(self, path: &Path) {
        let misplaced = match self {
            Self::Folder => Some(Misplaced::Folder),
            Self::Pipe => Some(Misplaced::Pipe),
            Self::LinkToNowhere => Some(Misplaced::LinkToNowhere),
            Self::LinkToItself => Some(Misplaced::LinkToItself),
            Self::Socket => Some(Misplaced::Socket),
            _ => None,
        };
        if let Some(misplaced) = misplaced {
            return misplaced.take_the_place_of(path);
        }
        let bytes = fs::read(path).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let harmed = match self {
            Self::None | Self::NoPermission | Self::InputOutputError => bytes,
            Self::Missing => return fs::remove_file(path).unwrap(),
            Self::Empty => Vec::new(),
            Self::CutShort => bytes[..bytes.len() / 2].to_vec(),
            Self::Garbage => (0..=255).cycle().take(5000).collect(),
            Self::FlippedBit => {
                let (mut harmed, middle) = (bytes.clone(), bytes.len() / 2);
                harmed[middle] ^= 1;
                harmed
            }
            Self::OfTheFuture => text.replacen("\"format\":1", "\"format\":99", 1).into_bytes(),
            Self::OfAnotherKind => text.replacen("\"state\"", "\"record\"", 1).into_bytes(),
            Self::Folder | Self::Pipe | Self::LinkToNowhere | Self::LinkToItself | Self::Socket => unreachable!(),
        };
        fs::write(path, harmed).unwrap();
    }
}

/// A device that serves version 1, which is proven; version 2 failed, version 3 is installed.
pub(super) struct Lived {
    pub(super) device: Device,
    pub(super) proven: BundleId,
    pub(super) spare: BundleId,
}

pub(super) fn lived() -> Lived {
    let device = Device::new();
    let proven = device.prove("1");
    device.install_next("2");
    device.start_and_crash();
    device.start_and_crash();
    assert_eq!(device.launch().bundle, proven.clone().into());
    let spare = device.install(&device.open(), "3");
    device.open().take_failure().unwrap().unwrap();
    Lived { device, proven, spare }
}

impl Lived {
    fn harm(&self, file: &str, harm: Harm) {
        harm.come_to(&self.device.root().join(file));
    }

    fn break_reading(&self, newest: Harm, previous: Harm) {
        let kind_of = |harm| match harm {
            Harm::NoPermission => Some(io::ErrorKind::PermissionDenied),
            Harm::InputOutputError => Some(io::ErrorKind::Other),
            _ => None,
        };
        let (newest, previous) = (kind_of(newest), kind_of(previous));
        self.device.files.fail(move |operation, path| match operation {
            Operation::Read if path.ends_with(NEWEST) => newest,
            Operation::Read if path.ends_with(PREVIOUS) => previous,
            _ => None,
        });
    }

    /// The proven bundle is served, failures stay, and the store keeps working.
    pub(super) fn assert_all_is_well(&self, case: &str) {
        let device = &self.device;
        let store = device.open();
        let launch = store.launch(&native());
        assert_eq!(launch.bundle, self.proven.clone().into(), "{case}: {launch:?}");
        assert!(!launch.on_trial, "{case}");
        let again = store.install(&device.archive("2"), &NewBundle::new("2"), &Control::new());
        assert_eq!(again.expect_err(case).kind(), ErrorKind::NotTrusted, "{case}");
        assert_eq!(store.get(&self.spare).expect(case).version, "3");
        assert!(store.folder(&self.spare).join("index.html").exists(), "{case}");
        store.state().unwrap().check_invariants().expect(case);
        store.set_next(&self.spare.clone().into()).expect(case);
        drop(store);
        assert_eq!(device.launch().bundle, self.spare.clone().into(), "{case}");
        assert_eq!(device.open().storage.load().unwrap().recovered, None, "{case}");
    }
}

/// All files of a store except those of sessions.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() && name != "sessions" {
            all.extend(contents(&path));
        } else if path.is_file() {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

#[test]
fn after_any_damage_to_the_two_generations_the_proven_bundle_is_served_and_failures_stay() {
    for newest in HARMS {
        for previous in HARMS {
            let needs_previous = newest != Harm::None;
            if newest.is_unreadable() || needs_previous && previous.is_unreadable() {
                continue;
            }
            let lived = lived();
            lived.harm(NEWEST, newest);
            lived.harm(PREVIOUS, previous);
            lived.break_reading(newest, previous);
            lived.assert_all_is_well(&format!("newest {newest:?}, previous {previous:?}"));
        }
    }
}

#[test]
fn a_state_that_cannot_be_read_serves_the_built_in_bundle_and_writes_nothing() {
    for newest in HARMS {
        for previous in HARMS {
            let needs_previous = newest != Harm::None;
            if !(newest.is_unreadable() || needs_previous && previous.is_unreadable()) {
                continue;
            }
            let lived = lived();
            lived.harm(NEWEST, newest);
            lived.harm(PREVIOUS, previous);
            lived.break_reading(newest, previous);
            let before = contents(&lived.device.root());

            let store = lived.device.open();
            let launch = store.launch(&native());

            let case = format!("newest {newest:?}, previous {previous:?}");
            assert_eq!((&launch.bundle, &launch.folder), (&BundleRef::BuiltIn, &None), "{case}");
            assert!(
                matches!(launch.reason, LaunchReason::NotDurable(NotDurable::Unreadable(_))),
                "{case}: {launch:?}"
            );
            for refused in [
                store.set_next(&lived.spare.clone().into()),
                store.clean(&KeepRules::default()).map(drop),
                store.mark_failed(&lived.spare),
                store.list().map(drop),
            ] {
                assert_eq!(refused.expect_err(&case).kind(), ErrorKind::Io, "{case}");
            }
            assert_eq!(contents(&lived.device.root()), before, "{case}");
            drop(store);
            lived.device.files.heal();
            lived.assert_all_is_well(&case);
        }
    }
}

#[test]
fn a_state_truncated_at_any_byte_is_recovered() {
    let lived = lived();
    let (newest, previous) = (lived.device.root().join(NEWEST), lived.device.root().join(PREVIOUS));
    let (whole, whole_previous) = (fs::read(&newest).unwrap(), fs::read(&previous).unwrap());
    for length in 0..whole.len() {
        for keep_previous in [true, false] {
            fs::write(&newest, &whole[..length]).unwrap();
            fs::write(
                &previous,
                &whole_previous[..if keep_previous {
                    whole_previous.len()
                } else {
                    length / 2
                }],
            )
            .unwrap();
            let store = lived.device.open();
            assert_eq!(
                store.launch(&native()).bundle,
                lived.proven.clone().into(),
                "{length} bytes"
            );
            assert!(store.failure_of("2", None).unwrap().is_some(), "{length} bytes");
            assert!(store.get(&lived.spare).is_ok(), "{length} bytes");
        }
    }
}

#[test]
fn a_corrupt_state_is_set_aside_byte_for_byte() {
    let lived = lived();
    lived.harm(NEWEST, Harm::Garbage);
    let garbage = fs::read(lived.device.root().join(NEWEST)).unwrap();

    lived.device.launch();

    assert_eq!(
        fs::read(lived.device.root().join("state.corrupt-1.json")).unwrap(),
        garbage
    );
}

#[test]
fn corrupt_states_do_not_accumulate() {
    let lived = lived();
    for _ in 0..20 {
        lived.harm(NEWEST, Harm::CutShort);
        assert_eq!(lived.device.launch().bundle, lived.proven.clone().into());
    }
    let corrupt = names(&lived.device.root())
        .iter()
        .filter(|name| name.contains("corrupt"))
        .count();
    assert_eq!(corrupt, 8);
}

#[test]
fn a_crash_after_a_corrupt_state_was_set_aside_forgets_no_failure() {
    let lived = lived();
    let store = lived.device.open();
    // Only the newest generation and the mark contain the failure.
    store.mark_failed(&lived.spare).unwrap();
    drop(store);
    fs::rename(
        lived.device.root().join(NEWEST),
        lived.device.root().join("state.corrupt-1.json"),
    )
    .unwrap();

    let store = lived.device.open();

    assert_eq!(store.launch(&native()).bundle, lived.proven.clone().into());
    assert!(store.failure_of("3", None).unwrap().is_some());
    assert_eq!(
        store.set_next(&lived.spare.clone().into()).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[test]
fn a_store_restored_without_its_bundles_serves_the_built_in_one_and_keeps_its_failures() {
    let lived = lived();
    fs::remove_dir_all(lived.device.root().join("bundles")).unwrap();

    let launch = lived.device.launch();

    assert_eq!(
        (launch.bundle, launch.reason),
        (BundleRef::BuiltIn, LaunchReason::Damaged)
    );
    let store = lived.device.open();
    assert!(store.failure_of("2", None).unwrap().is_some());
    store.state().unwrap().check_invariants().unwrap();
    drop(store);
    let again = lived.device.prove("1");
    assert_eq!(lived.device.launch().bundle, again.into());
}

#[test]
fn a_folder_of_bundles_alone_and_nothing_else_is_an_empty_store() {
    let lived = lived();
    for name in names(&lived.device.root()) {
        let path = lived.device.root().join(&name);
        match name.as_str() {
            "bundles" => {}
            _ if path.is_dir() => fs::remove_dir_all(path).unwrap(),
            _ => fs::remove_file(path).unwrap(),
        }
    }
    assert_eq!(lived.device.launch().bundle, BundleRef::BuiltIn);
    let id = lived.device.prove("1");
    assert_eq!(lived.device.launch().bundle, id.into());
}

#[test]
fn lost_records_do_not_matter_while_the_state_is_good() {
    let lived = lived();
    fs::remove_dir_all(lived.device.root().join("records")).unwrap();
    lived.assert_all_is_well("no records");
}

#[test]
fn lost_marks_of_failure_do_not_matter_while_a_state_is_good() {
    for newest in [Harm::None, Harm::Garbage] {
        let lived = lived();
        fs::remove_dir_all(lived.device.root().join("failed")).unwrap();
        lived.harm(NEWEST, newest);
        lived.assert_all_is_well(&format!("no marks, newest {newest:?}"));
    }
}

#[test]
fn without_state_and_records_the_built_in_bundle_is_served_and_the_marks_count() {
    let lived = lived();
    for file in [NEWEST, PREVIOUS] {
        lived.harm(file, Harm::Missing);
    }
    fs::remove_dir_all(lived.device.root().join("records")).unwrap();

    assert_eq!(lived.device.launch().bundle, BundleRef::BuiltIn);
    let store = lived.device.open();
    assert!(store.failure_of("2", None).unwrap().is_some());
    assert_eq!(store.list().unwrap(), []);
}

#[test]
fn one_corrupt_record_or_mark_does_not_affect_the_others() {
    let lived = lived();
    for file in [NEWEST, PREVIOUS] {
        lived.harm(file, Harm::Garbage);
    }
    fs::write(
        lived.device.root().join(format!("records/{}.json", unknown_id())),
        "garbage",
    )
    .unwrap();
    fs::write(lived.device.root().join("failed/0000.json"), [0xff; 100]).unwrap();
    fs::write(lived.device.root().join("records/not ours.txt"), "").unwrap();
    lived.assert_all_is_well("corrupt record and mark");
}

#[test]
fn a_confirmation_survives_the_loss_of_the_newest_generation() {
    for attempts in [1, 2] {
        let device = Device::with(|options| options.attempts = attempts);
        device.prove("1");
        let id = device.prove("2");
        Harm::Garbage.come_to(&device.root().join(NEWEST));

        let launch = device.launch();

        assert_eq!(launch.bundle, id.clone().into());
        assert!(!launch.on_trial, "the confirmation was reported");
        assert_eq!(device.open().failed().unwrap(), []);
    }
}

#[test]
fn a_trial_continues_when_the_newest_generation_is_lost() {
    let device = Device::new();
    let proven = device.prove("1");
    let bad = device.install_next("2");
    let mut served = 0;
    loop {
        let launch = device.start_and_crash();
        if launch.bundle != bad.clone().into() {
            assert_eq!(launch.bundle, proven.into());
            break;
        }
        served += 1;
        assert!(served < 10, "the bundle is served without end");
        Harm::CutShort.come_to(&device.root().join(NEWEST));
    }
    assert!(device.open().failure_of("2", None).unwrap().is_some() || served == 5);
}

#[test]
fn unreadable_bundles_keep_their_records() {
    let lived = lived();
    lived.device.files.fail(|operation, path| {
        let is_page = operation == Operation::Kind && path.ends_with("index.html");
        is_page.then_some(io::ErrorKind::PermissionDenied)
    });

    let launch = lived.device.launch();

    assert_eq!(launch.bundle, BundleRef::BuiltIn);
    assert!(
        matches!(launch.reason, LaunchReason::NotDurable(NotDurable::Unreadable(_))),
        "{launch:?}"
    );
    lived.device.files.heal();
    lived.assert_all_is_well("bundles that could not be looked at");
}
