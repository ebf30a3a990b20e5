//! Fetching files of a remote archive without the rest of it, by HTTP ranges.
//!
//! [`RangedArchive::open`] fetches the directory at the end of the archive, [`fetch`](RangedArchive::fetch) the entries
//! of some files; ranges close to each other are joined. A sealed archive works as well: its segments open at random.
//!
//! The file list is proved, the archive is not: only its whole content has a digest. So the directory and every entry
//! are untrusted input, and the receiver of a file compares its digest with the list. An archive that differs from its
//! list in any way, or has features that need more than a directory (zip64, a comment, a top folder that unpacking
//! strips), is refused. The caller then downloads the whole archive, so no error is final.

mod directory;
mod plan;
mod source;
mod splitter;
mod spool;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::bundle::parts::{DirectoryPlace, END_RECORD_LEN, content_error, record_len};
use crate::error::{Error, Result};
use crate::http::Transport;
pub use crate::http::download::Traffic;
use crate::http::download::{Download, RemoteFile};
use crate::io::vfs::{Disk, Files};
use crate::keys::ContentKey;
use crate::progress::Control;
use crate::release::{BundleIdentity, FileList, ListedFile};
use crate::sealed::SegmentOpener;
use crate::setters::setters;
use directory::Directory;
pub use plan::RangeCost;
use plan::RangePlan;
use source::Source;
use splitter::Splitter;
pub use splitter::TakeFile;
use spool::Spool;

/// Added to the expected length of the directory, so that a few entries more need no second request.
const SPARE_DIRECTORY_BYTES: u64 = 256;
/// A directory may be this many times as long as expected, because of extra fields, and [`MORE_DIRECTORY_BYTES`]
/// longer.
const DIRECTORY_FACTOR: u64 = 4;
/// See [`DIRECTORY_FACTOR`].
const MORE_DIRECTORY_BYTES: u64 = 64 << 10;

/// An archive of which parts are fetched.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RangeRequest<'a> {
    /// Where the archive is, and how to download it. Larger entries are kept in temporary files in its folder, one at a
    /// time; a crash may leave `<name>.ranges` and `<name>.directory` there.
    pub archive: Download<'a>,
    /// The archive that the release names, plain or sealed. It has the size; the one in `archive` is ignored.
    pub bundle: &'a BundleIdentity,
    /// The file list that the release names.
    pub list: &'a FileList,
    /// The keys that may open a sealed archive.
    pub keys: &'a [&'a ContentKey],
    /// The file system of the folder.
    disk: &'a dyn Files,
}

impl<'a> RangeRequest<'a> {
    /// Parts of an archive that no content key is needed for.
    #[must_use]
    pub fn new(archive: Download<'a>, bundle: &'a BundleIdentity, list: &'a FileList) -> Self {
        Self {
            archive,
            bundle,
            list,
            keys: &[],
            disk: &Disk,
        }
    }

    setters! {
        with_keys(keys: &'a [&'a ContentKey]);
    }

    /// Keeps temporary files on this file system.
    pub(crate) fn on(mut self, disk: &'a dyn Files) -> Self {
        self.disk = disk;
        self
    }

    /// Whether parts of this cost are so much of the archive that fetching it as a whole is better.
    pub(crate) fn is_most_of_archive(&self, bytes: u64) -> bool {
        plan::is_most(bytes, self.size())
    }

    /// Bytes of the archive on the server.
    fn size(&self) -> u64 {
        self.bundle
            .sealed
            .map_or(self.bundle.archive.size, |sealed| sealed.size)
    }

    /// Bytes that fetching `wanted` is expected to cost, without a request: the directory, and a share of the archive
    /// by size.
    #[must_use]
    pub fn estimated_bytes(&self, wanted: &[&ListedFile]) -> u64 {
        let archive = self.size();
        let size =
            |files: &mut dyn Iterator<Item = &ListedFile>| files.map(|file| file.size).fold(0, u64::saturating_add);
        let all = size(&mut self.list.files().iter());
        let wanted = size(&mut wanted.iter().copied());
        let share = u128::from(archive) * u128::from(wanted) / u128::from(all.max(1));
        let share = u64::try_from(share).unwrap_or(u64::MAX).min(archive);
        share.saturating_add(expected_tail(self.list)).min(archive)
    }
}

/// Bytes of the directory and the end record, if [`pack`](crate::bundle::pack()) wrote the archive.
fn expected_tail(list: &FileList) -> u64 {
    let records: u64 = list.files().iter().map(|file| record_len(file.path.as_str())).sum();
    records + END_RECORD_LEN as u64 + SPARE_DIRECTORY_BYTES
}

/// An archive on a server whose directory is known.
pub struct RangedArchive<'a> {
    request: RangeRequest<'a>,
    source: Source<'a>,
    directory: Directory,
}

impl<'a> RangedArchive<'a> {
    /// Fetches the directory, and the header of a sealed archive.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if the server has no ranges, after one request;
    /// [`UnsafeArchive`](crate::ErrorKind::UnsafeArchive) if the directory is invalid, has unsupported features or does
    /// not match the list; the errors of [`download`](crate::http::download::download()) and, for a sealed archive, of
    /// opening it.
    pub fn open(transport: &'a dyn Transport, request: RangeRequest<'a>, control: &Control) -> Result<Self> {
        let Download { remote, options, .. } = request.archive;
        let file = RemoteFile::new(transport, &remote.url, &remote.headers, request.size(), options);
        let mut source = open_source(file, &request, control)?;
        let directory = fetch_directory(&mut source, &request, control)?;
        Ok(Self {
            request,
            source,
            directory,
        })
    }

