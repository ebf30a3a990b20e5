//! Packing a folder into an archive, with the same bytes on every machine and for any number of threads.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tempfile::NamedTempFile;

use super::lint::check::{self, CheckOptions};
use super::lint::walk;
use super::lint::walk::{Entry, Excluded, Scan};
use super::zip::compress;
use super::zip::compress::{Body, Compressed, Compressor};
use super::zip::write::{ArchiveWriter, EntryHeader};
use crate::digest::{Crc32, Sha256Digest};
use crate::error::{Error, IoContext, Result};
use crate::finding::{Finding, FindingCode};
use crate::io::atomic_file;
use crate::io::hashing::HashingWriter;
use crate::io::pipeline::{CHUNK, Pipeline, Window, read_full};
use crate::limits::Limits;
use crate::progress::{Control, Phase, SharedProgress};
use crate::setters::setters;
use crate::size;

/// More threads would wait for the writing thread, and each has buffers.
const MAX_THREADS: usize = 8;
/// Entries compressed ahead of the one being written: enough to keep every thread busy behind a large file, in 16
/// MiB of memory.
const WINDOW: Window = Window {
    count: 4096,
    weight: 16 << 20,
};
const BUFFER: usize = 64 << 10;

/// How to pack.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PackOptions {
    /// The checks before packing, and the files to leave out. A finding that is an error stops packing.
    pub check: CheckOptions,
    /// Number of compressing threads; `None` for one per core, at most eight. The archive does not depend on it.
    pub threads: Option<NonZeroUsize>,
}

impl PackOptions {
    setters! {
        with_check(check: CheckOptions);
        with_threads(threads: impl Into<Option<NonZeroUsize>>);
    }
}

/// The result of [`pack`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Packed {
    /// SHA-256 of the archive.
    pub digest: Sha256Digest,
    /// CRC-32 of the archive, for Capgo plugins before 5.10, 6.25 and 7.0.
    pub crc32: Crc32,
    /// Bytes of the archive.
    pub size: u64,
    /// Total size of all files before compression.
    pub unpacked_size: u64,
    /// Number of files.
    pub files: u64,
    /// Number of folders, without the root.
    pub folders: u64,
    /// The files and folders that were left out.
    pub excluded: Vec<Excluded>,
    /// The warnings of the checks.
    pub findings: Vec<Finding>,
}

/// Packs `folder` into the archive `to`, which is created or replaced atomically.
///
/// The archive is deterministic: it depends only on the names and bytes of the files. Entries are sorted by their
/// UTF-8 path; times and permissions are fixed; the compressor is pinned. Files that do not shrink are stored. Memory
/// is bounded except for about 200 bytes per file. All threads have ended when it returns. A crash may leave a
/// `.capbundle-*.tmp` file beside `to`.
///
/// # Errors
/// [`NotABundle`](crate::ErrorKind::NotABundle) with all findings if the checks find errors, and the errors of
/// [`check`](super::check) itself; [`InvalidInput`](crate::ErrorKind::InvalidInput) if `to` is inside `folder` or a
/// file changes while it is packed; [`NoSpace`](crate::ErrorKind::NoSpace), [`Io`](crate::ErrorKind::Io),
/// [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn pack(folder: &Path, to: &Path, options: &PackOptions, control: &Control) -> Result<Packed> {
    require_outside(folder, to)?;
    let scan = walk::scan(folder, &options.check.ignore, control)?;
    let mut findings = check::check_scan(folder, &scan, &options.check, control)?;
    if findings.iter().any(Finding::is_error) {
        return Err(Error::CheckFailed {
            folder: folder.to_path_buf(),
            findings,
        });
    }
    let mut written = write_archive(folder, to, &scan, options.threads, control)?;
    findings.append(&mut written.findings);
    Ok(Packed {
        digest: written.digest,
        crc32: written.crc32,
        size: written.size,
        unpacked_size: scan.files().map(|entry| entry.size).sum(),
        files: scan.files().count() as u64,
        folders: scan.folders,
        excluded: scan.excluded,
        findings,
    })
}

/// The next run would pack an archive inside its own folder.
fn require_outside(folder: &Path, to: &Path) -> Result<()> {
    let root = folder.canonicalize().with_path("open the folder", folder)?;
    let target = atomic_file::folder_of(to);
    if target
        .canonicalize()
        .with_path("open the folder", target)?
        .starts_with(root)
    {
        let problem = format!(
            "the archive would be inside {}, the folder being packed; write it elsewhere",
            folder.display()
        );
        return Err(Error::invalid_input(to.display().to_string(), problem));
    }
    Ok(())
}

struct WrittenArchive {
    digest: Sha256Digest,
    crc32: Crc32,
    size: u64,
    /// Findings about the finished archive.
    findings: Vec<Finding>,
}

