#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::{Count, CrashFs, Fault, Files, Found, Kind};

const TEXT: &[u8] = b"all of these bytes";

fn at(path: &str) -> PathBuf {
    Path::new("/app").join(path)
}

fn machine() -> CrashFs {
    CrashFs::with_folder(Path::new("/app"))
}

/// A machine with a file whose name and bytes are durable.
fn machine_with_file(name: &str) -> CrashFs {
    let files = machine();
    files.write(&at(name), TEXT).unwrap();
    files.sync_file(&at(name)).unwrap();
    files.sync_folder(&at("")).unwrap();
    files
}

fn text(files: &CrashFs, path: &str) -> Option<Vec<u8>> {
    match files.read(&at(path), 1000) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => unreachable!("{error}"),
    }
}

#[test]
fn it_behaves_like_a_file_system_without_faults() {
    let files = machine();
    files.create_folder(&at("a")).unwrap();
    let mut file = files.create(&at("a/file")).unwrap();
    file.write_all(b"piece ").unwrap();
    file.write_all(b"by piece").unwrap();
    files.rename(&at("a"), &at("b")).unwrap();
    file.write_all(b"!").unwrap();

    assert_eq!(text(&files, "b/file").unwrap(), b"piece by piece!");
    assert_eq!(files.size(&at("b/file")).unwrap(), 15);
    assert_eq!(files.kind(&at("b")).unwrap(), Some(Kind::Folder));
    assert_eq!(files.kind(&at("b/file")).unwrap(), Some(Kind::File));
    assert_eq!(files.kind(&at("a/file")).unwrap(), None);
    assert_eq!(files.kind(&at("b/file/deeper")).unwrap(), None);
    assert_eq!(files.list(&at("")).unwrap(), ["b"]);
    let mut read = String::new();
    files.open(&at("b/file")).unwrap().read_to_string(&mut read).unwrap();
    assert_eq!(read, "piece by piece!");
}

#[test]
fn it_refuses_invalid_operations_like_a_file_system() {
    let files = machine_with_file("file");
    files.create_folder(&at("full")).unwrap();
    files.write(&at("full/file"), TEXT).unwrap();
    files.create_folder(&at("folder")).unwrap();

    let kind = |result: std::io::Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(files.create(&at("file")).map(drop)), ErrorKind::AlreadyExists);
    assert_eq!(kind(files.create_folder(&at("file"))), ErrorKind::AlreadyExists);
    assert_eq!(kind(files.create_folder(&at("none/folder"))), ErrorKind::NotFound);
    assert_eq!(kind(files.write(&at("folder"), TEXT)), ErrorKind::IsADirectory);
    assert_eq!(kind(files.read(&at("file"), 3).map(drop)), ErrorKind::InvalidData);
    assert_eq!(kind(files.rename(&at("file"), &at("folder"))), ErrorKind::IsADirectory);
    assert_eq!(kind(files.rename(&at("folder"), &at("file"))), ErrorKind::NotADirectory);
    assert_eq!(
        kind(files.rename(&at("folder"), &at("full"))),
        ErrorKind::DirectoryNotEmpty
    );
    assert_eq!(kind(files.remove_file(&at("folder"))), ErrorKind::IsADirectory);
    assert_eq!(kind(files.remove_folder(&at("file"))), ErrorKind::NotADirectory);
    assert_eq!(kind(files.sync_folder(&at("none"))), ErrorKind::NotFound);
    files.rename(&at("full"), &at("folder")).unwrap();
}

#[test]
fn a_synced_file_in_an_unsynced_folder_is_lost() {
    let files = machine();
    files.write(&at("file"), TEXT).unwrap();
    files.sync_file(&at("file")).unwrap();

    assert_eq!(text(&files.power_loss(Found::Nothing), "file"), None);
    assert_eq!(text(&files.power_loss(Found::Everything), "file").unwrap(), TEXT);
}