    /// What [`fetch`](Self::fetch) of these files of the list would cost.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a file that is not in the list;
    /// [`UnsafeArchive`](crate::ErrorKind::UnsafeArchive) if entries overlap.
    pub fn cost(&self, wanted: &[&ListedFile]) -> Result<RangeCost> {
        Ok(self.plan(wanted)?.cost)
    }

    /// What this archive cost so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.source.traffic()
    }

    /// Fetches these files of the list and passes each to `take` as soon as it is complete, in the order of the
    /// archive.
    ///
    /// After an error, the files that `take` accepted are complete; the next call need not fetch them.
    ///
    /// # Errors
    /// Those of `take`; [`UnsafeArchive`](crate::ErrorKind::UnsafeArchive) if an entry is damaged or does not
    /// match the directory; [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) for a changed segment;
    /// [`Server`](crate::ErrorKind::Server) if the archive changed since its directory was fetched; the errors of
    /// [`download`](crate::http::download::download()).
    pub fn fetch(&mut self, wanted: &[&ListedFile], take: TakeFile<'_>, control: &Control) -> Result<()> {
        let plan = self.plan(wanted)?;
        self.source.expect(plan.cost.bytes);
        let archive = self.request.path();
        let mut spool = self.request.spool("ranges");
        let mut splitter = Splitter::new(&mut spool, &archive, take);
        let fetched = plan.batches().try_for_each(|batch| {
            let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
                return Ok(());
            };
            splitter.start(batch);
            let range = first.range.start..last.range.end;
            self.source.fetch(&range, &mut |bytes| splitter.take(bytes), control)
        });
        spool.clear().and(fetched)
    }

    fn plan<'b>(&self, wanted: &[&'b ListedFile]) -> Result<RangePlan<'b>> {
        let archive = self.request.path();
        let places = wanted
            .iter()
            .map(|file| self.directory.place(file, self.request.list, &archive));
        Ok(RangePlan::of(places.collect::<Result<_>>()?, &self.source))
    }
}

impl fmt::Debug for RangedArchive<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RangedArchive")
            .field("archive", &self.request.archive.remote.url)
            .field("traffic", &self.traffic())
            .finish_non_exhaustive()
    }
}

impl<'a> RangeRequest<'a> {
    /// Names the archive in errors.
    fn path(&self) -> PathBuf {
        PathBuf::from(self.archive.remote.url.to_string())
    }

    fn spool(&self, ending: &str) -> Spool<'a> {
        let name = format!("{}.{ending}", self.archive.remote.name());
        Spool::new(self.disk, self.archive.folder.join(name))
    }
}

fn open_source<'a>(file: RemoteFile<'a>, request: &RangeRequest<'a>, control: &Control) -> Result<Source<'a>> {
    let Some(expected) = request.bundle.expected_sealed() else {
        return Ok(Source::plain(file));
    };
    let mut file = file;
    let length = SegmentOpener::header_len(&expected);
    let mut start = Vec::new();
    file.expect(length);
    file.fetch(
        &(0..length),
        &mut |bytes| {
            start.extend_from_slice(bytes);
            Ok(())
        },
        control,
    )?;
    let opener = SegmentOpener::new(&start, &request.path(), request.keys, &expected)?;
    Ok(Source::sealed(file, opener, expected.plain_size))
}

/// Fetches the end of the archive, and the rest of the directory if it is longer than expected.
fn fetch_directory(source: &mut Source<'_>, request: &RangeRequest<'_>, control: &Control) -> Result<Directory> {
    let archive = request.path();
    let mut tail = request.spool("ranges");
    let mut front = request.spool("directory");
    let read = read_directory(source, request, [&mut front, &mut tail], &archive, control);
    front.clear().and(tail.clear()).and(read)
}

fn read_directory(
    source: &mut Source<'_>,
    request: &RangeRequest<'_>,
    [front, tail]: [&mut Spool<'_>; 2],
    archive: &Path,
    control: &Control,
) -> Result<Directory> {
    let size = source.size();
    let expected = expected_tail(request.list);
    let start = source.widened(size.saturating_sub(expected)..size).start;
    source.expect_range(&(start..size));
    source.fetch(&(start..size), &mut |bytes| tail.write(bytes), control)?;
    let refuse = |error| content_error(error, archive, None);
    let mut end_record = [0; END_RECORD_LEN];
    let place = {
        let mut end = tail.reader()?;
        spool::skip(&mut end, (size - start).saturating_sub(END_RECORD_LEN as u64)).map_err(refuse)?;
        end.read_exact(&mut end_record).map_err(refuse)?;
        DirectoryPlace::read(&end_record, size).map_err(refuse)?
    };
    let most = expected * DIRECTORY_FACTOR + MORE_DIRECTORY_BYTES;
    if place.end - place.start > most {
        let what = "the size of the archive's directory";
        return Err(Error::LimitExceeded {
            path: archive.to_path_buf(),
            entry: None,
            what,
            limit: most,
        });
    }
    let missing = place.start..start.max(place.start);
    source.expect_range(&missing);
    source.fetch(&missing, &mut |bytes| front.write(bytes), control)?;
    let (front, mut tail) = (front.reader()?, tail.reader()?);
    spool::skip(&mut tail, place.start.saturating_sub(start)).map_err(refuse)?;
    Directory::read(&place, &mut front.chain(tail), request.list).map_err(refuse)
}

#[cfg(all(test, feature = "pack"))]
mod tests;
