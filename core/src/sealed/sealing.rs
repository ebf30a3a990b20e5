//! Sealing plain archives.

use std::io::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::cipher::Cipher;
use super::header::{Header, HeaderProblem, MAX_RECIPIENTS, NONCE_PREFIX_BYTES, Recipient, TAG_BYTES};
use super::parallel::{self, Run, Runs, sealed_segment};
use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::io::atomic_file;
use crate::io::positional_reader::read_full_at;
use crate::io::regular_file;
use crate::keys::{ARCHIVE_KEY_BYTES, PublicContentKey};
use crate::progress::{Control, Phase};

/// The result of [`seal`]. A release identifies the sealed file by [`size`](Self::size) and
/// [`header_digest`](Self::header_digest).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sealed {
    /// SHA-256 of the header of the sealed file.
    pub header_digest: Sha256Digest,
    /// Bytes of the sealed file.
    pub size: u64,
    /// Bytes of the plain archive.
    pub plain_size: u64,
    /// SHA-256 of the plain archive.
    pub digest: Sha256Digest,
}

/// How [`seal`] seals an archive.
#[derive(Debug, Clone, Copy)]
pub struct Sealing<'a> {
    /// SHA-256 of the plain archive.
    pub expected: &'a Sha256Digest,
    /// The keys that the archive is sealed for: 1 to 16 different ones.
    pub recipients: &'a [PublicContentKey],
}

/// Encrypts the archive `plain` into the file `to`. The private half of any recipient opens it.
///
/// One pass, constant memory, several threads for a large file. `to` is created or replaced atomically. A crash may
/// leave a `.capbundle-*.tmp` file beside it. Each call uses a new random key, so sealing the same archive twice gives
/// different bytes.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) if there are no recipients, too many, or one of them twice;
/// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) if the digest of `plain` is not the expected one;
/// [`NotFound`](crate::ErrorKind::NotFound), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace),
/// [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn seal(plain: &Path, to: &Path, sealing: &Sealing<'_>, control: &Control) -> Result<Sealed> {
    let &Sealing { expected, recipients } = sealing;
    require_different(recipients)?;
    let source = regular_file::open(plain)?;
    let plain_size = source.metadata().with_path("read the size of", plain)?.len();
    let Envelope { key, bytes, header } = Envelope::new(plain_size, recipients, plain)?;
    let cipher = Cipher::new(&key, &header);

    let mut target = atomic_file::temporary_file(atomic_file::folder_of(to), atomic_file::SHARED_MODE)?;
    let written = target.write_all(&bytes);
    written.with_path("write", target.path())?;
    let mut hasher = Sha256::new();
    let runs = Runs::of(&header, 0, header.segments());
    let read = |buffer: &mut [u8], position| {
        control.check("seal")?;
        let filled = read_full_at(&source, buffer, position).with_path("read", plain)?;
        if filled == buffer.len() {
            Ok(())
        } else {
            let problem = "the file was truncated while it was being sealed";
            Err(Error::invalid_input(plain.display().to_string(), problem))
        }
    };
    let workers = parallel::workers(plain_size);
    let mut done = 0;
    parallel::in_order(
        runs,
        workers,
        &seal_runs(&cipher, &header, runs, &read),
        &mut |_, run| {
            hasher.update(&run.plain);
            let written = target.write_all(&run.sealed);
            written.with_path("write", target.path())?;
            done += run.plain.len() as u64;
            control.report(Phase::Seal, done, plain_size);
            Ok(())
        },
    )?;

    let digest = Sha256Digest::from_bytes(hasher.finalize().into());
    if digest != *expected {
        return Err(Error::DigestMismatch {
            path: plain.to_path_buf(),
            expected: *expected,
            found: digest,
        });
    }
    atomic_file::persist(target, to)?;
    Ok(Sealed {
        header_digest: header.digest(),
        size: header.sealed_size(),
        plain_size,
        digest,
    })
}

/// Reads a run with `read` from a position in the plain archive and seals it.
pub(super) fn seal_runs<'a>(
    cipher: &'a Cipher,
    header: &'a Header,
    runs: Runs,
    read: &'a (dyn Fn(&mut [u8], u64) -> Result<()> + Sync),
) -> impl Fn(u64, &mut Run) -> Result<()> + Sync + 'a {
    move |number, run| {
        let (first, end) = runs.segments(number);
        let start = header.plain_start(first);
        run.plain.resize(length(start, header.plain_start(end)), 0);
        read(&mut run.plain, start)?;
        run.sealed
            .resize(length(header.sealed_start(first), header.sealed_start(end)), 0);
        for (place, segment) in (first..end).zip(run.sealed.chunks_mut(sealed_segment(header))) {
            let from = length(start, header.plain_start(place));
            let size = segment.len() - TAG_BYTES;
            segment[..size].copy_from_slice(&run.plain[from..from + size]);
            // GCM fails only at 64 GiB and above.
            cipher
                .seal(place, segment)
                .ok_or_else(|| Error::invalid_input("archive", format!("segment {place} is too large to be sealed")))?;
        }
        Ok(())
    }
}

/// Number of bytes between two positions within a run.
pub(super) fn length(start: u64, end: u64) -> usize {
    usize::try_from(end - start).unwrap_or(usize::MAX)
}

/// The key of a new archive and the header that contains it.
pub(super) struct Envelope {
    pub(super) key: Zeroizing<[u8; ARCHIVE_KEY_BYTES]>,
    bytes: Vec<u8>,
    pub(super) header: Header,
}

impl Envelope {
    pub(super) fn new(plain_size: u64, recipients: &[PublicContentKey], plain: &Path) -> Result<Self> {
        let mut key = Zeroizing::new([0; ARCHIVE_KEY_BYTES]);
        let mut nonce_prefix = [0; NONCE_PREFIX_BYTES];
        getrandom::fill(key.as_mut()).map_err(Error::random)?;
        getrandom::fill(&mut nonce_prefix).map_err(Error::random)?;
        let wrap = |recipient: &PublicContentKey| {
            let (id, wrapped) = (recipient.id(), recipient.wrap(&key)?);
            Ok(Recipient { id, wrapped })
        };
        let recipients = recipients.iter().map(wrap).collect::<Result<Vec<_>>>()?;
        let (bytes, header) = Header::write(plain_size, nonce_prefix, recipients).map_err(|problem| {
            let (HeaderProblem::Malformed(problem) | HeaderProblem::Unsupported(problem)) = problem else {
                return HeaderProblem::Short.in_file(plain);
            };
            Error::invalid_input(plain.display().to_string(), format!("cannot be sealed: {problem}"))
        })?;
        Ok(Self { key, bytes, header })
    }
}

fn require_different(recipients: &[PublicContentKey]) -> Result<()> {
    if !(1..=MAX_RECIPIENTS).contains(&recipients.len()) {
        let count = recipients.len();
        let problem = format!("expected 1 to {MAX_RECIPIENTS} content keys, found {count}");
        return Err(Error::invalid_input("recipients", problem));
    }
    for (number, recipient) in recipients.iter().enumerate() {
        if recipients[..number].iter().any(|other| other.same_modulus(recipient)) {
            let problem = format!("duplicate content key {}", recipient.id());
            return Err(Error::invalid_input("recipients", problem));
        }
    }
    Ok(())
}
