//! Archives in a folder: what is still coming in one place, what is whole in another.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use super::Storage;
use crate::error::{Error, Result};
use crate::names;

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
            // A folder was not left by a server: whoever made it knows what it is. And what stays takes space, and does no harm.
            if let Err(problem) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %problem, "left alone in the folder of what is coming");
            }
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

    /// Goes through the archives. What cannot be looked at, or is none, is none of the server's: it is told and left alone.
    pub(crate) fn look(&self) -> Looked {
        let mut looked = Looked::default();
        for (app, path) in looked.list(&self.whole) {
            if !path.is_dir() || !names::is_app_id(&app) {
                looked.odd.push(format!("{} is no folder of an app", path.display()));
                continue;
            }
            for (name, path) in looked.list(&path) {
                // Not the path of the system: an archive is known by its own, with a slash everywhere.
                let archive = format!("{app}/{name}");
                match is_old(&path) {
                    Ok(_) if !path.is_file() || !names::is_stored_file(&name) => {
                        looked.odd.push(format!("{} is no archive", path.display()));
                    }
                    Ok(true) => looked.old.push(archive),
                    Ok(false) => {}
                    Err(problem) => looked.odd.push(format!("{}: {problem}", path.display())),
                }
            }
        }
        looked
    }

    /// Removes an archive if it is one of days ago; gives whether it was.
    pub(crate) fn remove_old(&self, path: &str) -> io::Result<bool> {
        let archive = self.path(path);
        match is_old(&archive) {
            Ok(true) => fs::remove_file(archive).map(|()| true),
            Ok(false) => Ok(false),
            // Somebody took it back meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// What is in the folder of archives.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// Archives of days ago, which may be needed all the same.
    pub(crate) old: Vec<String>,
    /// What is no archive, or cannot be looked at, in words.
    pub(crate) odd: Vec<String>,
}

impl Looked {
    /// Names and paths of what is in a folder.
    fn list(&mut self, folder: &Path) -> Vec<(String, PathBuf)> {
        let mut found = Vec::new();
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        match entries {
            Ok(entries) => {
                for entry in entries {
                    match entry.file_name().into_string() {
                        Ok(name) => found.push((name, entry.path())),
                        Err(_) => self.odd.push(format!("{} is no archive", entry.path().display())),
                    }
                }
            }
            Err(problem) => self.odd.push(format!("{}: {problem}", folder.display())),
        }
        found
    }
}

/// Whether nobody uploaded it, or uploaded it again, for so long that whoever did has lost interest.
fn is_old(archive: &Path) -> io::Result<bool> {
    let modified = fs::metadata(archive)?.modified()?;
    Ok(SystemTime::now()
        .duration_since(modified)
        .is_ok_and(|age| age > ABANDONED))
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
