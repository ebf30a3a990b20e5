//! Measures sealing and opening on this machine: in memory, without files and SHA-256.
//!
//! The segments are processed by the same code and on the same threads as those of files. The results are discarded,
//! so that the rate can be compared with that of other ciphers in memory.
//!
//! ```
//! use capbundle::sealed::in_memory::InMemory;
//!
//! # fn main() -> capbundle::Result<()> {
//! let archive = InMemory::new(4 << 20)?;
//! let start = std::time::Instant::now();
//! archive.open(2)?;
//! println!("4 MiB in {:?}", start.elapsed());
//! # Ok(())
//! # }
//! ```

use std::path::Path;

use super::cipher::Cipher;
use super::header::Header;
use super::opening::open_runs;
use super::parallel::{Runs, in_order};
use super::sealing::{Envelope, seal_runs};
use crate::error::Result;
use crate::keys::{ContentKey, KeyBits};

/// An archive in memory, sealed for a temporary key that is not kept.
pub struct InMemory {
    cipher: Cipher,
    header: Header,
    /// The sealed archive without its header.
    sealed: Vec<u8>,
}

impl InMemory {
    /// An archive of `plain_size` zero bytes.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) if the system's random number generator fails.
    pub fn new(plain_size: u64) -> Result<Self> {
        let key = ContentKey::generate(KeyBits::B2048)?;
        let envelope = Envelope::new(plain_size, &[key.public().clone()], Path::new("memory"))?;
        let cipher = Cipher::new(&envelope.key, &envelope.header);
        let mut archive = Self {
            cipher,
            header: envelope.header,
            sealed: Vec::new(),
        };
        let mut sealed = Vec::new();
        archive.each_sealed(0, &mut |bytes| sealed.extend_from_slice(bytes))?;
        archive.sealed = sealed;
        Ok(archive)
    }

    /// Seals the archive again with `threads` worker threads; with 0, on the calling thread.
    ///
    /// # Errors
    /// As of [`seal`](super::seal); none of them is caused by a file.
    pub fn seal(&self, threads: usize) -> Result<()> {
        self.each_sealed(threads, &mut |bytes| {
            std::hint::black_box(bytes);
        })
    }

    fn each_sealed(&self, threads: usize, take: &mut dyn FnMut(&[u8])) -> Result<()> {
        let runs = self.runs();
        let read = |buffer: &mut [u8], _| {
            buffer.fill(0);
            Ok(())
        };
        let work = seal_runs(&self.cipher, &self.header, runs, &read);
        in_order(runs, threads, &work, &mut |_, run| {
            take(&run.sealed);
            Ok(())
        })
    }

    /// Opens the archive; `threads` as in [`seal`](Self::seal).
    ///
    /// # Errors
    /// [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) if the memory was damaged.
    pub fn open(&self, threads: usize) -> Result<()> {
        let runs = self.runs();
        let read = |buffer: &mut [u8], position: u64| {
            let start = usize::try_from(position - self.header.size()).unwrap_or(usize::MAX);
            buffer.copy_from_slice(&self.sealed[start..start + buffer.len()]);
            Ok(())
        };
        let work = open_runs(&self.cipher, &self.header, runs, Path::new("memory"), &read);
        in_order(runs, threads, &work, &mut |_, run| {
            std::hint::black_box(&run.sealed);
            Ok(())
        })
    }

    fn runs(&self) -> Runs {
        Runs::of(&self.header, 0, self.header.segments())
    }
}
