//! The file to upload, its parts and their digests, computed before anything is sent.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::super::header::base64;
use super::super::object::Object;
use crate::error::{Error, IoContext, Result};
use capbundle::digest::Sha256Digest;
use capbundle::io::pipeline;
use capbundle::io::pipeline::{CHUNK, Chunk};
use capbundle::io::regular_file;
use capbundle::progress::{Control, Phase};

/// The size of a part, larger if there would be too many. A smaller file is sent as a whole. A multiple of the chunk size, so that
/// each chunk belongs to one part.
const PART: u64 = 8 << 20;
const _: () = assert!(PART.is_multiple_of(CHUNK as u64));
/// S3's limit.
const MAX_PARTS: u64 = 10_000;

/// A file and its parts.
pub(super) struct Plan {
    pub(super) file: Arc<File>,
    pub(super) size: u64,
    pub(super) digest: Sha256Digest,
    /// In order; empty if the file is sent as a whole.
    pub(super) parts: Vec<Part>,
}

/// One part of a file.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Starts at 1.
    pub(super) number: u32,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) digest: Sha256Digest,
    /// The digest in Base64, as S3 writes it.
    pub(super) checksum: String,
}

impl Plan {
    pub(super) fn read(path: &Path, control: &Control) -> Result<Self> {
        let mut file = regular_file::open(path)?;
        let size = file.metadata().with_path("read the size of", path)?.len();
        let part_size = part_size(size);
        let mut whole = Sha256::new();
        let mut cutter = Cutter::new(part_size);
        let mut done = 0;
        let read = |chunk: &mut Chunk| {
            control.check("hash")?;
            chunk
                .read_from(&mut file)
                .map_err(|source| capbundle::Error::io("read", path, source))
        };
        pipeline::run(size, read, |chunk| {
            whole.update(chunk.bytes());
            if size >= PART {
                cutter.take(chunk.bytes());
            }
            done += chunk.bytes().len() as u64;
            control.report(Phase::Hash, done.min(size), size);
            Ok(())
        })?;
        if done != size {
            let problem = format!("the file was modified while it was read: expected {size} bytes, found {done}");
            return Err(Error::invalid_input(path.display().to_string(), problem));
        }
        Ok(Self {
            file: Arc::new(file),
            size,
            digest: Sha256Digest::from_bytes(whole.finalize().into()),
            parts: cutter.finish(),
        })
    }

    pub(super) fn is_single(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.parts.len()).unwrap_or(u32::MAX).max(1)
    }

    /// Whether the object is this file, judging by its metadata.
    pub(super) fn is(&self, object: &Object) -> bool {
        object.size == self.size
            && match self.agrees(object.checksum.as_deref()) {
                Some(agrees) => agrees,
                None => object.sha256 == Some(self.digest),
            }
    }

    /// Whether the server's checksum is that of this file; `None` if it is missing or covers other parts.
    pub(super) fn agrees(&self, checksum: Option<&str>) -> Option<bool> {
        let checksum = checksum?;
        match checksum.rsplit_once('-') {
            None => Some(checksum == base64(&self.digest)),
            Some((_, count)) if count.parse() == Ok(self.parts.len()) => Some(checksum == self.composite()),
            Some(_) => None,
        }
    }

    /// The checksum of a multipart upload: that of all part digests, with their number.
    pub(super) fn composite(&self) -> String {
        let mut hasher = Sha256::new();
        for part in &self.parts {
            hasher.update(part.digest.as_bytes());
        }
        let digest = Sha256Digest::from_bytes(hasher.finalize().into());
        format!("{}-{}", base64(&digest), self.parts.len())
    }
}

fn part_size(size: u64) -> u64 {
    let needed = size.div_ceil(MAX_PARTS);
    needed.next_multiple_of(CHUNK as u64).max(PART)
}

/// Cuts a file into parts while it is read.
struct Cutter {
    part_size: u64,
    hasher: Sha256,
    length: u64,
    offset: u64,
    parts: Vec<Part>,
}

impl Cutter {
    fn new(part_size: u64) -> Self {
        Self {
            part_size,
            hasher: Sha256::new(),
            length: 0,
            offset: 0,
            parts: Vec::new(),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.length == self.part_size {
            self.cut();
        }
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
    }

    fn cut(&mut self) {
        let digest = Sha256Digest::from_bytes(self.hasher.finalize_reset().into());
        self.parts.push(Part {
            number: u32::try_from(self.parts.len() + 1).unwrap_or(u32::MAX),
            offset: self.offset,
            length: self.length,
            digest,
            checksum: base64(&digest),
        });
        self.offset += self.length;
        self.length = 0;
    }

    fn finish(mut self) -> Vec<Part> {
        if self.length > 0 {
            self.cut();
        }
        self.parts
    }
}

#[cfg(test)]
mod tests;
