//! Compresses, encrypts and hashes the files of a bundle.

use std::fs::File;
use std::io;
use std::io::{BufWriter, Read, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use brotli::CompressorReader;
use tempfile::TempPath;

use super::brotli_exclusion::BrotliExclusion;
use super::file::{FileSource, Manifest, ManifestFile};
use crate::error::{Error, IoContext as _, Result};
use crate::setters::setters;
use capbundle::capgo::{ChecksumForm, FileCipher, IvSessionKey, SignedChecksum};
use capbundle::digest::Sha256Digest;
use capbundle::io::atomic_file;
use capbundle::io::hashing::HashingReader;
use capbundle::keys::SigningKey;
use capbundle::progress::{Control, Phase};
use capbundle::release::{FileList, ListedFile};

/// Smaller files are sent as they are: a request costs more than compression saves. The limit of Capgo's command.
const MIN_BROTLI_SIZE: u64 = 8192;
/// Compression must save more than these bytes. The limit of Capgo's command.
const MIN_SAVING: u64 = 10;
/// The best compression, and the default window of 4 MiB, which devices can afford. As Capgo's command.
const QUALITY: u32 = 11;
const WINDOW_BITS: u32 = 22;
/// Another window, for a stream that Capgo's plugins would take for one of their wrappers.
const OTHER_WINDOW_BITS: u32 = 20;
const BUFFER: usize = 64 << 10;
/// Each thread holds the tables of a compressor, about 40 MiB.
const MAX_THREADS: usize = 8;
/// Devices take a file with this ending for a compressed one.
const SUFFIX: &str = ".br";

/// Encrypts the files and signs their hashes.
#[derive(Debug, Clone, Copy)]
pub struct FileProtection<'a> {
    /// The session key and the IV of the archive.
    pub iv_session_key: &'a IvSessionKey,
    /// Signs the hashes. Its private half wrapped the session key.
    pub key: &'a SigningKey,
    /// The form of the signed hashes.
    pub form: ChecksumForm,
}

/// How to prepare the files of a manifest.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ManifestOptions<'a> {
    /// Whether files are compressed with Brotli. `true`.
    pub brotli: bool,
    /// Files that are sent without compression. None.
    pub except: BrotliExclusion,
    /// Encryption and signatures; `None` for devices without a key.
    pub protection: Option<FileProtection<'a>>,
    /// Number of compressing threads; `None` for one per core, at most eight.
    pub threads: Option<NonZeroUsize>,
}

impl Default for ManifestOptions<'_> {
    fn default() -> Self {
        Self {
            brotli: true,
            except: BrotliExclusion::none(),
            protection: None,
            threads: None,
        }
    }
}

impl<'a> ManifestOptions<'a> {
    setters! {
        with_brotli(brotli: bool);
        with_except(except: BrotliExclusion);
        with_protection(protection: impl Into<Option<FileProtection<'a>>>);
        with_threads(threads: impl Into<Option<NonZeroUsize>>);
    }
}

/// Prepares the files of `list` in `folder`, an unpacked bundle, for upload.
///
/// Compressed and encrypted copies are written to `staging` and removed with the returned value. One pass over each file
/// per step, constant memory for each of up to eight threads. Empty files are included: Capgo's command leaves them out,
/// but its plugins accept them. A name that already ends in `.br` is always compressed, since devices strip that ending.
///
/// # Errors
/// [`DigestMismatch`](capbundle::ErrorKind::DigestMismatch) if a file differs from the list;
/// [`SignatureInvalid`](capbundle::ErrorKind::SignatureInvalid) if the key did not wrap the session key;
/// [`NoSpace`](capbundle::ErrorKind::NoSpace), [`Io`](capbundle::ErrorKind::Io),
/// [`Cancelled`](capbundle::ErrorKind::Cancelled). An interrupted run may leave files in `staging`.
pub fn prepare(
    folder: &Path,
    list: &FileList,
    staging: &Path,
    options: &ManifestOptions<'_>,
    control: &Control,
) -> Result<Manifest> {
    let cipher = match &options.protection {
        Some(protection) => Some(FileCipher::new(
            protection.iv_session_key,
            &protection.key.verifying_key(),
        )?),
        None => None,
    };
    let workshop = Workshop {
        folder,
        staging,
        options,
        cipher,
        control,
        total: list.files().iter().map(|file| file.size).sum(),
        done: AtomicU64::new(0),
    };
    let files = workshop.prepare_all(list.files())?;
    let session = options.protection.map(|protection| {
        let text = protection.iv_session_key.to_string();
        Sha256Digest::of(text.as_bytes()).to_string()
    });
    Ok(Manifest { files, session })
}

struct Workshop<'a> {
    folder: &'a Path,
    staging: &'a Path,
    options: &'a ManifestOptions<'a>,
    cipher: Option<FileCipher>,
    control: &'a Control,
    total: u64,
    done: AtomicU64,
}

/// The bytes of a file in one of its forms.
struct Form {
    source: FileSource,
    size: u64,
    digest: Sha256Digest,
}

