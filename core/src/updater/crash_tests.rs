//! Crash tests of the updater's files: the process is killed and the power is cut before and after every file operation
//! of a story, each operation fails once, and the disk becomes full at any moment.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests; the number of points is for people"
)]

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::device_log::DeviceLog;
use super::log_entry::LogEvent;
use super::reports::{Report, ReportId, ReportQueue};
use super::settings::{Settings, SettingsFile};
use crate::io::crash_fs::{Count, CrashFs, Fault, Found};
use crate::io::vfs::Files as _;
use crate::store::{Store, StoreOptions};
use crate::time::Timestamp;

const ROOT: &str = "/app/store";
/// Mixtures of surviving writes for each point.
const SEEDS: u64 = 12;

fn open(files: &CrashFs) -> crate::Result<Store> {
    let files = Arc::new(files.clone());
    Store::open_on(
        files,
        Path::new(ROOT),
        StoreOptions::default(),
        Arc::new(|| Timestamp(1)),
    )
}

/// A machine with a store, whose process has not started yet.
fn machine() -> CrashFs {
    let files = CrashFs::with_folder(Path::new("/app"));
    open(&files).unwrap();
    files.process_killed()
}

/// How a story was disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disturbed {
    /// The process was stopped within a call.
    Stopped,
    /// A call failed, or the disk was full, and the process continued.
    Failed,
}

/// Whether bytes that were not made durable may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    Process,
    Power,
}

/// Plays a story with every fault at every operation. `check` looks at the disk afterwards, with the result of the
/// story, which is what the process reported as done.
fn disturb<R>(name: &str, story: impl Fn(&CrashFs) -> R, check: impl Fn(&CrashFs, &R, (Disturbed, Lost))) {
    let files = machine();
    files.plan(Count::Changes, u64::MAX, Fault::StopBefore);
    story(&files);
    let (changes, calls) = (files.counted(Count::Changes), files.counted(Count::Calls));
    let mut points = 0;
    let mut try_at = |count: Count, at: u64, fault: Fault| {
        let files = machine();
        files.plan(count, at, fault);
        let result = story(&files);
        let disturbed = match fault {
            Fault::StopBefore | Fault::StopAfter => Disturbed::Stopped,
            _ => Disturbed::Failed,
        };
        files.lift();
        println!("{name}: {fault:?} at {at} of {count:?}");
        for found in forms(at) {
            check(&files.power_loss(found), &result, (disturbed, Lost::Power));
            points += 1;
        }
        check(&files.process_killed(), &result, (disturbed, Lost::Process));
        points += 1;
    };
    for at in 1..=changes {
        for fault in [
            Fault::StopBefore,
            Fault::StopAfter,
            Fault::FullFrom,
            Fault::Fail(ErrorKind::StorageFull),
        ] {
            try_at(Count::Changes, at, fault);
        }
    }
    for at in 1..=calls {
        for kind in [ErrorKind::Other, ErrorKind::PermissionDenied] {
            try_at(Count::Calls, at, Fault::Fail(kind));
        }
    }
    println!("{name}: {points} points tried, of {changes} changes");
}

fn forms(at: u64) -> impl Iterator<Item = Found> {
    let plain = [Found::Nothing, Found::Everything, Found::NamesOnly, Found::Torn];
    let random = (0..SEEDS).map(move |seed| Found::Random(at * SEEDS + seed));
    plain.into_iter().chain(random)
}

/// The size of each of the two files of the log in these tests, for about eight entries.
const SEGMENT: u64 = 512;
const KEPT: usize = 8;

/// Writes entries, every third of them important. Returns those that were written.
fn log_story(files: &CrashFs) -> Vec<(u64, bool)> {
    let Ok(store) = open(files) else { return Vec::new() };
    let log = DeviceLog::with_segment(&store, SEGMENT);
    let mut written = Vec::new();
    for number in 1..=26 {
        let is_important = number % 3 == 0;
        write(&log, number, is_important);
        if log.is_complete() {
            written.push((number, is_important));
        }
    }
    written
}

