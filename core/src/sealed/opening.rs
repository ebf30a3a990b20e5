//! Opening sealed archives, whole or while they are downloaded.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::cipher::Cipher;
use super::header::{self, Header, HeaderProblem, TAG_BYTES};
use super::parallel::{self, Run, Runs, sealed_segment};
use super::sealing::length;
use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::io::atomic_file;
use crate::io::positional_reader::read_full_at;
use crate::io::regular_file;
use crate::keys::ContentKey;
use crate::progress::{Control, Phase};
use crate::verified::{Proof, VerifiedArchive};

/// The properties of a sealed archive that a release states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExpectedSealed {
    /// Bytes of the sealed file.
    pub(crate) size: u64,
    /// SHA-256 of its header.
    pub(crate) header_digest: Sha256Digest,
    /// Bytes of the plain archive.
    pub(crate) plain_size: u64,
    /// SHA-256 of the plain archive.
    pub(crate) digest: Sha256Digest,
}

/// Opens a sealed archive with one of `keys` and verifies that it is the one that a release names.
///
/// One pass, constant memory, several threads for a large file. The plain bytes are written to a private file in the
/// folder `staging`, which is removed if verification fails. They are not parsed before that.
///
/// # Errors
/// [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) if the file is not a sealed archive, truncated, changed or
/// sealed for other keys; [`Unsupported`](crate::ErrorKind::Unsupported) if it has a later version;
/// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) if the digest of its header or plain bytes is not the expected
/// one; [`NotTrusted`](crate::ErrorKind::NotTrusted) if the expected sizes contradict the header;
/// [`NotFound`](crate::ErrorKind::NotFound), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace),
/// [`Cancelled`](crate::ErrorKind::Cancelled).
pub(crate) fn open(
    sealed: &Path,
    staging: &Path,
    keys: &[&ContentKey],
    expected: &ExpectedSealed,
    proof: Proof,
    control: &Control,
) -> Result<VerifiedArchive> {
    let opening = PartialOpening::of_whole_file(sealed, staging, keys, Some(expected))?;
    opening.finish(expected, proof, control)
}

/// Opens a sealed archive into the file `to` without authenticating its author, and returns the digest of the plain
/// archive.
///
/// For examining an archive without its release. Its bytes are those that were sealed, but anyone with the public
/// content key can have sealed it. `to` is created or replaced atomically, and only its owner can read it.
///
/// # Errors
/// [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) if the file is not a sealed archive, truncated, changed or
/// sealed for another key; [`Unsupported`](crate::ErrorKind::Unsupported) if it has a later version;
/// [`NotFound`](crate::ErrorKind::NotFound), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace),
/// [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn open_unverified(sealed: &Path, to: &Path, key: &ContentKey, control: &Control) -> Result<Sha256Digest> {
    let opening = PartialOpening::of_whole_file(sealed, atomic_file::folder_of(to), &[key], None)?;
    let (plain, digest) = opening.open_all(control)?;
    atomic_file::persist(plain, to)?;
    Ok(digest)
}

/// A sealed archive that is opened while it is downloaded: each segment as soon as it is complete.
///
/// The plain bytes are in a private file, which is removed when this is dropped. Another process does not resume it:
/// opening the downloaded part again is as fast as hashing it, and until then no plain bytes stay on disk. An error
/// consumes the value, so no segment follows a bad one.
pub(crate) struct PartialOpening {
    sealed: PathBuf,
    source: File,
    header: Header,
    cipher: Cipher,
    plain: NamedTempFile,
    hasher: Sha256,
    /// Number of segments opened so far.
    opened: u64,
}

impl PartialOpening {
    /// Begins with the part of a sealed archive in the file `sealed`; `None` if its header is incomplete.
    ///
    /// # Errors
    /// As [`open`].
    pub(crate) fn begin(
        sealed: &Path,
        staging: &Path,
        keys: &[&ContentKey],
        expected: Option<&ExpectedSealed>,
    ) -> Result<Option<Self>> {
        let source = regular_file::open(sealed)?;
        match header::read_from(&source, sealed)? {
            Ok(header) => Self::new(sealed, source, header, staging, keys, expected).map(Some),
            Err(HeaderProblem::Short) => Ok(None),
            Err(problem) => Err(problem.in_file(sealed)),
        }
    }

