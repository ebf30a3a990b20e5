//! Entries of another type at the paths of files and folders of the store: they are moved away, and block nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

use super::device::{names, unknown_id};
use super::faulty::Operation;
use super::publisher::{Net, Publisher, download_options, first_ring, rotated, source};
use super::recovery::lived;
use super::*;
use crate::progress::Control;

/// Entries that are not files and, except for the first, not folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misplaced {
    Folder,
    File,
    Pipe,
    LinkToNowhere,
    LinkToItself,
    Socket,
}

const FOR_A_FILE: [Misplaced; 5] = [
    Misplaced::Folder,
    Misplaced::Pipe,
    Misplaced::LinkToNowhere,
    Misplaced::LinkToItself,
    Misplaced::Socket,
];
const FOR_A_FOLDER: [Misplaced; 5] = [
    Misplaced::File,
    Misplaced::Pipe,
    Misplaced::LinkToNowhere,
    Misplaced::LinkToItself,
    Misplaced::Socket,
];

impl Misplaced {
    /// Removes the entry.
    pub(super) fn take_the_place_of(self, path: &Path) {
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else if path.symlink_metadata().is_ok() {
            fs::remove_file(path).unwrap();
        }
        match self {
            Self::Folder => {
                fs::create_dir_all(path.join("deep")).unwrap();
                fs::write(path.join("deep/file"), "of another program").unwrap();
            }
            Self::File => fs::write(path, "no folder").unwrap(),
            Self::Pipe => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
            Self::LinkToNowhere => symlink("/nowhere/at/all", path).unwrap(),
            Self::LinkToItself => symlink(path, path).unwrap(),
            Self::Socket => drop(UnixListener::bind(path).unwrap()),
        }
    }
}

#[test]
fn no_entry_at_the_path_of_a_file_blocks_the_store() {
    let mark = |lived: &super::recovery::Lived| {
        let names = lived.device.names("failed");
        format!("failed/{}", names[0])
    };
    for misplaced in FOR_A_FILE {
        let sample = lived();
        let places = [
            "lock".to_owned(),
            "reserve".to_owned(),
            "ring.json".to_owned(),
            "ring.json.tmp".to_owned(),
            "built_in.json".to_owned(),
            "built_in.json.tmp".to_owned(),
            "refused.json".to_owned(),
            "refused.json.tmp".to_owned(),
            "state.json.tmp".to_owned(),
            "state.damaged".to_owned(),
            format!("records/{}.json", unknown_id()),
            format!("records/{}.files", unknown_id()),
            "records/another.json.tmp".to_owned(),
            "failed/another.json".to_owned(),
            "failed/another.json.tmp".to_owned(),
            "sessions/0123456789abcdef0123456789abcdef".to_owned(),
            "sessions/0123456789abcdef0123456789abcdef.start".to_owned(),
            "staging/left".to_owned(),
            "staging/left.lock".to_owned(),
            "record of the proven bundle".to_owned(),
            "file list of the proven bundle".to_owned(),
            "mark".to_owned(),
        ];
        drop(sample);
        for place in places {
            let lived = lived();
            let path = match place.as_str() {
                "record of the proven bundle" => format!("records/{}.json", lived.proven),
                "file list of the proven bundle" => format!("records/{}.files", lived.proven),
                "mark" => mark(&lived),
                place => place.to_owned(),
            };
            misplaced.take_the_place_of(&lived.device.root().join(path));
            let case = format!("{misplaced:?} as {place}");
            lived.assert_all_is_well(&case);
            // An entry that blocks one call might block a later one.
            let store = lived.device.open();
            let next = lived.device.install(&store, "4");
            store.mark_failed(&next).expect(&case);
            let id = lived.device.install(&store, "5");
            store.delete(&id).expect(&case);
            store.forget_failure("2").expect(&case);
            store.clean(&KeepRules::default()).expect(&case);
            assert!(store.take_warnings().is_empty(), "{case}");
            assert_eq!(lived.device.names("staging"), <[&str; 0]>::default(), "{case}");
            assert_eq!(lived.device.names("sessions"), [store.session()], "{case}");
        }
    }
}

#[test]
fn no_entry_at_the_path_of_a_folder_blocks_the_store() {
    for misplaced in FOR_A_FOLDER {
        for place in ["records", "staging", "failed", "sessions", "downloads", "bundles"] {
            let lived = lived();
            misplaced.take_the_place_of(&lived.device.root().join(place));
            let case = format!("{misplaced:?} as {place}");
            if place == "bundles" {
                assert_eq!(lived.device.launch().bundle, BundleRef::BuiltIn, "{case}");
            } else {
                lived.assert_all_is_well(&case);
            }
            let id = lived.device.prove("9");
            assert_eq!(lived.device.launch().bundle, id.into(), "{case}");
            lived.device.open().clean(&KeepRules::default()).expect(&case);
        }
    }
}