impl Workshop<'_> {
    fn prepare_all(&self, list: &[ListedFile]) -> Result<Vec<ManifestFile>> {
        let next = AtomicUsize::new(0);
        let made: Mutex<Vec<(usize, ManifestFile)>> = Mutex::default();
        let failed: Mutex<Option<Error>> = Mutex::default();
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = list.get(number) else { return };
                match self.prepare(file) {
                    Ok(file) => locked(&made).push((number, file)),
                    Err(error) => {
                        locked(&failed).get_or_insert(error);
                        next.store(list.len(), Ordering::Relaxed);
                    }
                }
            }
        };
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = self.options.threads.map_or_else(cores, NonZeroUsize::get);
        let threads = threads.min(MAX_THREADS).min(list.len().max(1));
        thread::scope(|scope| {
            // The system may start no more threads; this one does the work then.
            for _ in 1..threads {
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        if let Some(error) = locked(&failed).take() {
            return Err(error);
        }
        let mut made = std::mem::take(&mut *locked(&made));
        made.sort_unstable_by_key(|(number, _)| *number);
        Ok(made.into_iter().map(|(_, file)| file).collect())
    }

    fn prepare(&self, file: &ListedFile) -> Result<ManifestFile> {
        self.control.check("prepare the files")?;
        let path = file.path.resolve(self.folder);
        let (mut form, is_brotli) = match self.compressed(file, &path)? {
            Some(compressed) => (compressed, true),
            // An empty stream is shorter than Brotli's and accepted as one.
            None => (self.original(file, path)?, file.path.as_str().ends_with(SUFFIX)),
        };
        if let Some(cipher) = &self.cipher {
            let plain = form.source;
            let opened = File::open(plain.path()).with_path("open", plain.path())?;
            let mut opened = io::BufReader::new(opened);
            let encrypted = self.spool(&mut cipher.encrypt(&mut opened))?;
            form = encrypted;
        }
        let done = self.done.fetch_add(file.size, Ordering::Relaxed) + file.size;
        self.control.report(Phase::Pack, done, self.total);
        let mut file_name = file.path.as_str().to_owned();
        if is_brotli {
            file_name.push_str(SUFFIX);
        }
        Ok(ManifestFile {
            file_name,
            file_hash: self.hash(&file.digest)?,
            is_brotli,
            plain_size: file.size,
            size: form.size,
            digest: form.digest,
            source: form.source,
        })
    }

    fn hash(&self, digest: &Sha256Digest) -> Result<String> {
        Ok(match &self.options.protection {
            Some(protection) => SignedChecksum::sign(digest, protection.key, protection.form)?.to_string(),
            None => digest.to_string(),
        })
    }

    /// The file as it is, if it still has the bytes of the list.
    fn original(&self, file: &ListedFile, path: PathBuf) -> Result<Form> {
        let digest = Sha256Digest::of_file(&path, self.control)?;
        require_same(file, &path, digest)?;
        Ok(Form {
            source: FileSource::Original(path),
            size: file.size,
            digest,
        })
    }

    /// The compressed file, if it is worth it or the name requires it.
    fn compressed(&self, file: &ListedFile, path: &Path) -> Result<Option<Form>> {
        let is_required = file.path.as_str().ends_with(SUFFIX);
        let is_wanted =
            self.options.brotli && file.size >= MIN_BROTLI_SIZE && !self.options.except.contains(&file.path);
        if file.size == 0 || !(is_required || is_wanted) {
            return Ok(None);
        }
        let compressed = self.compress(file, path, WINDOW_BITS)?;
        let is_confusable = is_taken_for_a_wrapper(compressed.source.path())?;
        if is_required {
            return if is_confusable {
                self.compress(file, path, OTHER_WINDOW_BITS).map(Some)
            } else {
                Ok(Some(compressed))
            };
        }
        let is_worth_it = compressed.size + MIN_SAVING < file.size && !is_confusable;
        Ok(is_worth_it.then_some(compressed))
    }

    fn compress(&self, file: &ListedFile, path: &Path, window_bits: u32) -> Result<Form> {
        let opened = File::open(path).with_path("open", path)?;
        let mut compressor = CompressorReader::new(HashingReader::new(opened), BUFFER, QUALITY, window_bits);
        let form = self.spool(&mut compressor)?;
        let (_, digest, _) = compressor.into_inner().finish();
        require_same(file, path, digest)?;
        Ok(form)
    }

    /// Writes what `source` yields into a new file.
    fn spool(&self, source: &mut dyn Read) -> Result<Form> {
        let file = atomic_file::temporary_file(self.staging, atomic_file::PRIVATE_MODE)?;
        let (file, path) = file.into_parts();
        let path: TempPath = path;
        let mut source = HashingReader::new(source);
        let mut target = BufWriter::with_capacity(BUFFER, file);
        let mut buffer = vec![0; BUFFER];
        loop {
            self.control.check("prepare the files")?;
            let count = source.read(&mut buffer).with_path("read", self.folder)?;
            if count == 0 {
                break;
            }
            target.write_all(&buffer[..count]).with_path("write", &path)?;
        }
        target.flush().with_path("write", &path)?;
        let (_, digest, size) = source.finish();
        Ok(Form {
            source: FileSource::Made(path),
            size,
            digest,
        })
    }
}

impl FileSource {
    fn path(&self) -> &Path {
        match self {
            Self::Original(path) => path,
            Self::Made(path) => path,
        }
    }
}

/// Whether Capgo's plugins take the stream for stored bytes in a wrapper, which some encoders wrote: three known bytes at
/// the start and 3 at the end.
fn is_taken_for_a_wrapper(path: &Path) -> Result<bool> {
    use std::io::{Seek as _, SeekFrom};
    let mut file = File::open(path).with_path("open", path)?;
    let mut head = [0; 3];
    let mut last = [0; 1];
    let mut read = || {
        file.read_exact(&mut head)?;
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)
    };
    match read() {
        Ok(()) => Ok(last == [3] && (head == [0x1b, 0x00, 0x06] || head == [0x0b, 0x02, 0x80])),
        // Shorter than a wrapper.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(Error::io("read", path, error)),
    }
}

fn require_same(file: &ListedFile, path: &Path, found: Sha256Digest) -> Result<()> {
    if found == file.digest {
        return Ok(());
    }
    Err(Error::Core(capbundle::Error::DigestMismatch {
        path: path.to_path_buf(),
        expected: file.digest,
        found,
    }))
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
