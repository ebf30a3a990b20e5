//! Files that are read as a whole, and have an end.

use std::fs::{self, File, Metadata};
use std::path::Path;

use crate::error::{Error, IoContext, Result};

/// Opens a regular file. A device may never end, and a pipe may never begin, so that even opening it would hang: what
/// stands at the path is looked at first, and again through the handle, should it have been replaced in between.
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