#[test]
fn an_unsynced_file_in_a_synced_folder_is_found_empty_or_torn() {
    let files = machine();
    files.write(&at("file"), TEXT).unwrap();
    files.sync_folder(&at("")).unwrap();

    assert_eq!(text(&files.power_loss(Found::Nothing), "file").unwrap(), b"");
    assert_eq!(text(&files.power_loss(Found::NamesOnly), "file").unwrap(), b"");
    let torn: Vec<_> = (0..200)
        .map(|seed| text(&files.power_loss(Found::Random(seed)), "file").unwrap())
        .collect();
    assert!(
        torn.iter()
            .any(|bytes| bytes.len() < TEXT.len() && !bytes.is_empty() && TEXT.starts_with(bytes))
    );
    assert!(
        torn.iter()
            .any(|bytes| bytes.len() == TEXT.len() && bytes.ends_with(&[0]) && bytes[0] != 0)
    );
    assert!(torn.contains(&TEXT.to_vec()));
    assert!(torn.contains(&Vec::new()));
}

#[test]
fn a_rewrite_without_a_sync_leaves_the_old_bytes_or_the_new_or_neither() {
    let files = machine_with_file("file");
    files.write(&at("file"), b"new").unwrap();

    assert_eq!(text(&files, "file").unwrap(), b"new");
    let found: Vec<_> = (0..200)
        .map(|seed| text(&files.power_loss(Found::Random(seed)), "file").unwrap())
        .collect();
    for possible in [TEXT, b"new", b""] {
        assert!(found.contains(&possible.to_vec()), "{possible:?}");
    }
}

#[test]
fn appended_bytes_are_lost_or_torn_until_they_are_synced_and_the_earlier_ones_stay() {
    let files = machine_with_file("file");
    assert_eq!(
        files.append(&at("file"), b" and more", false).unwrap(),
        TEXT.len() as u64 + 9
    );

    let found: Vec<_> = (0..200)
        .map(|seed| text(&files.power_loss(Found::Random(seed)), "file").unwrap())
        .collect();
    assert!(found.iter().all(|bytes| bytes.starts_with(TEXT)));
    for end in [&b""[..], b" and", b" and\0\0\0\0\0", b" and more"] {
        assert!(found.contains(&[TEXT, end].concat()), "{end:?}");
    }

    files.append(&at("file"), b"!", true).unwrap();
    let durable = text(&files.power_loss(Found::Nothing), "file").unwrap();
    assert_eq!(durable, [TEXT, b" and more!"].concat());
}

#[test]
fn an_append_creates_a_file_whose_name_is_not_durable_yet() {
    let files = machine();
    files.append(&at("file"), TEXT, true).unwrap();

    assert_eq!(text(&files.power_loss(Found::Nothing), "file"), None);
    assert_eq!(text(&files.power_loss(Found::NamesOnly), "file").unwrap(), TEXT);
    files.create_folder(&at("folder")).unwrap();
    let error = files.append(&at("folder"), TEXT, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
}

#[test]
fn an_append_that_fails_or_finds_a_full_disk_leaves_a_part() {
    let files = machine_with_file("file");
    files.plan(Count::Changes, 2, Fault::Fail(ErrorKind::Other));
    files.append(&at("file"), b"four", true).unwrap_err();
    assert_eq!(text(&files, "file").unwrap(), [TEXT, b"fo"].concat());

    files.set_free_space(3);
    let full = files.append(&at("file"), b"four", true).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::StorageFull);
    assert_eq!(text(&files, "file").unwrap(), [TEXT, b"fofou"].concat());
}

#[test]
fn a_rename_within_one_folder_is_atomic() {
    let files = machine_with_file("new");
    files.write(&at("old"), b"replaced").unwrap();
    files.sync_tree(&at("")).unwrap();
    files.rename(&at("new"), &at("old")).unwrap();

    for seed in 0..100 {
        let found = files.power_loss(Found::Random(seed));
        let pair = (text(&found, "new"), text(&found, "old").unwrap());
        assert!(
            pair == (Some(TEXT.into()), b"replaced".into()) || pair == (None, TEXT.into()),
            "{pair:?}"
        );
    }
    assert!(text(&files.power_loss(Found::Nothing), "new").is_some());
    files.sync_folder(&at("")).unwrap();
    assert_eq!(text(&files.power_loss(Found::Nothing), "old").unwrap(), TEXT);
}

