//! Comparing installed files with the digests recorded when they were written.

use std::io;
use std::time::{Duration, Instant};

use super::bundle_id::BundleId;
use super::open::Store;
use crate::bundle::WrittenFile;
use crate::error::{Error, Result};
use crate::progress::{Control, Phase};
use crate::release::FileList;

/// How an installed file differs from the one that was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The path of the file in the bundle.
    pub path: String,
    /// The difference.
    pub problem: String,
}

impl Store {
    /// Compares every file of an installed bundle with the digest recorded at its installation. For a background
    /// thread.
    ///
    /// Additional files are not detected. An empty result means that the bundle is intact.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if the bundle is not installed,
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if no digests were recorded (a bundle migrated from Capgo's
    /// plugin), [`Corrupt`](crate::ErrorKind::Corrupt) if the recorded digests are unreadable,
    /// [`Io`](crate::ErrorKind::Io), [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn verify_bundle(&self, id: &BundleId, control: &Control) -> Result<Vec<Damage>> {
        if !self.state()?.bundles.contains_key(id) {
            return Err(id.unknown());
        }
        let listed = self.storage.listed_files(id)?;
        let listed = listed.ok_or_else(|| Error::Unsupported {
            what: format!("verifying bundle {id}"),
            problem: "no digests of its files were recorded when it was migrated".to_owned(),
        })?;
        let (total, mut done) = (listed.iter().map(|file| file.size).sum(), 0);
        let mut damages = Vec::new();
        for file in &listed {
            control.check("verify")?;
            damages.extend(self.damage_of(id, file).unwrap_or_else(|error| {
                let problem = format!("cannot read the file: {error}");
                Some(Damage {
                    path: file.path.to_string(),
                    problem,
                })
            }));
            done += file.size;
            control.report(Phase::Hash, done, total);
        }
        Ok(damages)
    }

    /// Checks `index.html` and then files from a random position on, until the time is over. A bundle without recorded
    /// digests, or with files that the system cannot read, counts as intact.
    pub(super) fn sample_is_damaged(&self, id: &BundleId, started: Instant, budget: Duration) -> bool {
        let Ok(Some(mut listed)) = self.storage.listed_files(id) else {
            return false;
        };
        let mut random = [0; 8];
        // Without random numbers the sample starts at the first file.
        let _ = getrandom::fill(&mut random);
        let start = usize::try_from(u64::from_le_bytes(random) % listed.len().max(1) as u64).unwrap_or(0);
        listed.rotate_left(start);
        listed.sort_by_key(|file| file.path.as_str() != "index.html");
        listed
            .iter()
            .take_while(|_| started.elapsed() < budget)
            // An unreadable file may be intact: only changed or missing bytes are damage.
            .any(|file| matches!(self.damage_of(id, file), Ok(Some(_))))
    }

    /// Whether the files recorded at installation are exactly those of the list. `false` if none were recorded, or they
    /// are unreadable.
    pub(super) fn has_files(&self, id: &BundleId, list: &FileList) -> Result<bool> {
        match self.storage.listed_files(id) {
            Ok(Some(listed)) => Ok(list.require_same(&listed).is_ok()),
            Ok(None) | Err(Error::Corrupt { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn damage_of(&self, id: &BundleId, file: &WrittenFile) -> io::Result<Option<Damage>> {
        let path = file.path.resolve(&self.folder(id));
        let problem = match self.storage.digest_of(&path) {
            Ok((digest, _)) if digest == file.digest => return Ok(None),
            Ok((_, size)) => format!(
                "expected {} bytes with the recorded digest, found {size} bytes with another digest",
                file.size
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => "missing".to_owned(),
            Err(error) => return Err(error),
        };
        Ok(Some(Damage {
            path: file.path.to_string(),
            problem,
        }))
    }
}