#[test]
fn no_entry_at_the_path_of_a_file_of_an_update_blocks_it() {
    let places = [
        "ring.json",
        "ring.json.tmp",
        "refused.json",
        "refused.json.tmp",
        "downloads",
    ];
    for misplaced in FOR_A_FILE {
        for place in places {
            if (misplaced, place) == (Misplaced::Folder, "downloads") {
                continue;
            }
            let device = Device::with(|options| options.required_proof = RequiredProof::Release);
            let net = Net::default();
            let author = Publisher::plain(&device);
            let (good, bad) = (
                author.release("1.0", 7),
                Publisher::sealed_for_others(&device).release("1.1", 8),
            );
            net.publish(&good);
            net.publish(&bad);
            net.put("keys/2.json", &rotated(&first_ring(), 0, 1));
            net.publish(&good.but(&[super::publisher::key(1)], |_| {}));
            net.publish(&bad.but(&[super::publisher::key(1)], |_| {}));
            net.offer(Some(7), Some((8, 10_000)));
            drop(device.open());
            misplaced.take_the_place_of(&device.root().join(place));
            let case = format!("{misplaced:?} as {place}");

            let update = |store: &Store| {
                store
                    .update_from_channel(&net, &source(), &download_options(), &Control::new())
                    .expect(&case)
            };
            let first = update(&device.open());

            assert!(
                matches!(first.outcome, ChannelOutcome::Installed(_)),
                "{case}: {first:?}"
            );
            assert_eq!(first.ring, 2, "{case}");
            let store = device.open();
            assert_eq!(super::publisher::ring_of(&store).number(), 2, "{case}");
            let again = update(&store);
            assert!(
                matches!(again.passed_over[0].error, Error::RefusedBefore { .. }),
                "{case}: {again:?}"
            );
        }
    }
}

#[test]
fn folders_at_the_path_of_states_are_set_aside_and_do_not_accumulate() {
    let lived = lived();
    for number in 0..10 {
        for state in ["state.json", "state.prev.json"] {
            Misplaced::Folder.take_the_place_of(&lived.device.root().join(state));
            assert_eq!(
                lived.device.launch().bundle,
                lived.proven.clone().into(),
                "{state}, {number}"
            );
            // Creates a new generation, and with it a previous one.
            lived.device.open().set_delays(vec![ApplyCondition::Kill]).unwrap();
            lived.device.open().set_delays(Vec::new()).unwrap();
        }
    }
    let names = names(&lived.device.root());
    let aside: Vec<_> = names.iter().filter(|name| name.contains("corrupt")).collect();
    assert_eq!(aside.len(), 8, "{names:?}");
    let kept = lived.device.root().join("state.corrupt-1.json/deep/file");
    assert_eq!(fs::read_to_string(kept).unwrap(), "of another program");
    assert!(!names.contains(&"state.damaged".to_owned()), "{names:?}");
    lived.device.open().clean(&KeepRules::default()).unwrap();
    assert_eq!(lived.device.names("staging"), <[&str; 0]>::default());
}

#[test]
fn a_folder_at_the_path_of_the_lock_is_not_moved_after_another_process_replaced_it() {
    let lived = lived();
    let lock = lived.device.root().join("lock");
    Misplaced::Folder.take_the_place_of(&lock);
    let (held, other) = (Arc::new(Mutex::new(None)), lock.clone());
    let holder = Arc::clone(&held);
    // Just before it is moved, another process repairs it and takes the lock.
    lived.device.files.fail(move |operation, path| {
        if operation == Operation::Rename && path == other && holder.lock().unwrap().is_none() {
            fs::remove_dir_all(&other).unwrap();
            *holder.lock().unwrap() = Disk.try_lock(&other).unwrap();
        }
        None
    });

    let busy = lived.device.open().clear_next().unwrap_err();

    assert_eq!(busy.kind(), ErrorKind::Busy, "{busy}");
    drop(held.lock().unwrap().take());
    lived.device.open().clear_next().unwrap();
}

#[test]
fn an_unreadable_entry_is_not_moved() {
    let lived = lived();
    let state = lived.device.root().join("state.json");
    Misplaced::LinkToNowhere.take_the_place_of(&state);
    lived.device.files.fail(move |operation, path| {
        (operation == Operation::Read && path == state).then_some(std::io::ErrorKind::PermissionDenied)
    });

    let launch = lived.device.launch();

    assert!(
        matches!(launch.reason, LaunchReason::NotDurable(NotDurable::Unreadable(_))),
        "{launch:?}"
    );
    assert!(lived.device.root().join("state.json").is_symlink());
}

#[test]
fn a_file_at_the_path_of_a_folder_of_the_host_is_not_removed() {
    for named in ["store", "versions"] {
        let mut device = Device::new();
        device.options.bundles = Some(device.beside("versions"));
        fs::write(device.beside(named), "of the host").unwrap();

        let error = device.try_open().unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Corrupt, "{named}: {error}");
        let text = error.to_string();
        assert!(text.contains(named) && text.contains("expected a folder"), "{text}");
        assert_eq!(fs::read_to_string(device.beside(named)).unwrap(), "of the host");
    }
}
