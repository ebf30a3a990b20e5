//! Reports for the statistics of a server, kept until the server has received them.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};

use super::device_log::DeviceLog;
use super::line_file::LineFile;
use super::log_entry::LogEvent;
use crate::error::{Error, Result};
use crate::io::vfs::Lock;
use crate::json::compact;
use crate::store::{SideFiles, Store};
use crate::time::Timestamp;
use crate::update::protocol::is_known_action;

const NAME: &str = "reports.jsonl";
const LOCK: &str = "reports.lock";
/// Maximum number of waiting reports, as many as Capgo's plugin keeps.
const MAX_REPORTS: usize = 200;
/// Maximum bytes of the name of a version. A report about a file names the file, too.
const MAX_NAME: usize = 256;
/// A longer file was not written by this queue.
const MAX_READ: u64 = 1 << 20;

/// An event for the statistics of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// One of the actions of [`is_known_action`].
    pub(crate) action: String,
    /// The version that it is about.
    pub(crate) version_name: String,
    /// The version before, or empty.
    pub(crate) old_version_name: String,
    /// When it happened.
    pub(crate) at: Timestamp,
}

impl Report {
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if servers do not know the action.
    pub(crate) fn new(action: &str, version_name: &str, at: Timestamp) -> Result<Self> {
        if !is_known_action(action) {
            let problem = "expected an action that update servers accept".to_owned();
            return Err(Error::invalid_input(format!("report \"{action}\""), problem));
        }
        Ok(Self {
            action: action.to_owned(),
            version_name: cut(version_name),
            old_version_name: String::new(),
            at,
        })
    }

    pub(crate) fn with_old_version_name(mut self, name: &str) -> Self {
        self.old_version_name = cut(name);
        self
    }
}

/// The id of a waiting report: random, so that processes need not agree on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReportId(String);

impl ReportId {
    fn random() -> Result<Self> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(Error::random)?;
        Ok(Self(format!("{:016x}", u64::from_be_bytes(bytes))))
    }
}

/// A report that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingReport {
    /// Names it in [`ReportQueue::acknowledge`].
    pub(crate) id: ReportId,
    pub(crate) report: Report,
}

/// The waiting reports of a device, at most 200, the newest.
///
/// No call fails or waits long, since an update must not depend on statistics. If the file cannot be locked or written,
/// the change is kept in memory and written by the next call. Threads and processes may use the same queue.
pub(crate) struct ReportQueue {
    files: SideFiles,
    file: LineFile,
    log: DeviceLog,
    limit: usize,
    is_on: AtomicBool,
    memory: Mutex<Memory>,
}

/// What the file does not contain yet, and what is known about the file.
#[derive(Debug, Default)]
struct Memory {
    unwritten: Vec<PendingReport>,
    acknowledged: Vec<ReportId>,
    /// Reports dropped from `unwritten`.
    dropped: u64,
    /// Size of the file and number of its reports, after the last change.
    known: Option<(u64, usize)>,
    /// Whether the last change failed, so that a warning was given.
    has_failed: bool,
}

/// The contents of the file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Contents {
    reports: Vec<PendingReport>,
    dropped: Dropped,
    /// Lines that are not reports.
    unreadable: u64,
}

/// The reports that did not fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Dropped {
    count: u64,
    /// Whether the log says so. Once for each time that the queue is full, not for each report.
    is_logged: bool,
}

impl ReportQueue {
    /// The queue of a store. While it is not on, reports are ignored, and none are pending.
    pub(crate) fn of(store: &Store, log: &DeviceLog, is_on: bool) -> Self {
        Self::with_limit(store, log, is_on, MAX_REPORTS)
    }

    pub(super) fn with_limit(store: &Store, log: &DeviceLog, is_on: bool, limit: usize) -> Self {
        let files = store.side_files();
        Self {
            file: LineFile::new(files.clone(), NAME, LOCK),
            files,
            log: log.clone(),
            limit,
            is_on: AtomicBool::new(is_on),
            memory: Mutex::default(),
        }
    }

    /// Turns the queue on or off.
    pub(crate) fn set_on(&self, is_on: bool) {
        self.is_on.store(is_on, Ordering::Relaxed);
    }

    #[cfg(test)]
    /// Adds a report. Waits for the disk, so not for a launch: see [`push_without_sync`](Self::push_without_sync).
    ///
    /// Returns whether it is durable. Otherwise it is in memory, and the next call writes it.
    pub(crate) fn push(&self, report: Report) -> bool {
        self.add(report, true)
    }

