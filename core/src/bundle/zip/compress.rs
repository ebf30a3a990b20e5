//! Compressing files, or storing those that do not shrink.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::write::DeflateEncoder;
use flate2::{Compress, Compression, FlushCompress, Status};
use tempfile::SpooledTempFile;

use super::write::{EntryHeader, EntryMethod};
use crate::error::{Error, IoContext, Result};
use crate::io::pipeline::read_full;
use crate::progress::Control;

/// The default of zlib and adm-zip: download size matters on every device, compression time once in CI.
const LEVEL: u32 = 6;
/// Level for samples, which only show whether compression pays.
const SAMPLE_LEVEL: u32 = 1;
/// Files of at least this size are sampled before they are compressed.
const SAMPLE_FROM: u64 = 64 << 10;
/// Bytes of each sample. There are three, from the start, the middle and the end, since images begin with headers and
/// profiles that do compress.
const SAMPLE: usize = 16 << 10;
const SAMPLES: u64 = 3;
/// Compress only if the samples save at least 3 %: images, fonts and archives save at most 1 or 2.
const MAX_SAMPLE_RATIO: f64 = 0.97;
/// Files up to this size are read once and kept in memory, compressed or not. Larger files that do not shrink are read
/// again when they are written.
const SMALL: usize = 128 << 10;
/// Compressed contents beyond this size go to a temporary file.
const IN_MEMORY: usize = 1 << 20;
const BUFFER: usize = 64 << 10;

/// A file that is ready to be written to an archive.
pub(in crate::bundle) struct Compressed {
    pub(in crate::bundle) header: EntryHeader,
    pub(in crate::bundle) body: Body,
}

impl Compressed {
    pub(in crate::bundle) fn folder() -> Self {
        let header = EntryHeader {
            method: EntryMethod::Stored,
            crc32: 0,
            size: 0,
            compressed_size: 0,
            is_folder: true,
        };
        Self {
            header,
            body: Body::Memory(Vec::new()),
        }
    }

    fn new(method: EntryMethod, crc32: u32, size: u64, compressed_size: u64, body: Body) -> Self {
        let header = EntryHeader {
            method,
            crc32,
            size,
            compressed_size,
            is_folder: false,
        };
        Self { header, body }
    }

    /// Bytes of memory in use.
    pub(in crate::bundle) fn weight(&self) -> usize {
        match &self.body {
            Body::Memory(bytes) => bytes.capacity(),
            Body::Spooled(spooled) if spooled.is_rolled() => 0,
            // A vector may have grown to twice its contents, which are at most IN_MEMORY.
            Body::Spooled(_) => usize::try_from(2 * self.header.compressed_size).unwrap_or(usize::MAX),
            Body::Source { .. } => 0,
        }
    }
}

/// The location of the contents.
pub(in crate::bundle) enum Body {
    /// In memory, as they are written to the archive.
    Memory(Vec<u8>),
    /// Compressed, in memory or in a temporary file.
    Spooled(SpooledTempFile),
    /// In the source file, to be stored uncompressed.
    Source {
        /// Whether progress already includes the file, because compressing it was tried.
        counted: bool,
    },
}

/// Compresses files. Reuses its memory.
pub(in crate::bundle) struct Compressor<'a> {
    /// For small files, which are compressed in one call.
    small: Compress,
    /// For larger files.
    encoder: DeflateEncoder<SpooledTempFile>,
    sampler: Compress,
    buffer: Vec<u8>,
    sample: Vec<u8>,
    sample_output: Vec<u8>,
    spool_folder: PathBuf,
    control: &'a Control,
    /// Called with the number of bytes of each compressed piece.
    count: &'a dyn Fn(u64),
}

impl<'a> Compressor<'a> {
    /// Large compressed contents are kept in unnamed files in `spool_folder`.
    pub(in crate::bundle) fn new(spool_folder: &Path, control: &'a Control, count: &'a dyn Fn(u64)) -> Self {
        Self {
            small: Compress::new(Compression::new(LEVEL), false),
            encoder: DeflateEncoder::new(spool(spool_folder), Compression::new(LEVEL)),
            sampler: Compress::new(Compression::new(SAMPLE_LEVEL), false),
            buffer: vec![0; BUFFER],
            sample: vec![0; SAMPLE],
            sample_output: Vec::with_capacity(deflate_bound(SAMPLE)),
            spool_folder: spool_folder.to_path_buf(),
            control,
            count,
        }
    }