fn write_archive(
    folder: &Path,
    to: &Path,
    scan: &Scan,
    threads: Option<NonZeroUsize>,
    control: &Control,
) -> Result<WrittenArchive> {
    let spool_folder = atomic_file::folder_of(to);
    let target = ArchiveFile::new(atomic_file::temporary_file(spool_folder, atomic_file::SHARED_MODE)?);
    let mut writer = ArchiveWriter::new(BufWriter::with_capacity(CHUNK, target));
    let pipeline = Pipeline::new(scan.entries.len(), WINDOW, |result: &Result<Compressed>| {
        result.as_ref().map_or(0, Compressed::weight)
    });
    let unpacked_size = scan.files().map(|entry| entry.size).sum();
    let progress = SharedProgress::new(control, Phase::Pack, unpacked_size);
    let done = AtomicU64::new(0);
    let count = |bytes| progress.reach(done.fetch_add(bytes, Ordering::Relaxed) + bytes);
    let threads = threads
        .map_or_else(default_threads, NonZeroUsize::get)
        .min(scan.entries.len().max(1));
    let mut findings = thread::scope(|scope| {
        let _stop = pipeline.stop_on_drop();
        for number in 0..threads {
            let worker = || {
                let mut compressor = Compressor::new(spool_folder, control, &count);
                pipeline.work(|number| prepare(&mut compressor, folder, &scan.entries[number]));
            };
            match thread::Builder::new().spawn_scoped(scope, worker) {
                Ok(_) => {}
                // If the system starts no more threads, those that run do the work.
                Err(_) if number > 0 => break,
                Err(error) => return Err(Error::io("start a thread to write", to, error)),
            }
        }
        let mut entries = EntryWriter {
            writer: &mut writer,
            folder,
            to,
            control,
            count: &count,
        };
        entries.write(scan, &pipeline)
    })?;
    let names = scan.entries.iter().map(entry_name);
    let buffered = writer.finish(names).with_path("write", to)?;
    let target = buffered
        .into_inner()
        .map_err(|error| Error::io("write", to, error.into_error()))?;
    let (file, digest, size) = target.hashing.finish();
    control.check("pack")?;
    atomic_file::persist(file, to)?;
    findings.extend(over_expansion(unpacked_size, size));
    Ok(WrittenArchive {
        digest,
        crc32: Crc32::from_hasher(target.crc32),
        size,
        findings,
    })
}

fn default_threads() -> usize {
    thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(MAX_THREADS)
}

fn prepare(compressor: &mut Compressor<'_>, folder: &Path, entry: &Entry) -> Result<Compressed> {
    if entry.is_folder {
        return Ok(Compressed::folder());
    }
    compressor.compress(&entry.path.resolve(folder), entry.size)
}

/// Writes the entries in order.
struct EntryWriter<'a, W> {
    writer: &'a mut ArchiveWriter<W>,
    folder: &'a Path,
    to: &'a Path,
    control: &'a Control,
    /// Called with the number of bytes of each stored piece.
    count: &'a dyn Fn(u64),
}

impl<W: Write> EntryWriter<'_, W> {
    fn write(&mut self, scan: &Scan, pipeline: &Pipeline<Result<Compressed>>) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        for entry in &scan.entries {
            self.control.check("pack")?;
            let Some(result) = pipeline.next_result() else {
                // Only a panic of a worker stops the pipeline here. It reaches the caller when the threads are joined.
                return Err(Error::Cancelled { operation: "pack" });
            };
            let Compressed { header, body } = result?;
            self.writer
                .start_entry(&entry_name(entry), header)
                .with_path("write", self.to)?;
            match body {
                Body::Memory(bytes) => self.writer.write_all(&bytes).with_path("write", self.to)?,
                Body::Spooled(mut spooled) => {
                    io::copy(&mut spooled, self.writer).with_path("write", self.to)?;
                }
                Body::Source { counted } => self.store(&entry.path.resolve(self.folder), &header, counted)?,
            }
            let over = over_expansion(entry.size, header.compressed_size);
            findings.extend(over.map(|finding| finding.in_file(entry.path.as_str())));
        }
        Ok(findings)
    }

    /// Copies a file into the archive and verifies that it still has the size and CRC of the header.
    fn store(&mut self, source: &Path, header: &EntryHeader, counted: bool) -> Result<()> {
        let mut file = File::open(source).with_path("open", source)?.take(header.size);
        let mut hasher = crc32fast::Hasher::new();
        let mut buffer = vec![0; BUFFER];
        let mut done = 0;
        loop {
            self.control.check("pack")?;
            let count = read_full(&mut file, &mut buffer).with_path("read", source)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            self.writer.write_all(&buffer[..count]).with_path("write", self.to)?;
            done += count as u64;
            if !counted {
                (self.count)(count as u64);
            }
        }
        if done == header.size && hasher.finalize() == header.crc32 {
            Ok(())
        } else {
            Err(compress::changed(source))
        }
    }
}

/// Devices refuse such a high compression ratio as a decompression bomb.
fn over_expansion(size: u64, compressed_size: u64) -> Option<Finding> {
    let limits = Limits::default();
    limits.expands_too_far(size, compressed_size).then(|| {
        let message = format!(
            "{} shrink to {}; devices refuse more than {} : 1 by default",
            size::text(size),
            size::text(compressed_size),
            limits.expansion_ratio
        );
        Finding::warning(FindingCode::OverDeviceLimit, message)
    })
}

fn entry_name(entry: &Entry) -> String {
    if entry.is_folder {
        format!("{}/", entry.path)
    } else {
        entry.path.to_string()
    }
}

/// The file of the archive. Computes both its digests.
struct ArchiveFile {
    hashing: HashingWriter<NamedTempFile>,
    crc32: crc32fast::Hasher,
}

impl ArchiveFile {
    fn new(file: NamedTempFile) -> Self {
        Self {
            hashing: HashingWriter::new(file),
            crc32: crc32fast::Hasher::new(),
        }
    }
}

impl Write for ArchiveFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.hashing.write(bytes)?;
        self.crc32.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hashing.flush()
    }
}

#[cfg(test)]
mod tests;
