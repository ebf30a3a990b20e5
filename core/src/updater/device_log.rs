//! The device log: a durable, bounded record of what happened to the bundles of a device, and why.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::line_file::{LineFile, PATIENCE, Rotation, read_lines};
use super::log_entry::{LogEntry, LogEvent};
use crate::error::{Error, Result};
use crate::store::{SideFiles, Store};

const NEW: &str = "log.jsonl";
const OLD: &str = "log.1.jsonl";
const LOCK: &str = "log.lock";
/// Maximum bytes of each of the two files: about 800 entries, a year of a device with a launch and a check a day.
const SEGMENT: u64 = 128 << 10;
/// No entry comes near it, since each text is cut.
const MAX_LINE: usize = 4 << 10;
/// A longer file was not written by this log. Several times the limit, since an earlier version may have kept more.
const MAX_READ: u64 = 1 << 20;

/// What happened to the bundles of a device: launches, checks, downloads, installations and fall-backs, with reasons.
/// It answers why a device serves the bundle that it serves.
///
/// At most 256 KiB in the store's folder, the newest entries: `log.jsonl`, and `log.1.jsonl` with older ones. Each line
/// is one JSON object. An entry survives the end of the process. Entries that say why another bundle is served
/// (installed, applied, confirmed, fell back, failed, reset) survive a power cut, too.
///
/// Clones are the same log. Several processes can write and read it at the same time.
#[derive(Clone)]
pub struct DeviceLog(Arc<Inner>);

struct Inner {
    files: SideFiles,
    file: LineFile,
    rotation: Rotation,
    unwritten: Mutex<Unwritten>,
}

/// The entries that could not be written since the last one that was.
#[derive(Default)]
struct Unwritten {
    count: u64,
    /// Why the first of them could not be written.
    problem: String,
}

impl DeviceLog {
    /// The log of a store.
    #[must_use]
    pub fn of(store: &Store) -> Self {
        Self::with_segment(store, SEGMENT)
    }

    pub(super) fn with_segment(store: &Store, limit: u64) -> Self {
        let files = store.side_files();
        Self(Arc::new(Inner {
            file: LineFile::new(files.clone(), NEW, LOCK),
            files,
            rotation: Rotation { into: OLD, limit },
            unwritten: Mutex::default(),
        }))
    }

    /// The entries, oldest first.
    ///
    /// A line that cannot be read is an entry that says so ([`LogEvent::LogDamaged`]), and an event of a later version
    /// is [`LogEvent::Unknown`]. An entry that was only written in part because the process ended is left out.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) if a file cannot be read, for example before the first unlock of the device.
    pub fn entries(&self) -> Result<Vec<LogEntry>> {
        // Against rotation between the two files. Without the lock, entries may be missing; reading must still work on
        // a disk on which nothing can be locked.
        let _lock = self.0.file.lock(PATIENCE);
        let mut entries = Vec::new();
        for name in [OLD, NEW] {
            match read_lines(&self.0.files, name, MAX_READ) {
                Ok(lines) => entries.extend(lines.iter().map(|line| LogEntry::of_line(line))),
                Err(error @ Error::Corrupt { .. }) => entries.push(LogEntry::unreadable(&error.to_string())),
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    /// A new entry, at the time of the store's clock.
    pub(crate) fn entry(&self, event: LogEvent) -> LogEntry {
        LogEntry::new(self.0.files.now(), event)
    }

    /// Appends an entry. An important one is durable when it returns, see [`LogEvent::is_important`]; any other is one
    /// write and waits for no disk.
    ///
    /// Never fails: the first of several errors in a row is a [warning](Store::take_warnings), and the next entry that
    /// can be written is preceded by one that says how many are missing.
    pub(crate) fn write(&self, entry: &LogEntry) {
        // Locked until it is written, so that entries of threads are in the order of their times.
        let mut unwritten = self.0.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = Vec::new();
        if unwritten.count > 0 {
            let missing = self.entry(LogEvent::LogDamaged).with_count(unwritten.count);
            let text = format!("entries that could not be written: {}", unwritten.problem);
            lines.push(line_of(&missing.with_text(&text)));
        }
        lines.push(line_of(entry));
        match self.append(&lines, entry.event.is_important()) {
            Ok(()) => *unwritten = Unwritten::default(),
            Err(error) => {
                unwritten.count += 1;
                if unwritten.count == 1 {
                    unwritten.problem = error.to_string();
                    self.0.files.warn(error);
                }
            }
        }
    }

    /// Whether every entry was written.
    #[cfg(test)]
    pub(super) fn is_complete(&self) -> bool {
        let unwritten = self.0.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        unwritten.count == 0
    }

    fn append(&self, lines: &[String], durable: bool) -> Result<()> {
        let Inner { file, rotation, .. } = &*self.0;
        if durable && file.is_suspect() {
            file.renew(MAX_READ)?;
        }
        let added = lines.iter().map(|line| line.len() as u64 + 2).sum();
        file.make_room(added, rotation)?;
        file.append(lines, durable).map(|_| ())
    }
}

fn line_of(entry: &LogEntry) -> String {
    let line = entry.json();
    if line.len() <= MAX_LINE {
        return line;
    }
    // Members of a later version, or texts that were not set by the methods that cut them.
    let text = format!("an entry of {} bytes, which is too long", line.len());
    LogEntry::new(entry.at, entry.event.clone()).with_text(&text).json()
}

impl fmt::Debug for DeviceLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("DeviceLog")
            .field("files", &self.0.files)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