#[test]
fn a_rename_between_folders_has_two_halves() {
    let files = machine();
    files.create_folder(&at("from")).unwrap();
    files.create_folder(&at("to")).unwrap();
    files.write(&at("from/file"), TEXT).unwrap();
    files.sync_tree(&at("")).unwrap();
    files.sync_folder(Path::new("/app")).unwrap();
    files.rename(&at("from/file"), &at("to/file")).unwrap();
    let names = |files: &CrashFs| (text(files, "from/file").is_some(), text(files, "to/file").is_some());

    let found: Vec<_> = (0..100)
        .map(|seed| names(&files.power_loss(Found::Random(seed))))
        .collect();
    for possible in [(true, false), (false, true), (true, true), (false, false)] {
        assert!(found.contains(&possible), "{possible:?}");
    }
    files.sync_folder(&at("to")).unwrap();
    assert_eq!(names(&files.power_loss(Found::Nothing)), (true, true));
    files.sync_folder(&at("from")).unwrap();
    assert_eq!(names(&files.power_loss(Found::Nothing)), (false, true));
}

#[test]
fn a_removed_name_comes_back_until_its_folder_is_synced() {
    let files = machine_with_file("file");
    files.remove_file(&at("file")).unwrap();

    assert_eq!(text(&files.power_loss(Found::Nothing), "file").unwrap(), TEXT);
    files.sync_folder(&at("")).unwrap();
    assert_eq!(text(&files.power_loss(Found::Nothing), "file"), None);
}

#[test]
fn names_in_one_folder_reach_the_disk_in_order() {
    let files = machine();
    for name in ["1", "2", "3"] {
        files.create_folder(&at(name)).unwrap();
    }

    for seed in 0..100 {
        let mut found = files.power_loss(Found::Random(seed)).list(&at("")).unwrap();
        found.sort();
        assert_eq!(found, ["1", "2", "3"][..found.len()]);
    }
}

#[test]
fn a_synced_tree_needs_only_its_own_name_synced() {
    let files = machine();
    files.create_folder(&at("tree")).unwrap();
    files.create_folder(&at("tree/deep")).unwrap();
    files.write(&at("tree/deep/file"), TEXT).unwrap();
    files.sync_tree(&at("tree")).unwrap();

    assert_eq!(files.power_loss(Found::Nothing).kind(&at("tree")).unwrap(), None);
    files.sync_folder(&at("")).unwrap();
    assert_eq!(text(&files.power_loss(Found::Nothing), "tree/deep/file").unwrap(), TEXT);
}

#[test]
fn a_killed_process_loses_nothing_but_its_locks() {
    let files = machine();
    files.write(&at("file"), TEXT).unwrap();
    let lock = files.try_lock(&at("lock")).unwrap().unwrap();
    let other = files.another_process();
    assert!(files.clone().try_lock(&at("lock")).unwrap().is_none());
    assert!(other.try_lock(&at("lock")).unwrap().is_none());

    let next = files.process_killed();
    assert_eq!(text(&next, "file").unwrap(), TEXT);
    files.list(&at("")).unwrap_err();
    assert!(files.is_dead() && !next.is_dead());
    let taken = other.try_lock(&at("lock")).unwrap();
    assert!(taken.is_some());
    // Dropping the lock of the dead process must not release the new one.
    drop(lock);
    assert!(next.try_lock(&at("lock")).unwrap().is_none());
    drop(taken);
    assert!(next.try_lock(&at("lock")).unwrap().is_some());
}

#[test]
fn a_process_stopped_before_an_operation_did_not_perform_it() {
    let files = machine();
    // A write is two operations: truncate, then write.
    files.plan(Count::Changes, 2, Fault::StopBefore);
    files.write(&at("file"), TEXT).unwrap_err();
    assert!(files.is_dead());
    files.kind(&at("file")).unwrap_err();

    assert_eq!(text(&files.process_killed(), "file").unwrap(), b"");
}

#[test]
fn a_process_stopped_after_an_operation_performed_it_without_a_result() {
    let files = machine();
    files.plan(Count::Changes, 2, Fault::StopAfter);
    files.write(&at("file"), TEXT).unwrap_err();
    assert!(files.is_dead());

    assert_eq!(text(&files.process_killed(), "file").unwrap(), TEXT);
}

#[test]
fn every_write_and_every_name_of_a_removed_folder_is_counted() {
    let files = machine();
    files.plan(Count::Changes, u64::MAX, Fault::StopBefore);
    files.create_folder(&at("folder")).unwrap();
    let mut file = files.create(&at("folder/file")).unwrap();
    file.write_all(b"1").unwrap();
    file.write_all(b"2").unwrap();
    assert_eq!(files.counted(Count::Changes), 4);

    files.plan(Count::Changes, 2, Fault::StopBefore);
    files.remove_folder(&at("folder")).unwrap_err();
    let next = files.process_killed();
    assert_eq!(next.list(&at("folder")).unwrap().len(), 0);
}

