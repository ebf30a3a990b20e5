//! Opening regular files.

use std::fs::{self, File, Metadata};
use std::path::Path;

use crate::error::{Error, IoContext, Result};

/// Opens a regular file.
///
/// Opening a pipe may block, and a device may never end. So the type is checked before opening, and again through the
/// handle in case the file was replaced in between.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a folder or special file,
/// [`NotFound`](crate::ErrorKind::NotFound), [`Io`](crate::ErrorKind::Io).
pub fn open(path: &Path) -> Result<File> {
    require_regular(&fs::metadata(path).with_path("open", path)?, path)?;
    let file = File::open(path).with_path("open", path)?;
    require_regular(&file.metadata().with_path("read the size of", path)?, path)?;
    Ok(file)
}

fn require_regular(metadata: &Metadata, path: &Path) -> Result<()> {
    if metadata.is_file() {
        Ok(())
    } else {
        Err(Error::invalid_input(
            path.display().to_string(),
            "expected a file, found a folder or a special file",
        ))
    }
}

#[cfg(all(test, unix))]
mod tests;