    fn of_whole_file(
        sealed: &Path,
        staging: &Path,
        keys: &[&ContentKey],
        expected: Option<&ExpectedSealed>,
    ) -> Result<Self> {
        let source = regular_file::open(sealed)?;
        let header = header::read_from(&source, sealed)?.map_err(|problem| problem.in_file(sealed))?;
        require_end(&source, sealed, &header)?;
        Self::new(sealed, source, header, staging, keys, expected)
    }

    fn new(
        sealed: &Path,
        source: File,
        header: Header,
        staging: &Path,
        keys: &[&ContentKey],
        expected: Option<&ExpectedSealed>,
    ) -> Result<Self> {
        if let Some(expected) = expected {
            require_expected(sealed, &header, expected)?;
        }
        let cipher = unlock(sealed, &header, keys)?;
        let plain = atomic_file::temporary_file(staging, atomic_file::PRIVATE_MODE)?;
        let sealed = sealed.to_path_buf();
        Ok(Self {
            sealed,
            source,
            header,
            cipher,
            plain,
            hasher: Sha256::new(),
            opened: 0,
        })
    }

    /// Number of plain bytes opened so far.
    pub(crate) fn opened(&self) -> u64 {
        self.header.plain_start(self.opened)
    }

    /// Opens the segments that were completed since the last call.
    ///
    /// # Errors
    /// [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) at the first segment that was changed, or if data
    /// follows the last; [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace),
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub(crate) fn advance(mut self, control: &Control) -> Result<Self> {
        let size = self
            .source
            .metadata()
            .with_path("read the size of", &self.sealed)?
            .len();
        if size > self.header.sealed_size() {
            return Err(wrong_size(&self.sealed, &self.header, size));
        }
        let arrived = if size == self.header.sealed_size() {
            self.header.segments()
        } else {
            size.saturating_sub(self.header.size()) / sealed_segment(&self.header) as u64
        };
        // A restarted download has fewer segments than were opened before. Those remain valid.
        self.open_up_to(arrived.max(self.opened), control)?;
        Ok(self)
    }

    /// Opens the rest of a complete archive and verifies it.
    ///
    /// # Errors
    /// As [`open`].
    pub(crate) fn finish(self, expected: &ExpectedSealed, proof: Proof, control: &Control) -> Result<VerifiedArchive> {
        require_expected(&self.sealed, &self.header, expected)?;
        let (sealed, size) = (self.sealed.clone(), self.header.plain_size());
        let (plain, digest) = self.open_all(control)?;
        VerifiedArchive::decrypted(plain, &sealed, size, digest, proof).require_digest(&expected.digest)
    }

    fn open_all(self, control: &Control) -> Result<(NamedTempFile, Sha256Digest)> {
        require_end(&self.source, &self.sealed, &self.header)?;
        let all = self.advance(control)?;
        // The file may have been truncated in the meantime.
        require_end(&all.source, &all.sealed, &all.header)?;
        Ok((all.plain, Sha256Digest::from_bytes(all.hasher.finalize().into())))
    }

    fn open_up_to(&mut self, end: u64, control: &Control) -> Result<()> {
        let (sealed, header, source) = (&self.sealed, &self.header, &self.source);
        let total = header.plain_size();
        let runs = Runs::of(header, self.opened, end);
        let read = |buffer: &mut [u8], position| {
            control.check("open")?;
            let filled = read_full_at(source, buffer, position).with_path("read", sealed)?;
            if filled < buffer.len() {
                return Err(wrong_size(sealed, header, position + filled as u64));
            }
            Ok(())
        };
        let workers = parallel::workers(header.plain_start(end) - header.plain_start(self.opened));
        let work = open_runs(&self.cipher, header, runs, sealed, &read);
        let (plain, hasher, opened) = (&mut self.plain, &mut self.hasher, &mut self.opened);
        parallel::in_order(runs, workers, &work, &mut |number, run| {
            for segment in run.sealed.chunks(sealed_segment(header)) {
                let segment = &segment[..segment.len() - TAG_BYTES];
                hasher.update(segment);
                let written = plain.write_all(segment);
                written.with_path("write", plain.path())?;
            }
            *opened = runs.segments(number).1;
            control.report(Phase::Open, header.plain_start(*opened), total);
            Ok(())
        })
    }
}

