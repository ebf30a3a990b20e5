#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::io::crash_fs::{Count, CrashFs, Fault, Found};
use crate::io::vfs::Files;
use crate::native::NativeApp;
use crate::store::StoreOptions;
use crate::time::Timestamp;

const ROOT: &str = "/app/store";

fn machine() -> CrashFs {
    CrashFs::with_folder(Path::new("/app"))
}

fn store_on(files: &CrashFs) -> Store {
    let clock = AtomicU64::new(1);
    let now = move || Timestamp(clock.fetch_add(1, Ordering::Relaxed));
    let files = Arc::new(files.clone());
    Store::open_on(files, Path::new(ROOT), StoreOptions::default(), Arc::new(now)).unwrap()
}

fn at(name: &str) -> std::path::PathBuf {
    Path::new(ROOT).join(name)
}

fn numbered(log: &DeviceLog, number: u64) {
    log.write(&log.entry(LogEvent::Check).with_count(number));
}

fn numbers(log: &DeviceLog) -> Vec<u64> {
    let entries = log.entries().unwrap();
    entries.iter().map(|entry| entry.count.unwrap()).collect()
}

#[test]
fn entries_are_read_in_the_order_in_which_they_were_written() {
    let files = machine();
    let store = store_on(&files);
    let log = DeviceLog::of(&store);
    assert_eq!(log.entries().unwrap(), []);

    let launch = store.launch(&NativeApp::new("1.0", "1"));
    let launched = log.entry(LogEvent::Launch).with_launch(&launch);
    log.write(&launched);
    let confirmed = log.entry(LogEvent::Confirmed).with_version("2.0.0");
    log.write(&confirmed);

    assert_eq!(launched.reason.as_deref(), Some("current"));
    assert!(launched.at < confirmed.at);
    let next = DeviceLog::of(&store_on(&files.process_killed()));
    assert_eq!(next.entries().unwrap(), [launched, confirmed]);
}

#[test]
fn the_log_stays_below_its_limit_and_keeps_the_newest_entries() {
    let files = machine();
    let log = DeviceLog::of(&store_on(&files));
    let text = "x".repeat(400);
    for number in 0..2000 {
        log.write(&log.entry(LogEvent::Check).with_count(number).with_text(&text));
        let sizes = [NEW, OLD].map(|name| files.size(&at(name)).unwrap_or_default());
        assert!(sizes.iter().all(|size| *size <= SEGMENT), "{sizes:?}");
    }

    let kept = numbers(&log);
    assert!(kept.len() > 240, "{}", kept.len());
    assert_eq!(kept, (2000 - kept.len() as u64..2000).collect::<Vec<_>>());
}

#[test]
fn a_launch_without_a_change_costs_one_write_and_waits_for_no_disk() {
    let files = machine();
    let store = store_on(&files);
    numbered(&DeviceLog::of(&store), 0);
    let log = DeviceLog::of(&store_on(&files));
    let launch = store.launch(&NativeApp::new("1.0", "1"));
    for _ in 0..2 {
        files.plan(Count::Changes, u64::MAX, Fault::StopBefore);
        let before = files.history().lines().count();
        log.write(&log.entry(LogEvent::Launch).with_launch(&launch));
        let history = files.history();
        let acts: Vec<_> = history.lines().skip(before).collect();
        assert_eq!(files.counted(Count::Changes), 2, "open and write: {acts:?}");
        assert!(
            !history.lines().skip(before).any(|act| act.contains("Sync")),
            "{acts:?}"
        );
    }
    files.plan(Count::Calls, u64::MAX, Fault::StopBefore);
    log.write(&log.entry(LogEvent::Launch).with_launch(&launch));
    assert_eq!(files.counted(Count::Calls), 2, "nothing is read");
}

#[test]
fn important_entries_survive_a_power_cut_together_with_all_before_them() {
    let files = machine();
    let log = DeviceLog::of(&store_on(&files));
    numbered(&log, 1);
    log.write(&log.entry(LogEvent::FellBack).with_count(2));
    numbered(&log, 3);

    let after = DeviceLog::of(&store_on(&files.power_loss(Found::Nothing)));
    assert_eq!(numbers(&after), [1, 2]);
}

#[test]
fn a_torn_last_line_is_skipped_and_does_not_damage_the_next_one() {
    let files = machine();
    let log = DeviceLog::of(&store_on(&files));
    numbered(&log, 1);
    for torn in [&b"\n{\"at\":1,\"ev"[..], b"\n{\"at\":2\0\0\0", b"\n\0\0", b"\n"] {
        files.append(&at(NEW), torn, false).unwrap();
        let entries = log.entries().unwrap();
        assert_eq!(entries.iter().filter(|entry| entry.count.is_some()).count(), 1);
    }
    numbered(&log, 2);

    let entries = log.entries().unwrap();
    let damaged: Vec<_> = entries
        .iter()
        .filter(|entry| entry.event == LogEvent::LogDamaged)
        .collect();
    assert_eq!(damaged.len(), 3, "shown once they are known to be torn: {entries:?}");
    assert_eq!(damaged[0].text.as_deref(), Some("{\"at\":1,\"ev"));
    assert_eq!(entries.last().unwrap().count, Some(2));
}

