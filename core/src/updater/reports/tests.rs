#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::ErrorKind;
use crate::io::crash_fs::{Count, CrashFs, Fault, Found};
use crate::io::vfs::Files as _;
use crate::store::StoreOptions;

const ROOT: &str = "/app/store";

struct App {
    store: Store,
    log: DeviceLog,
    queue: ReportQueue,
}

fn app_on(files: &CrashFs) -> App {
    let store = Store::open_on(
        Arc::new(files.clone()),
        Path::new(ROOT),
        StoreOptions::default(),
        Arc::new(|| Timestamp(5)),
    )
    .unwrap();
    let log = DeviceLog::of(&store);
    let queue = ReportQueue::of(&store, &log, true);
    App { store, log, queue }
}

fn machine() -> CrashFs {
    CrashFs::with_folder(Path::new("/app"))
}

fn report(version: usize) -> Report {
    Report::new("set", &version.to_string(), Timestamp(1)).unwrap()
}

fn versions(queue: &ReportQueue) -> Vec<usize> {
    let pending = queue.pending(usize::MAX);
    pending
        .iter()
        .map(|pending| pending.report.version_name.parse().unwrap())
        .collect()
}

fn ids(queue: &ReportQueue, max: usize) -> Vec<ReportId> {
    queue.pending(max).into_iter().map(|pending| pending.id).collect()
}

#[test]
fn reports_wait_in_order_until_they_are_acknowledged() {
    let files = machine();
    let App { queue, .. } = app_on(&files);
    assert!((1..=5).all(|version| queue.push(report(version))));

    let first = ids(&queue, 2);
    assert_eq!(ids(&queue, 2), first, "a second look sends the same ones");
    assert!(queue.acknowledge(&first));
    assert_eq!(versions(&queue), [3, 4, 5]);

    let next = app_on(&files.power_loss(Found::Nothing)).queue;
    assert_eq!(versions(&next), [3, 4, 5]);
    assert!(next.acknowledge(&ids(&next, 200)));
    assert_eq!(versions(&next), [0; 0]);
}

#[test]
fn a_report_is_read_back_with_all_of_its_members() {
    let files = machine();
    let written = Report::new("download_40", "2.0.0:a\"b.js", Timestamp(9)).unwrap();
    let written = written.with_old_version_name("1.0.0");
    assert!(app_on(&files).queue.push(written.clone()));

    let found = app_on(&files.process_killed()).queue.pending(1);
    assert_eq!(found[0].report, written);
}