/// Reads a run with `read` from a position in the sealed file and opens it in place.
pub(super) fn open_runs<'a>(
    cipher: &'a Cipher,
    header: &'a Header,
    runs: Runs,
    sealed: &'a Path,
    read: &'a (dyn Fn(&mut [u8], u64) -> Result<()> + Sync),
) -> impl Fn(u64, &mut Run) -> Result<()> + Sync + 'a {
    move |number, run| {
        let (first, end) = runs.segments(number);
        let start = header.sealed_start(first);
        run.sealed.resize(length(start, header.sealed_start(end)), 0);
        read(&mut run.sealed, start)?;
        for (place, segment) in (first..end).zip(run.sealed.chunks_mut(sealed_segment(header))) {
            cipher
                .open(place, segment)
                .ok_or_else(|| bad_segment(sealed, header, place))?;
        }
        Ok(())
    }
}

/// Parses the header in `start`, the first bytes of `sealed`, and verifies that it is the one that a release names.
/// `None` if the header is incomplete.
///
/// # Errors
/// Those of [`open`] that need no key.
pub(crate) fn named_header(start: &[u8], sealed: &Path, expected: &ExpectedSealed) -> Result<Option<Header>> {
    match Header::parse_start(start) {
        Ok(header) => require_expected(sealed, &header, expected).map(|()| Some(header)),
        Err(HeaderProblem::Short) => Ok(None),
        Err(problem) => Err(problem.in_file(sealed)),
    }
}

/// Verifies that one of `keys` opens the archive with this header.
///
/// # Errors
/// [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) if none of them does.
pub(crate) fn require_key(sealed: &Path, header: &Header, keys: &[&ContentKey]) -> Result<()> {
    unlock(sealed, header, keys).map(|_| ())
}

/// The cipher, from the first recipient whose key is in `keys`.
pub(super) fn unlock(sealed: &Path, header: &Header, keys: &[&ContentKey]) -> Result<Cipher> {
    let failed = |problem: String| Error::DecryptionFailed {
        path: sealed.to_path_buf(),
        problem,
    };
    let ids: Vec<_> = keys.iter().map(|key| key.public().id()).collect();
    let found = header.recipients.iter().find_map(|recipient| {
        let place = ids.iter().position(|id| *id == recipient.id)?;
        Some((recipient, keys[place]))
    });
    let Some((recipient, key)) = found else {
        let ids = |ids: &mut dyn Iterator<Item = String>| ids.collect::<Vec<_>>().join(", ");
        return Err(failed(format!(
            "sealed for the content keys {}; the available ones are {}",
            ids(&mut header.recipients().map(|id| id.to_string())),
            ids(&mut keys.iter().map(|key| key.public().id().to_string()))
        )));
    };
    let (found, expected) = (recipient.wrapped.len(), key.public().size());
    if found != expected {
        return Err(failed(format!(
            "the key wrapped for {}: expected {expected} bytes, as the content key has, found {found}",
            recipient.id
        )));
    }
    let archive_key = key
        .unwrap(&recipient.wrapped)?
        .ok_or_else(|| failed(format!("the key wrapped for {} cannot be unwrapped", recipient.id)))?;
    Ok(Cipher::new(&archive_key, header))
}

fn require_expected(sealed: &Path, header: &Header, expected: &ExpectedSealed) -> Result<()> {
    if header.digest() != expected.header_digest {
        return Err(Error::DigestMismatch {
            path: sealed.to_path_buf(),
            expected: expected.header_digest,
            found: header.digest(),
        });
    }
    for (what, found, expected) in [
        ("sealed", header.sealed_size(), expected.size),
        ("plain", header.plain_size(), expected.plain_size),
    ] {
        if found != expected {
            let problem = format!("the release states {expected} {what} bytes, the header {found}");
            return Err(Error::not_trusted(sealed.display().to_string(), problem));
        }
    }
    Ok(())
}

/// Verifies that the file has the size its header implies.
pub(super) fn require_end(source: &File, sealed: &Path, header: &Header) -> Result<()> {
    let size = source.metadata().with_path("read the size of", sealed)?.len();
    if size == header.sealed_size() {
        Ok(())
    } else {
        Err(wrong_size(sealed, header, size))
    }
}

fn wrong_size(sealed: &Path, header: &Header, size: u64) -> Error {
    let expected = header.sealed_size();
    let how = if size < expected {
        "truncated"
    } else {
        "data follows its end"
    };
    Error::DecryptionFailed {
        path: sealed.to_path_buf(),
        problem: format!("expected {expected} bytes, as its header says, found {size}: {how}"),
    }
}

pub(super) fn bad_segment(sealed: &Path, header: &Header, number: u64) -> Error {
    let (number, count) = (number + 1, header.segments());
    let problem = format!("segment {number} of {count} or the header was changed");
    Error::DecryptionFailed {
        path: sealed.to_path_buf(),
        problem,
    }
}