#[test]
fn an_entry_that_cannot_be_written_is_a_warning_once_and_its_absence_is_recorded() {
    let files = machine();
    let store = store_on(&files);
    let log = DeviceLog::of(&store);
    numbered(&log, 1);
    files.set_free_space(0);
    numbered(&log, 2);
    numbered(&log, 3);
    let warnings = store.take_warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].kind(), crate::ErrorKind::NoSpace);

    files.set_free_space(1 << 20);
    numbered(&log, 4);

    let entries = log.entries().unwrap();
    let missing = &entries[1];
    assert_eq!((&missing.event, missing.count), (&LogEvent::LogDamaged, Some(2)));
    assert!(
        missing.text.as_deref().unwrap().contains("no space left"),
        "{missing:?}"
    );
    assert_eq!(entries[2].count, Some(4));
    assert!(store.take_warnings().is_empty());
}

#[test]
fn an_entry_after_a_failed_sync_is_durable() {
    let files = machine();
    let log = DeviceLog::of(&store_on(&files));
    log.write(&log.entry(LogEvent::Installed).with_count(1));
    files.plan(Count::Changes, 3, Fault::Fail(ErrorKind::Other));
    log.write(&log.entry(LogEvent::Applied).with_count(2));
    log.write(&log.entry(LogEvent::Confirmed).with_count(3));

    let after = DeviceLog::of(&store_on(&files.power_loss(Found::Nothing)));
    let entries = after.entries().unwrap();
    assert_eq!(entries.last().unwrap().count, Some(3), "{entries:?}");
    assert_eq!(entries[0].count, Some(1), "{entries:?}");
}

#[test]
fn a_file_that_is_not_a_log_is_reported_and_does_not_block_the_log() {
    let files = machine();
    let store = store_on(&files);
    let log = DeviceLog::of(&store);
    files.create_folder(&at(NEW)).unwrap();
    files.write(&at(OLD), &vec![b'x'; 2 << 20]).unwrap();
    let entries = log.entries().unwrap();
    assert!(entries.iter().all(|entry| entry.event == LogEvent::LogDamaged));
    assert_eq!(entries.len(), 2);

    numbered(&log, 1);

    assert_eq!(log.entries().unwrap().last().unwrap().count, Some(1));
    assert!(store.take_warnings().is_empty());
}

#[test]
fn a_log_that_cannot_be_read_yet_is_an_error_and_not_an_empty_log() {
    let files = machine();
    let log = DeviceLog::of(&store_on(&files));
    numbered(&log, 1);
    files.plan(Count::Calls, 3, Fault::Fail(ErrorKind::PermissionDenied));
    // The calls before it: the lock, and the older file.
    assert_eq!(log.entries().unwrap_err().kind(), crate::ErrorKind::Io);
    assert_eq!(numbers(&log), [1]);
}

#[test]
fn a_sweep_and_a_cleaning_keep_the_log() {
    let files = machine();
    let store = store_on(&files);
    let log = DeviceLog::with_segment(&store, 512);
    for number in 0..20 {
        numbered(&log, number);
    }
    let before = numbers(&log);

    store.sweep().unwrap();
    store.clean(&crate::store::KeepRules::default()).unwrap();

    assert!(files.kind(&at(OLD)).unwrap().is_some());
    assert_eq!(numbers(&log), before);
}

#[test]
fn two_processes_write_at_the_same_time_and_lose_no_entry() {
    const EACH: u64 = 300;
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let store = Store::open(&folder.path().join("store"), StoreOptions::default()).unwrap();
        // Rotated about once, so that nothing is dropped.
        (DeviceLog::with_segment(&store, 20 << 10), store)
    };
    std::thread::scope(|scope| {
        for writer in 0..2 {
            scope.spawn(move || {
                let (log, store) = open();
                for number in 0..EACH {
                    numbered(&log, writer * EACH + number);
                }
                assert!(store.take_warnings().is_empty());
            });
        }
        scope.spawn(|| {
            for _ in 0..20 {
                open().0.entries().unwrap();
            }
        });
    });

    let (log, _store) = open();
    let mut found = numbers(&log);
    for writer in 0..2 {
        let of_writer = found.iter().filter(|number| *number / EACH == writer);
        assert!(of_writer.is_sorted(), "the order of each process is kept");
    }
    found.sort_unstable();
    assert_eq!(found, (0..2 * EACH).collect::<Vec<_>>());
    assert!(folder.path().join("store").join(OLD).exists());
}