    /// Compresses the file at `path`, which must have `size` bytes.
    pub(in crate::bundle) fn compress(&mut self, path: &Path, size: u64) -> Result<Compressed> {
        self.control.check("pack")?;
        let mut file = File::open(path).with_path("open", path)?;
        if size <= SMALL as u64 {
            return self.compress_small(&mut file, path, size);
        }
        if !self.sample_shrinks(&mut file, size).with_path("read", path)? {
            let crc32 = self.read_all(&mut file, path, size, |_, _| Ok(()))?;
            return Ok(Compressed::new(
                EntryMethod::Stored,
                crc32,
                size,
                size,
                Body::Source { counted: false },
            ));
        }
        let crc32 = self.read_all(&mut file, path, size, |compressor, count| {
            (compressor.count)(count as u64);
            compressor.encoder.write_all(&compressor.buffer[..count])
        })?;
        let mut spooled = self
            .encoder
            .reset(spool(&self.spool_folder))
            .with_path("compress", path)?;
        let compressed_size = spooled.stream_position().with_path("compress", path)?;
        if compressed_size >= size {
            return Ok(Compressed::new(
                EntryMethod::Stored,
                crc32,
                size,
                size,
                Body::Source { counted: true },
            ));
        }
        spooled.rewind().with_path("compress", path)?;
        let body = Body::Spooled(spooled);
        Ok(Compressed::new(
            EntryMethod::Deflate,
            crc32,
            size,
            compressed_size,
            body,
        ))
    }

    fn compress_small(&mut self, file: &mut File, path: &Path, size: u64) -> Result<Compressed> {
        // One byte beyond the size shows whether the file has grown.
        let mut plain = Vec::with_capacity(usize::try_from(size).unwrap_or(SMALL) + 1);
        file.take(size + 1).read_to_end(&mut plain).with_path("read", path)?;
        if plain.len() as u64 != size {
            return Err(changed(path));
        }
        (self.count)(size);
        let crc32 = crc32fast::hash(&plain);
        let stored = |plain| Compressed::new(EntryMethod::Stored, crc32, size, size, Body::Memory(plain));
        let samples = &mut io::Cursor::new(&plain);
        if size >= SAMPLE_FROM && !self.sample_shrinks(samples, size).with_path("read", path)? {
            return Ok(stored(plain));
        }
        self.small.reset();
        let mut output = Vec::with_capacity(deflate_bound(plain.len()));
        let status = self.small.compress_vec(&plain, &mut output, FlushCompress::Finish);
        let status = status.map_err(io::Error::other).with_path("compress", path)?;
        if status != Status::StreamEnd {
            let problem = "the compressor did not finish";
            return Err(Error::io("compress", path, io::Error::other(problem)));
        }
        if output.len() < plain.len() {
            let compressed_size = output.len() as u64;
            output.shrink_to_fit();
            return Ok(Compressed::new(
                EntryMethod::Deflate,
                crc32,
                size,
                compressed_size,
                Body::Memory(output),
            ));
        }
        Ok(stored(plain))
    }

    /// Reads the file into the buffer piece by piece, calls `consume` for each, and returns the CRC-32.
    fn read_all(
        &mut self,
        file: &mut File,
        path: &Path,
        size: u64,
        mut consume: impl FnMut(&mut Self, usize) -> io::Result<()>,
    ) -> Result<u32> {
        let mut hasher = crc32fast::Hasher::new();
        let mut done = 0;
        loop {
            self.control.check("pack")?;
            // Pieces of a fixed size, since their boundaries may affect the compressed bytes.
            let count = read_full(file, &mut self.buffer).with_path("read", path)?;
            done += count as u64;
            if count == 0 || done > size {
                break;
            }
            hasher.update(&self.buffer[..count]);
            consume(self, count).with_path("compress", path)?;
        }
        if done == size {
            Ok(hasher.finalize())
        } else {
            Err(changed(path))
        }
    }

    /// Whether three samples of a file shrink. Rewinds the file.
    fn sample_shrinks(&mut self, file: &mut (impl Read + Seek), size: u64) -> io::Result<bool> {
        let (mut plain, mut compressed) = (0, 0);
        for sample in 0..SAMPLES {
            let start = (size - SAMPLE as u64) / (SAMPLES - 1) * sample;
            file.seek(SeekFrom::Start(start))?;
            let count = read_full(file, &mut self.sample)?;
            self.sampler.reset();
            self.sample_output.clear();
            self.sampler
                .compress_vec(&self.sample[..count], &mut self.sample_output, FlushCompress::Finish)
                .map_err(io::Error::other)?;
            plain += count;
            compressed += self.sample_output.len();
        }
        file.rewind()?;
        #[allow(clippy::cast_precision_loss, reason = "48 KiB at most")]
        Ok((compressed as f64) < plain as f64 * MAX_SAMPLE_RATIO)
    }
}

/// The file differs from when it was listed.
pub(in crate::bundle) fn changed(path: &Path) -> Error {
    Error::invalid_input(
        path.display().to_string(),
        "the file changed while it was being packed; retry when nothing writes to the folder",
    )
}

/// An upper bound of the compressed size (zlib's own bound is 1/8 and 13 bytes at its worst level). The output buffer
/// must never be too small: zlib-rs 0.6.8 panics when it is used again after that.
fn deflate_bound(length: usize) -> usize {
    length + length / 4 + 64
}

fn spool(folder: &Path) -> SpooledTempFile {
    SpooledTempFile::new_in(IN_MEMORY, folder)
}