#[test]
fn only_actions_that_servers_accept_are_reports() {
    for action in ["", "download_41", "my_action", "set\n"] {
        let error = Report::new(action, "1.0.0", Timestamp(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{action}");
    }
    let long = Report::new("app_crash_x", &"ä".repeat(500), Timestamp(1)).unwrap();
    assert_eq!(long.version_name.len(), 256);
}

#[test]
fn a_full_queue_drops_the_oldest_counts_them_and_logs_it_once() {
    let files = machine();
    let App { store, log, queue } = app_on(&files);
    for version in 0..MAX_REPORTS + 7 {
        queue.push(report(version));
    }

    assert_eq!(versions(&queue), (7..MAX_REPORTS + 7).collect::<Vec<_>>());
    assert_eq!(queue.dropped(), 7);
    let dropped = |log: &DeviceLog| {
        let entries = log.entries().unwrap().into_iter();
        entries.filter(|entry| entry.event == LogEvent::ReportsDropped).count()
    };
    assert_eq!(dropped(&log), 1);

    queue.acknowledge(&ids(&queue, 10));
    let queue = app_on(&files.process_killed()).queue;
    assert_eq!(queue.dropped(), 7, "the number is kept");
    for version in 0..11 {
        queue.push(report(version));
    }
    assert_eq!((queue.dropped(), queue.pending(999).len()), (8, MAX_REPORTS));
    let log = app_on(&files.another_process()).log;
    assert_eq!(dropped(&log), 2, "the queue was full a second time");
    assert!(store.take_warnings().is_empty());
}

#[test]
fn a_queue_that_is_locked_keeps_reports_in_memory_and_writes_them_with_the_next_call() {
    let files = machine();
    let App { store, queue, .. } = app_on(&files);
    queue.push(report(1));
    let lock = files.another_process().try_lock(&Path::new(ROOT).join(LOCK)).unwrap();

    assert!(!queue.push(report(2)));
    assert_eq!(versions(&queue), [1, 2], "they can be sent nevertheless");
    assert!(!queue.acknowledge(&ids(&queue, 1)));
    assert_eq!(versions(&queue), [2]);
    drop(lock);
    assert!(queue.push(report(3)));

    assert!(store.take_warnings().is_empty());
    let next = app_on(&files.power_loss(Found::Nothing)).queue;
    assert_eq!(versions(&next), [2, 3]);
}

#[test]
fn a_full_disk_is_a_warning_and_the_reports_are_written_when_there_is_space() {
    let files = machine();
    let App { store, queue, .. } = app_on(&files);
    queue.push(report(1));
    files.set_free_space(30);
    assert!(!queue.push(report(2)));
    assert!(!queue.push(report(3)));
    assert_eq!(versions(&queue), [1, 2, 3]);
    let warnings = store.take_warnings();
    assert_eq!(
        warnings.iter().map(crate::Error::kind).collect::<Vec<_>>(),
        [ErrorKind::NoSpace]
    );

    files.set_free_space(1 << 20);
    assert!(queue.push(report(4)));

    let next = app_on(&files.power_loss(Found::Nothing)).queue;
    assert_eq!(versions(&next), [1, 2, 3, 4]);
}

#[test]
fn reports_in_memory_are_bounded_too() {
    let files = machine();
    let App { store, log, .. } = app_on(&files);
    let queue = ReportQueue::with_limit(&store, &log, true, 3);
    let lock = files.another_process().try_lock(&Path::new(ROOT).join(LOCK)).unwrap();
    for version in 0..5 {
        assert!(!queue.push(report(version)));
    }
    assert_eq!((versions(&queue), queue.dropped()), (vec![2, 3, 4], 2));
    drop(lock);
    assert_eq!((versions(&queue), queue.dropped()), (vec![2, 3, 4], 2));
}

#[test]
fn a_report_in_a_launch_waits_for_no_disk() {
    let files = machine();
    app_on(&files).queue.push(report(1));
    let App { queue, .. } = app_on(&files.process_killed());
    let before = files.history().lines().count();
    assert!(queue.push_without_sync(report(2)));
    assert!(queue.push_without_sync(report(3)));
    let history = files.history();
    assert!(
        !history.lines().skip(before).any(|act| act.contains("Sync")),
        "{history}"
    );

    assert_eq!(versions(&app_on(&files.process_killed()).queue), [1, 2, 3]);
}

#[test]
fn a_queue_that_is_off_keeps_and_sends_nothing() {
    let files = machine();
    let App { queue, .. } = app_on(&files);
    queue.push(report(1));
    queue.set_on(false);
    queue.push(report(2));
    assert!(queue.pending(10).is_empty());
    queue.set_on(true);
    assert_eq!(versions(&queue), [1]);

    queue.clear().unwrap();
    assert_eq!(versions(&app_on(&files.power_loss(Found::Nothing)).queue), [0; 0]);
    assert!(queue.push(report(3)));
    assert_eq!(versions(&app_on(&files.power_loss(Found::Nothing)).queue), [3]);
}

#[test]
fn damaged_lines_cost_no_other_report_and_are_logged() {
    let files = machine();
    let path = Path::new(ROOT).join(NAME);
    app_on(&files).queue.push(report(1));
    files
        .append(&path, b"\n{\"id\":\"torn\n{\"id\":1}\n{\"at\":1,\"id\":\"x", false)
        .unwrap();
    let App { store, log, queue } = app_on(&files.process_killed());

    assert!(queue.push(report(2)));

    assert_eq!(versions(&queue), [1, 2]);
    let entries = log.entries().unwrap();
    assert_eq!((&entries[0].event, entries[0].count), (&LogEvent::LogDamaged, Some(2)));
    assert_eq!(entries.len(), 1);
    assert!(store.take_warnings().is_empty());
}

#[test]
fn something_else_at_the_path_of_the_queue_is_replaced_and_logged() {
    let path = Path::new(ROOT).join(NAME);
    for is_folder in [true, false] {
        let files = machine();
        let App { store, log, queue } = app_on(&files);
        if is_folder {
            files.create_folder(&path).unwrap();
        } else {
            files.write(&path, &vec![b'\n'; 2 << 20]).unwrap();
        }
        assert!(queue.push(report(1)));
        assert_eq!(versions(&queue), [1]);
        assert_eq!(log.entries().unwrap()[0].event, LogEvent::LogDamaged);
        assert!(store.take_warnings().is_empty());
    }
}

#[test]
fn reports_that_cannot_be_read_yet_are_not_lost() {
    let files = machine();
    app_on(&files).queue.push(report(1));
    let App { store, queue, .. } = app_on(&files.process_killed());
    files.plan(Count::Calls, 2, Fault::Fail(std::io::ErrorKind::PermissionDenied));

    assert!(!queue.push(report(2)));

    assert_eq!(store.take_warnings().len(), 1);
    assert_eq!(versions(&queue), [1, 2]);
}

#[test]
fn a_store_folder_that_is_gone_fails_nothing() {
    let files = machine();
    let App { store, log, queue } = app_on(&files);
    files.remove_folder(Path::new(ROOT)).unwrap();

    assert!(!queue.push(report(1)));
    log.write(&log.entry(LogEvent::Launch));

    assert_eq!(versions(&queue), [1]);
    assert!(!store.take_warnings().is_empty());
}

#[test]
fn two_processes_push_and_acknowledge_at_the_same_time_and_lose_no_report() {
    const EACH: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let sent = Mutex::new(Vec::new());
    let run = |writer: usize| {
        let store = Store::open(&root, StoreOptions::default()).unwrap();
        let log = DeviceLog::of(&store);
        let queue = ReportQueue::of(&store, &log, true);
        for number in 0..EACH {
            queue.push_without_sync(report(writer * EACH + number));
            if number % 7 == writer {
                let reports = queue.pending(5);
                let ids: Vec<ReportId> = reports.iter().map(|pending| pending.id.clone()).collect();
                sent.lock().unwrap().extend(reports);
                queue.acknowledge(&ids);
            }
        }
        // The next call writes what is still in memory.
        while !queue.acknowledge(&[ReportId(String::new())]) {
            std::thread::yield_now();
        }
        assert_eq!(queue.dropped(), 0);
        assert!(store.take_warnings().is_empty());
    };
    std::thread::scope(|scope| {
        scope.spawn(|| run(0));
        scope.spawn(|| run(1));
    });

    let store = Store::open(&root, StoreOptions::default()).unwrap();
    let queue = ReportQueue::of(&store, &DeviceLog::of(&store), true);
    let sent = sent.into_inner().unwrap();
    let waiting = queue.pending(MAX_REPORTS);
    let all = sent
        .iter()
        .chain(&waiting)
        .map(|pending| pending.report.version_name.parse().unwrap());
    let mut all: Vec<usize> = all.collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, (0..2 * EACH).collect::<Vec<_>>());
}