fn write(log: &DeviceLog, number: u64, is_important: bool) {
    let event = if is_important {
        LogEvent::Applied
    } else {
        LogEvent::Check
    };
    log.write(&log.entry(event).with_code(&number.to_string()));
}

fn entries(log: &DeviceLog) -> Vec<u64> {
    let all = log.entries().unwrap();
    let damaged = all.iter().filter(|entry| entry.event == LogEvent::LogDamaged).count();
    assert!(damaged <= 3, "{all:?}");
    all.iter()
        .filter_map(|entry| entry.code.as_ref())
        .map(|code| code.parse().unwrap())
        .collect()
}

#[test]
fn a_crash_anywhere_loses_no_written_entry_of_the_log_and_damages_no_later_one() {
    disturb("log", log_story, |files, written, (disturbed, lost)| {
        let log = DeviceLog::with_segment(&open(files).unwrap(), SEGMENT);
        let found = entries(&log);
        assert!(found.is_sorted(), "{found:?}\n{}", files.history());
        let newest = &written[written.len().saturating_sub(KEPT)..];
        for (number, is_important) in newest {
            let is_lost = !found.contains(number) && (*is_important || lost == Lost::Process);
            assert!(!is_lost, "{number} of {written:?} is lost: {found:?}");
        }
        if disturbed == Disturbed::Stopped {
            let last = written.last().map_or(0, |(number, _)| *number);
            assert!(
                found.iter().all(|number| *number <= last + 1),
                "{found:?} after {written:?}"
            );
        }

        if (disturbed, lost) == (Disturbed::Failed, Lost::Process) {
            // Only the process that ended knew that a sync had failed.
            return;
        }
        // Important, so that it is durable.
        write(&log, 999, true);
        write(&log, 1000, true);

        let later = files.power_loss(Found::Nothing);
        let found = entries(&DeviceLog::with_segment(&open(&later).unwrap(), SEGMENT));
        assert_eq!(found[found.len() - 2..], [999, 1000]);
        for name in ["log.jsonl", "log.1.jsonl"] {
            let size = files.size(&Path::new(ROOT).join(name)).unwrap_or_default();
            assert!(size <= SEGMENT, "{name} has {size} bytes");
        }
    });
}

const LIMIT: usize = 5;

/// The queue as the process reported it, and after the call that was stopped.
#[derive(Debug, Clone, Default)]
struct Reported {
    waiting: Vec<u64>,
    afterwards: Vec<u64>,
    /// Reports that a call was to remove, whether or not it succeeded.
    removed: Vec<u64>,
    is_complete: bool,
}

impl Reported {
    /// Notes the result of a call that changes the queue.
    fn note(&mut self, is_done: bool, change: impl FnOnce(&mut Vec<u64>)) {
        change(&mut self.afterwards);
        let surplus = self.afterwards.len().saturating_sub(LIMIT);
        self.removed.extend(self.afterwards.drain(..surplus));
        self.is_complete = is_done;
        if is_done {
            self.waiting.clone_from(&self.afterwards);
        }
    }
}

fn queue_of(store: &Store) -> ReportQueue {
    ReportQueue::with_limit(store, &DeviceLog::of(store), true, LIMIT)
}

fn push(queue: &ReportQueue, number: u64) -> bool {
    queue.push(Report::new("set", &number.to_string(), Timestamp(number)).unwrap())
}

fn waiting(queue: &ReportQueue) -> Vec<u64> {
    queue.pending(99).iter().map(|pending| pending.report.at.0).collect()
}

