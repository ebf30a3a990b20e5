//! Key files.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::pem::Pair;
use crate::error::{Error, IoContext, Result};
use crate::io::atomic_file;

/// A PEM file of a 4096-bit private key has 3.3 kB; text around it is tolerated up to here.
const MAX_PEM_BYTES: usize = 64 << 10;
/// `read_to_string` reserves room for a probe behind the last byte.
const READ_MARGIN: usize = 64;

/// Whether to replace an existing key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overwrite {
    /// Fail and leave the existing file unchanged.
    Never,
    /// Replace it atomically.
    Replace,
}

pub(super) fn read_pem_file(path: &Path) -> Result<Zeroizing<String>> {
    let file = File::open(path).with_path("open key file", path)?;
    // Allocated at once, with a margin so that the reader does not reallocate: reallocation would leave copies that are
    // not wiped.
    let mut text = Zeroizing::new(String::with_capacity(MAX_PEM_BYTES + READ_MARGIN));
    // One byte beyond the limit shows that a file is too long.
    file.take(MAX_PEM_BYTES as u64 + 1)
        .read_to_string(&mut text)
        .map_err(|error| match error.kind() {
            ErrorKind::InvalidData => Error::key_invalid(path.display().to_string(), "not a PEM file: not UTF-8 text"),
            _ => Error::io("read key file", path, error),
        })?;
    if text.len() > MAX_PEM_BYTES {
        let problem = format!("not a PEM file: longer than {MAX_PEM_BYTES} bytes");
        return Err(Error::key_invalid(path.display().to_string(), problem));
    }
    Ok(text)
}

pub(super) fn write_key_file(path: &Path, pair: &Pair, pem: &[u8], mode: u32, overwrite: Overwrite) -> Result<()> {
    // Checked first to fail early; `persist_noclobber` makes the guarantee.
    if overwrite == Overwrite::Never && fs::symlink_metadata(path).is_ok() {
        return Err(key_exists(path, pair));
    }
    let folder = atomic_file::folder_of(path);
    let mut file = atomic_file::temporary_file(folder, mode)?;
    file.write_all(pem).with_path("write key file", path)?;
    file.as_file().sync_all().with_path("write key file", path)?;
    match overwrite {
        Overwrite::Replace => file
            .persist(path)
            .map_err(|error| Error::io("write key file", path, error.error))?,
        Overwrite::Never => file.persist_noclobber(path).map_err(|error| match error.error.kind() {
            ErrorKind::AlreadyExists => key_exists(path, pair),
            _ => Error::io("write key file", path, error.error),
        })?,
    };
    atomic_file::sync_folder(folder)
}

fn key_exists(path: &Path, pair: &Pair) -> Error {
    let problem = format!(
        "a key already exists; {}, so it is not replaced by default",
        pair.carried
    );
    Error::invalid_input(path.display().to_string(), problem)
}
