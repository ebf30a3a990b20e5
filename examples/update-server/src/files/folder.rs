//! Archives in a folder: what is still coming in one place, what is whole in another.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use tempfile::NamedTempFile;

use super::Storage;
use crate::database::bundles;
use crate::error::{Error, Result};

const WHOLE: &str = "bundles";
const COMING: &str = "incoming";

/// An upload that nobody registered is given up after this: the one who sent it has long lost interest.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// A file that is still coming. Gone when it is dropped.
pub(crate) type Incoming = NamedTempFile;

/// The folders of archives.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    whole: PathBuf,
    coming: PathBuf,
}

impl Folder {
    /// Makes the folders, and clears away what a server that was killed left half.
    pub(crate) fn open(data: &Path) -> Result<Self> {
        let (whole, coming) = (data.join(WHOLE), data.join(COMING));
        for folder in [&whole, &coming] {
            fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        }
        for entry in fs::read_dir(&coming).map_err(Error::file("list", &coming))? {
            let path = entry.map_err(Error::file("list", &coming))?.path();
            fs::remove_file(&path).map_err(Error::file("remove", &path))?;
        }
        Ok(Self { whole, coming })
    }

    /// A new file for an upload.
    pub(crate) fn incoming(&self) -> io::Result<Incoming> {
        tempfile::Builder::new().suffix(".part").tempfile_in(&self.coming)
    }

    /// Where a kept archive is.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.whole.join(path)
    }

    /// Removes uploads of days ago that no bundle needs.
    pub(crate) fn clear_abandoned(&self, database: &Connection) -> Result<usize> {
        let mut cleared = 0;
        for app in list(&self.whole)? {
            for archive in list(&app)? {
                let path = archive
                    .strip_prefix(&self.whole)
                    .unwrap_or(&archive)
                    .to_string_lossy()
                    .into_owned();
                let age = fs::metadata(&archive)
                    .and_then(|metadata| metadata.modified())
                    .map_err(Error::file("look at", &archive))?;
                let old = SystemTime::now().duration_since(age).is_ok_and(|age| age > ABANDONED);
                let needed = bundles::needs_file(database, &path).map_err(|refusal| Error::Stopped(refusal.message))?;
                if old && !needed {
                    fs::remove_file(&archive).map_err(Error::file("remove", &archive))?;
                    cleared += 1;
                }
            }
        }
        Ok(cleared)
    }
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::file("list", folder))?;
    entries
        .map(|entry| Ok(entry.map_err(Error::file("list", folder))?.path()))
        .collect()
}

impl Storage for Folder {
    fn keep(&self, archive: Incoming, path: &str) -> io::Result<bool> {
        archive.as_file().sync_all()?;
        let to = self.path(path);
        let folder = to.parent().unwrap_or(&self.whole).to_owned();
        fs::create_dir_all(&folder)?;
        // The proxy in front, or a backup, may run as somebody else.
        #[cfg(unix)]
        fs::set_permissions(archive.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        let new = match archive.persist_noclobber(&to) {
            Ok(_) => true,
            // Replaced all the same: its age is that of the newest upload, so that it is not cleared away as abandoned.
            Err(there) if there.error.kind() == io::ErrorKind::AlreadyExists => {
                there.file.persist(&to).map_err(|error| error.error)?;
                false
            }
            Err(failed) => return Err(failed.error),
        };
        sync_folder(&folder)?;
        sync_folder(&self.whole)?;
        Ok(new)
    }

    fn size(&self, path: &str) -> io::Result<Option<u64>> {
        match fs::metadata(self.path(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            metadata => Ok(Some(metadata?.len())),
        }
    }

    fn seems_there(&self, path: &str) -> io::Result<bool> {
        self.path(path).try_exists()
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        match fs::remove_file(self.path(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn elsewhere(&self, _: &str) -> io::Result<Option<String>> {
        Ok(None)
    }
}

/// A rename is durable once its folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()
    } else {
        Ok(())
    }
}