/// Pushes more than fit, and acknowledges some in between.
fn reports_story(files: &CrashFs) -> Reported {
    let mut reported = Reported::default();
    let Ok(store) = open(files) else { return reported };
    let queue = queue_of(&store);
    for number in 1..=10 {
        let is_done = push(&queue, number);
        reported.note(is_done, |waiting| waiting.push(number));
        if files.is_dead() {
            return reported;
        }
        if number % 4 == 0 {
            let sent = queue.pending(2);
            let ids: Vec<ReportId> = sent.iter().map(|pending| pending.id.clone()).collect();
            let numbers: Vec<u64> = sent.iter().map(|pending| pending.report.at.0).collect();
            reported.removed.extend(&numbers);
            let is_done = queue.acknowledge(&ids);
            reported.note(is_done, |waiting| waiting.retain(|number| !numbers.contains(number)));
        }
        if files.is_dead() {
            return reported;
        }
    }
    reported
}

#[test]
fn a_crash_anywhere_loses_no_report_and_brings_back_none() {
    disturb("reports", reports_story, |files, reported, (disturbed, lost)| {
        let store = open(files).unwrap();
        let queue = queue_of(&store);
        let found = waiting(&queue);
        assert!(found.is_sorted() && found.len() <= LIMIT, "{found:?}");
        match disturbed {
            Disturbed::Stopped => assert!(
                found == reported.waiting || found == reported.afterwards,
                "{found:?} after {reported:?}"
            ),
            Disturbed::Failed if reported.is_complete => assert_eq!(found, reported.waiting),
            Disturbed::Failed => {
                let mut expected = reported.waiting.iter();
                let is_there = |number: &u64| found.contains(number) || reported.removed.contains(number);
                assert!(expected.all(is_there), "{found:?} after {reported:?}");
            }
        }

        assert!(push(&queue, 99));

        if (disturbed, lost) == (Disturbed::Failed, Lost::Process) {
            // Only the process that ended knew that a sync had failed.
            return;
        }
        let later = files.power_loss(Found::Nothing);
        let expected = [&found[..], &[99]].concat();
        let expected = &expected[expected.len().saturating_sub(LIMIT)..];
        assert_eq!(waiting(&queue_of(&open(&later).unwrap())), expected);
        assert!(store.take_warnings().is_empty());
    });
}

/// Changes the settings. Returns the last change that was done, and the last one that was attempted.
fn settings_story(files: &CrashFs) -> (u64, u64) {
    let Ok(store) = open(files) else { return (0, 0) };
    let settings = SettingsFile::of(&store, &DeviceLog::of(&store));
    let (mut done, mut attempted) = (0, 0);
    for number in 1..=4 {
        attempted = number;
        if settings.change(checked_at(number)).is_ok() {
            done = number;
        }
        if files.is_dead() {
            break;
        }
    }
    (done, attempted)
}

fn checked_at(number: u64) -> impl FnOnce(&mut Settings) {
    move |settings| {
        settings.last_check = Some(Timestamp(number));
        settings.default_channel = Some(format!("channel-{number}"));
    }
}

#[test]
fn a_crash_anywhere_leaves_the_old_or_the_new_settings() {
    disturb("settings", settings_story, |files, (done, attempted), _| {
        let store = open(files).unwrap();
        let settings = SettingsFile::of(&store, &DeviceLog::of(&store));
        let found = settings.load().unwrap();
        let number = found.last_check.unwrap_or_default().0;
        assert!(
            (*done..=*attempted).contains(&number),
            "{number}, not {done} or {attempted}"
        );
        let channel = (number > 0).then(|| format!("channel-{number}"));
        assert_eq!(found.default_channel, channel, "a mixture");

        settings.change(checked_at(99)).unwrap();

        let warnings = store.take_warnings();
        assert!(warnings.is_empty(), "nothing was damaged: {warnings:?}");
        let later = open(&files.power_loss(Found::Nothing)).unwrap();
        let later = SettingsFile::of(&later, &DeviceLog::of(&later)).load().unwrap();
        assert_eq!(later.last_check, Some(Timestamp(99)));
    });
}
