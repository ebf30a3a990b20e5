//! Storage in a folder: incomplete uploads in `incoming`, complete archives in `bundles`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use super::Storage;
use crate::error::{Error, Result};
use crate::validation;

const BUNDLES: &str = "bundles";
const INCOMING: &str = "incoming";

/// An upload that was not registered within this time is abandoned.
const UPLOAD_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The file of an incomplete upload, deleted on drop.
pub(crate) type IncomingFile = NamedTempFile;

/// Stores archives in a folder.
#[derive(Debug, Clone)]
pub(crate) struct FolderStorage {
    bundles: PathBuf,
    incoming: PathBuf,
}

impl FolderStorage {
    /// Creates the folders, and removes incomplete uploads that a killed server left behind.
    pub(crate) fn open(data: &Path) -> Result<Self> {
        let (bundles, incoming) = (data.join(BUNDLES), data.join(INCOMING));
        for folder in [&bundles, &incoming] {
            fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        }
        for entry in fs::read_dir(&incoming).map_err(Error::file("list", &incoming))? {
            let path = entry.map_err(Error::file("list", &incoming))?.path();
            // A subfolder is not from a server, so it stays. A file that cannot be removed only takes space.
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "cannot remove from the folder of incoming uploads");
            }
        }
        Ok(Self { bundles, incoming })
    }

    /// Creates a file for an upload.
    pub(crate) fn incoming(&self) -> io::Result<IncomingFile> {
        tempfile::Builder::new().suffix(".part").tempfile_in(&self.incoming)
    }

    /// The file of a stored archive.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.bundles.join(path)
    }

    /// Lists the expired archives, and everything in the folder that is not an archive or cannot be read.
    pub(crate) fn scan(&self) -> FolderScan {
        let mut scan = FolderScan::default();
        for (app, path) in scan.list(&self.bundles) {
            if !path.is_dir() || !validation::is_app_id(&app) {
                scan.unexpected
                    .push(format!("{} is not the folder of an app", path.display()));
                continue;
            }
            for (name, path) in scan.list(&path) {
                // The path of an archive has a slash on all platforms.
                let archive = format!("{app}/{name}");
                match is_expired(&path) {
                    Ok(_) if !path.is_file() || !validation::is_stored_name(&name) => {
                        scan.unexpected.push(format!("{} is not an archive", path.display()));
                    }
                    Ok(true) => scan.expired.push(archive),
                    Ok(false) => {}
                    Err(error) => scan.unexpected.push(format!("{}: {error}", path.display())),
                }
            }
        }
        scan
    }

    /// Removes an archive if it is expired. Returns whether it was.
    pub(crate) fn remove_expired(&self, path: &str) -> io::Result<bool> {
        let archive = self.path(path);
        match is_expired(&archive) {
            Ok(true) => fs::remove_file(archive).map(|()| true),
            Ok(false) => Ok(false),
            // It was deleted concurrently.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The result of [`FolderStorage::scan`].
#[derive(Debug, Default)]
pub(crate) struct FolderScan {
    /// The paths of expired archives. Bundles may reference them.
    pub(crate) expired: Vec<String>,
    /// Messages about entries that are not archives or cannot be read.
    pub(crate) unexpected: Vec<String>,
}

impl FolderScan {
    /// The names and paths of the entries of a folder.
    fn list(&mut self, folder: &Path) -> Vec<(String, PathBuf)> {
        let mut found = Vec::new();
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        match entries {
            Ok(entries) => {
                for entry in entries {
                    match entry.file_name().into_string() {
                        Ok(name) => found.push((name, entry.path())),
                        Err(_) => self
                            .unexpected
                            .push(format!("{} is not an archive", entry.path().display())),
                    }
                }
            }
            Err(error) => self.unexpected.push(format!("{}: {error}", folder.display())),
        }
        found
    }
}

/// Whether the last upload of the archive is older than [`UPLOAD_LIFETIME`].
fn is_expired(archive: &Path) -> io::Result<bool> {
    let modified = fs::metadata(archive)?.modified()?;
    Ok(SystemTime::now()
        .duration_since(modified)
        .is_ok_and(|age| age > UPLOAD_LIFETIME))
}

impl Storage for FolderStorage {
    fn store(&self, archive: IncomingFile, path: &str) -> io::Result<bool> {
        archive.as_file().sync_all()?;
        let to = self.path(path);
        let folder = to.parent().unwrap_or(&self.bundles).to_owned();
        fs::create_dir_all(&folder)?;
        // A reverse proxy or a backup may run as another user.
        #[cfg(unix)]
        fs::set_permissions(archive.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        let new = match archive.persist_noclobber(&to) {
            Ok(_) => true,
            // Replaced, so that its age is that of the newest upload.
            Err(exists) if exists.error.kind() == io::ErrorKind::AlreadyExists => {
                exists.file.persist(&to).map_err(|error| error.error)?;
                false
            }
            Err(failed) => return Err(failed.error),
        };
        sync_folder(&folder)?;
        sync_folder(&self.bundles)?;
        Ok(new)
    }

    fn size(&self, path: &str) -> io::Result<Option<u64>> {
        match fs::metadata(self.path(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            metadata => Ok(Some(metadata?.len())),
        }
    }

    fn likely_exists(&self, path: &str) -> io::Result<bool> {
        self.path(path).try_exists()
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        match fs::remove_file(self.path(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn redirect_url(&self, _: &str) -> io::Result<Option<String>> {
        Ok(None)
    }
}

/// A rename is durable once its folder is synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}