    /// As [`push`](Self::push), without waiting for the disk: the report survives the end of the process, and a power
    /// cut only after a later durable change.
    pub(crate) fn push_without_sync(&self, report: Report) -> bool {
        self.add(report, false)
    }

    /// The waiting reports, oldest first, at most `max`. They stay until they are
    /// [acknowledged](Self::acknowledge), so a crash after sending them sends them again.
    pub(crate) fn pending(&self, max: usize) -> Vec<PendingReport> {
        let mut memory = self.memory();
        if !self.is_on() {
            return Vec::new();
        }
        self.write_out(&mut memory, true);
        let mut reports = match self.contents() {
            Ok(contents) => contents.reports,
            Err(error) => {
                self.note(&mut memory, Err(error));
                Vec::new()
            }
        };
        reports.retain(|pending| !memory.acknowledged.contains(&pending.id));
        add_missing(&mut reports, &memory.unwritten);
        reports.drain(..reports.len().saturating_sub(self.limit));
        reports.truncate(max);
        reports
    }

    /// Removes reports that the server has received. Returns whether that is durable. Otherwise the next call of this
    /// process writes it, and a process that is started before sends them again.
    pub(crate) fn acknowledge<'a>(&self, ids: impl IntoIterator<Item = &'a ReportId>) -> bool {
        let mut memory = self.memory();
        for id in ids {
            if !memory.acknowledged.contains(id) {
                memory.acknowledged.push(id.clone());
            }
        }
        let Memory {
            unwritten,
            acknowledged,
            ..
        } = &mut *memory;
        unwritten.retain(|pending| !acknowledged.contains(&pending.id));
        self.write_out(&mut memory, true)
    }

    /// Removes all reports, for an app whose user does not want to send any.
    pub(crate) fn clear(&self) -> Result<()> {
        let mut memory = self.memory();
        *memory = Memory::default();
        let _lock = self.file.lock(super::line_file::PATIENCE)?;
        self.files.remove(NAME)?;
        self.files.sync_names()
    }

    #[cfg(test)]
    /// The number of reports that were dropped since the queue was [cleared](Self::clear), because it was full.
    pub(crate) fn dropped(&self) -> u64 {
        let memory = self.memory();
        let written = self.contents().map_or(0, |contents| contents.dropped.count);
        written + memory.dropped
    }

    fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    fn add(&self, report: Report, durable: bool) -> bool {
        let mut memory = self.memory();
        if !self.is_on() {
            return true;
        }
        let id = match ReportId::random() {
            Ok(id) => id,
            Err(error) => {
                self.note(&mut memory, Err(error));
                return false;
            }
        };
        memory.unwritten.push(PendingReport { id, report });
        let surplus = memory.unwritten.len().saturating_sub(self.limit);
        memory.unwritten.drain(..surplus);
        memory.dropped += surplus as u64;
        self.write_out(&mut memory, durable)
    }

    /// Writes what is only in memory. Returns whether everything is written.
    fn write_out(&self, memory: &mut Memory, durable: bool) -> bool {
        if memory.unwritten.is_empty() && memory.acknowledged.is_empty() {
            return true;
        }
        let written = match self.lock() {
            Ok(Some(_lock)) => self.write_locked(memory, durable).map(|()| true),
            Ok(None) => return false,
            Err(error) => Err(error),
        };
        self.note(memory, written)
    }

    /// The first of several errors in a row is a warning.
    fn note(&self, memory: &mut Memory, written: Result<bool>) -> bool {
        match written {
            Ok(written) => {
                memory.has_failed = false;
                written
            }
            Err(error) => {
                if !memory.has_failed {
                    self.files.warn(error);
                }
                memory.has_failed = true;
                false
            }
        }
    }

    /// `None` if another process or thread holds the lock now.
    fn lock(&self) -> Result<Option<Box<dyn Lock>>> {
        match self.file.lock(Duration::ZERO) {
            Ok(lock) => Ok(Some(lock)),
            Err(Error::Busy { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write_locked(&self, memory: &mut Memory, durable: bool) -> Result<()> {
        let is_addition = memory.acknowledged.is_empty() && memory.dropped == 0 && !self.file.is_suspect();
        if is_addition
            && let Some(count) = self.count(memory.known.take())?
            && count + memory.unwritten.len() <= self.limit
        {
            let lines: Vec<String> = memory.unwritten.iter().map(PendingReport::line).collect();
            let size = self.file.append(&lines, durable)?;
            memory.known = Some((size, count + lines.len()));
            memory.unwritten.clear();
            return Ok(());
        }
        self.rewrite(memory)
    }

    /// The number of reports in the file, which is read only if another process changed it. `None` if it must be
    /// rewritten.
    fn count(&self, known: Option<(u64, usize)>) -> Result<Option<usize>> {
        if let Some((size, count)) = known
            && self.file.size()? == size
        {
            return Ok(Some(count));
        }
        match self.contents() {
            Ok(contents) => Ok((contents.unreadable == 0).then_some(contents.reports.len())),
            Err(Error::Corrupt { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Merges the file with what is in memory.
    fn rewrite(&self, memory: &mut Memory) -> Result<()> {
        let mut contents = match self.contents() {
            Ok(contents) => contents,
            // Not a queue, so there is nothing to keep.
            Err(error @ Error::Corrupt { .. }) => {
                let entry = self.log.entry(LogEvent::LogDamaged);
                self.log.write(&entry.with_error(&error));
                Contents::default()
            }
            Err(error) => return Err(error),
        };
        if contents.unreadable > 0 {
            let entry = self.log.entry(LogEvent::LogDamaged).with_count(contents.unreadable);
            self.log.write(&entry.with_text("reports that cannot be read"));
        }
        let Contents { reports, dropped, .. } = &mut contents;
        let before = reports.len();
        reports.retain(|pending| !memory.acknowledged.contains(&pending.id));
        if reports.len() < before {
            dropped.is_logged = false;
        }
        add_missing(reports, &memory.unwritten);
        let surplus = reports.len().saturating_sub(self.limit);
        reports.drain(..surplus);
        dropped.count += surplus as u64 + memory.dropped;
        if !dropped.is_logged && (surplus > 0 || memory.dropped > 0) {
            let entry = self.log.entry(LogEvent::ReportsDropped).with_count(dropped.count);
            self.log
                .write(&entry.with_text("the queue is full, the oldest are dropped"));
            dropped.is_logged = true;
        }
        let size = self.file.rewrite(&contents.lines())?;
        *memory = Memory {
            known: Some((size, contents.reports.len())),
            has_failed: memory.has_failed,
            ..Memory::default()
        };
        Ok(())
    }

    fn contents(&self) -> Result<Contents> {
        let mut contents = Contents::default();
        for line in self.file.read(MAX_READ)? {
            match serde_json::from_slice(&line) {
                Ok(Value::Object(members)) => contents.read(&members),
                _ => contents.unreadable += 1,
            }
        }
        Ok(contents)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn read(&mut self, members: &Map<String, Value>) {
        if let Some(count) = members.get("dropped").and_then(Value::as_u64) {
            let is_logged = members.get("logged").and_then(Value::as_bool).unwrap_or_default();
            self.dropped = Dropped { count, is_logged };
        } else if let Some(report) = PendingReport::of_members(members) {
            // A call that failed after its write has repeated it.
            if !self.reports.iter().any(|known| known.id == report.id) {
                self.reports.push(report);
            }
        } else {
            self.unreadable += 1;
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.dropped != Dropped::default() {
            let mut members = Map::new();
            members.insert("dropped".to_owned(), self.dropped.count.into());
            members.insert("logged".to_owned(), self.dropped.is_logged.into());
            lines.push(compact(&Value::Object(members)));
        }
        lines.extend(self.reports.iter().map(PendingReport::line));
        lines
    }
}

impl PendingReport {
    fn line(&self) -> String {
        let mut members = Map::new();
        members.insert("at".to_owned(), self.report.at.0.into());
        let texts = [
            ("id", &self.id.0),
            ("action", &self.report.action),
            ("version", &self.report.version_name),
            ("old", &self.report.old_version_name),
        ];
        for (name, text) in texts {
            members.insert(name.to_owned(), text.as_str().into());
        }
        compact(&Value::Object(members))
    }

    /// Also with an action that this version does not know: a later one wrote it.
    fn of_members(members: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            id: ReportId(text("id")?),
            report: Report {
                action: text("action")?,
                version_name: text("version")?,
                old_version_name: text("old")?,
                at: Timestamp(members.get("at")?.as_u64()?),
            },
        })
    }
}

/// Adds the reports that are not in the file. One whose write failed may be there.
fn add_missing(reports: &mut Vec<PendingReport>, unwritten: &[PendingReport]) {
    for pending in unwritten {
        if !reports.iter().any(|known| known.id == pending.id) {
            reports.push(pending.clone());
        }
    }
}

fn cut(name: &str) -> String {
    let ends = name.char_indices().map(|(at, character)| at + character.len_utf8());
    let end = ends.take_while(|end| *end <= MAX_NAME).last().unwrap_or_default();
    name[..end].replace(char::is_control, " ")
}

impl fmt::Debug for ReportQueue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReportQueue")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
