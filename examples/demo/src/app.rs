//! The small app of `examples/web-app`, embedded so that an installed demo needs no other files.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, Result};

pub(crate) const APP_ID: &str = "dev.capbundle.webapp";
pub(crate) const VERSION: &str = "1.0.0";

macro_rules! file {
    ($path:literal) => {
        ($path, include_bytes!(concat!("../../web-app/www/", $path)))
    };
}

/// Every file of the app's `www` folder.
const FILES: [(&str, &[u8]); 5] = [
    file!("assets/app.js"),
    file!("assets/icon.svg"),
    file!("assets/style.css"),
    file!("index.html"),
    file!("manifest.webmanifest"),
];

/// Bytes of all files.
pub(crate) fn size() -> u64 {
    FILES.iter().map(|(_, bytes)| bytes.len() as u64).sum()
}

pub(crate) fn file_count() -> u64 {
    FILES.len() as u64
}

/// Writes the app into the new folder `to`.
pub(crate) fn write(to: &Path) -> Result<()> {
    for (path, bytes) in FILES {
        let path = to.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| Failure::io("create", folder, &error))?;
        }
        fs::write(&path, bytes).map_err(|error| Failure::io("write", &path, &error))?;
    }
    Ok(())
}

/// Fails if `folder` differs from the app, including additional files.
pub(crate) fn compare(folder: &Path) -> Result<()> {
    let differs = |difference: String| Err(Failure::unexpected(difference));
    let mut found = Vec::new();
    list(folder, "", &mut found)?;
    for (path, bytes) in FILES {
        match found.iter().find(|(name, _)| name == path) {
            Some((_, unpacked)) if unpacked == bytes => {}
            Some(_) => return differs(format!("{path} has different content")),
            None => return differs(format!("{path} is missing")),
        }
    }
    if found.len() != FILES.len() {
        return differs(format!("expected {1} files, found {0}", found.len(), FILES.len()));
    }
    Ok(())
}

fn list(folder: &Path, prefix: &str, found: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let failed = |error: std::io::Error| Failure::io("read", folder, &error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().map_err(failed)?.is_dir() {
            list(&entry.path(), &format!("{name}/"), found)?;
        } else {
            found.push((name, fs::read(entry.path()).map_err(failed)?));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn the_embedded_app_is_the_whole_example() {
        compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../web-app/www")).unwrap();
    }

    #[test]
    fn changed_missing_and_additional_files_are_found() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        compare(folder.path()).unwrap();
        fs::write(folder.path().join("more.txt"), "x").unwrap();
        assert!(compare(folder.path()).unwrap_err().message.contains("found 6"));
        fs::remove_file(folder.path().join("more.txt")).unwrap();
        fs::write(folder.path().join("index.html"), "x").unwrap();
        assert!(
            compare(folder.path())
                .unwrap_err()
                .message
                .contains("index.html has different content")
        );
        fs::remove_file(folder.path().join("index.html")).unwrap();
        assert!(
            compare(folder.path())
                .unwrap_err()
                .message
                .contains("index.html is missing")
        );
    }
}
