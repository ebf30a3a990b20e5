//! One file, compressed or not, whichever is smaller.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::write::DeflateEncoder;
use flate2::{Compress, Compression, FlushCompress};
use tempfile::SpooledTempFile;

use super::writer::{Header, Method};
use crate::error::{Error, IoContext, Result};
use crate::progress::Control;

/// zlib's own default, and adm-zip's: the bytes a device downloads are paid for many times, the time in CI once.
const LEVEL: u32 = 6;
/// Level for samples, which only ask whether there is anything to gain.
const SAMPLE_LEVEL: u32 = 1;
/// Files from here on are sampled before the whole of them is compressed.
const SAMPLE_FROM: u64 = 64 << 10;
/// Bytes of each sample; there are three, from the start, the middle and the end, since images begin with headers and
/// profiles that do compress.
const SAMPLE: usize = 16 << 10;
const SAMPLES: u64 = 3;
/// A sample that saves less than 3 % is not worth the time: images, fonts and archives save at most 1 or 2.
const WORTH_IT: f64 = 0.97;
/// Compressed contents above this go to a temporary file while they wait for their turn in the archive.
const IN_MEMORY: usize = 128 << 10;
const BUFFER: usize = 64 << 10;

/// A file that is ready to be put into an archive.
pub(super) struct Compressed {
    pub(super) header: Header,
    pub(super) body: Body,
}

/// Where the contents are.
pub(super) enum Body {
    /// Here, compressed.
    Spooled(SpooledTempFile),
    /// In the file itself, to be stored as they are.
    Source,
    /// There are none: a folder.
    Nothing,
}

/// Compresses file after file; keeps its memory between them.
pub(super) struct Compressor {
    encoder: DeflateEncoder<SpooledTempFile>,
    sampler: Compress,
    buffer: Vec<u8>,
    sample_output: Vec<u8>,
    spool_folder: PathBuf,
}

impl Compressor {
    /// Large compressed files wait in `spool_folder`, unnamed.
    pub(super) fn new(spool_folder: &Path) -> Self {
        Self {
            encoder: DeflateEncoder::new(spool(spool_folder), Compression::new(LEVEL)),
            sampler: Compress::new(Compression::new(SAMPLE_LEVEL), false),
            buffer: vec![0; BUFFER],
            // Never smaller than what deflate makes of a sample that does not compress at all.
            sample_output: Vec::with_capacity(2 * SAMPLE),
            spool_folder: spool_folder.to_path_buf(),
        }
    }

    /// Compresses the file at `path`, which must have `size` bytes.
    pub(super) fn compress(&mut self, path: &Path, size: u64, control: &Control) -> Result<Compressed> {
        let mut file = File::open(path).at("open", path)?;
        if size >= SAMPLE_FROM && !self.sample_shrinks(&mut file, size).at("read", path)? {
            return self.store(file, path, size, control);
        }
        let crc32 = self.read_all(&mut file, path, size, control, |encoder, bytes| {
            encoder.write_all(bytes)
        })?;
        let mut spooled = self.encoder.reset(spool(&self.spool_folder)).at("compress", path)?;
        let compressed_size = spooled.stream_position().at("compress", path)?;
        if compressed_size >= size {
            return Ok(Compressed {
                header: stored(crc32, size),
                body: Body::Source,
            });
        }
        spooled.rewind().at("compress", path)?;
        let header = Header {
            method: Method::Deflate,
            crc32,
            size,
            compressed_size,
            is_folder: false,
        };
        Ok(Compressed {
            header,
            body: Body::Spooled(spooled),
        })
    }

    fn store(&mut self, mut file: File, path: &Path, size: u64, control: &Control) -> Result<Compressed> {
        let crc32 = self.read_all(&mut file, path, size, control, |_, _| Ok(()))?;
        Ok(Compressed {
            header: stored(crc32, size),
            body: Body::Source,
        })
    }

    /// Hands the file to `consume` piece by piece and gives its CRC-32.
    fn read_all(
        &mut self,
        file: &mut File,
        path: &Path,
        size: u64,
        control: &Control,
        mut consume: impl FnMut(&mut DeflateEncoder<SpooledTempFile>, &[u8]) -> io::Result<()>,
    ) -> Result<u32> {
        let mut hasher = crc32fast::Hasher::new();
        let mut done = 0;
        loop {
            control.check("pack")?;
            let count = match file.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io("read", path, error)),
            };
            done += count as u64;
            if done > size {
                break;
            }
            hasher.update(&self.buffer[..count]);
            consume(&mut self.encoder, &self.buffer[..count]).at("compress", path)?;
        }
        if done == size {
            Ok(hasher.finalize())
        } else {
            Err(changed(path))
        }
    }

    /// Whether three samples of the file shrink. Leaves the file at its start.
    fn sample_shrinks(&mut self, file: &mut File, size: u64) -> io::Result<bool> {
        let (mut plain, mut compressed) = (0, 0);
        for sample in 0..SAMPLES {
            let start = (size - SAMPLE as u64) / (SAMPLES - 1) * sample;
            file.seek(SeekFrom::Start(start))?;
            let count = read_up_to(file, &mut self.buffer[..SAMPLE])?;
            self.sampler.reset();
            self.sample_output.clear();
            self.sampler
                .compress_vec(&self.buffer[..count], &mut self.sample_output, FlushCompress::Finish)
                .map_err(io::Error::other)?;
            plain += count;
            compressed += self.sample_output.len();
        }
        file.rewind()?;
        #[allow(clippy::cast_precision_loss, reason = "48 KiB at most")]
        Ok((compressed as f64) < plain as f64 * WORTH_IT)
    }
}

/// The file is another one than when it was listed.
pub(super) fn changed(path: &Path) -> Error {
    Error::invalid_input(
        path.display().to_string(),
        "the file changed while it was packed; try again when nothing writes to the folder",
    )
}

fn stored(crc32: u32, size: u64) -> Header {
    Header {
        method: Method::Stored,
        crc32,
        size,
        compressed_size: size,
        is_folder: false,
    }
}

fn spool(folder: &Path) -> SpooledTempFile {
    SpooledTempFile::new_in(IN_MEMORY, folder)
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