#[test]
fn a_planned_failure_happens_once() {
    let files = machine();
    files.plan(Count::Changes, 2, Fault::Fail(ErrorKind::Other));
    assert_eq!(files.write(&at("file"), TEXT).unwrap_err().kind(), ErrorKind::Other);
    assert_eq!(text(&files, "file").unwrap(), &TEXT[..TEXT.len() / 2]);

    files.write(&at("file"), TEXT).unwrap();
    assert_eq!(text(&files, "file").unwrap(), TEXT);
    files.plan(Count::Calls, 1, Fault::Fail(ErrorKind::PermissionDenied));
    assert_eq!(
        files.read(&at("file"), 100).unwrap_err().kind(),
        ErrorKind::PermissionDenied
    );
    assert_eq!(text(&files, "file").unwrap(), TEXT);
}

#[test]
fn bytes_whose_sync_failed_are_not_made_durable_by_a_later_sync() {
    let files = machine();
    files.write(&at("file"), TEXT).unwrap();
    files.sync_folder(&at("")).unwrap();
    files.plan(Count::Changes, 1, Fault::Fail(ErrorKind::Other));
    files.sync_file(&at("file")).unwrap_err();

    files.sync_file(&at("file")).unwrap();
    assert_eq!(text(&files.power_loss(Found::Nothing), "file").unwrap(), b"");
    files.write(&at("file"), TEXT).unwrap();
    files.sync_file(&at("file")).unwrap();
    assert_eq!(text(&files.power_loss(Found::Nothing), "file").unwrap(), TEXT);
}

#[test]
fn a_full_disk_accepts_what_fits_and_removing_files_frees_space() {
    let files = machine_with_file("file");
    files.set_free_space(4);
    assert_eq!(
        files.write(&at("new"), TEXT).unwrap_err().kind(),
        ErrorKind::StorageFull
    );
    assert_eq!(text(&files, "new").unwrap(), &TEXT[..4]);
    assert_eq!(
        files.create_folder(&at("folder")).unwrap_err().kind(),
        ErrorKind::StorageFull
    );

    files.remove_file(&at("file")).unwrap();
    assert_eq!(files.free_space(&at("")).unwrap(), TEXT.len() as u64);
}

#[test]
fn a_planned_full_disk_stays_full_until_the_fault_is_lifted() {
    let files = machine_with_file("file");
    files.plan(Count::Changes, 2, Fault::FullFrom);
    assert_eq!(
        files.write(&at("new"), TEXT).unwrap_err().kind(),
        ErrorKind::StorageFull
    );
    assert_eq!(text(&files, "new").unwrap(), b"");
    files.remove_file(&at("file")).unwrap();
    assert_eq!(
        files.write(&at("new"), TEXT).unwrap_err().kind(),
        ErrorKind::StorageFull
    );

    files.lift();
    files.write(&at("new"), TEXT).unwrap();
}

#[test]
fn the_history_names_every_operation_and_the_failed_one() {
    let files = machine();
    files.plan(Count::Changes, 2, Fault::Fail(ErrorKind::Other));
    files.write(&at("a"), TEXT).unwrap_err();
    files.another_process().rename(&at("a"), &at("b")).unwrap();
    files.kind(&at("b")).unwrap();

    assert_eq!(
        files.history(),
        "   1  Empty /app/a\n   2  Write /app/a  <== Fail(Other)\n   3  process 1: Rename /app/a -> /app/b\n   -  Kind /app/b\n"
    );
}

#[test]
fn shared_locks_do_not_exclude_each_other() {
    let files = machine();
    let other = files.another_process();
    files.write(&at("lock"), b"").unwrap();

    let shared = files.try_lock_shared(&at("lock")).unwrap();
    assert!(shared.is_some() && other.try_lock_shared(&at("lock")).unwrap().is_some());
    assert!(other.try_lock(&at("lock")).unwrap().is_none());
    drop(shared);
    let held = other.try_lock(&at("lock")).unwrap();
    assert!(held.is_some() && files.try_lock_shared(&at("lock")).unwrap().is_none());

    let missing = files.try_lock_shared(&at("missing")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(files.kind(&at("missing")).unwrap(), None);
}
