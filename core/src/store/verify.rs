//! Comparing installed files with the digests recorded when they were written.

use std::io;
use std::time::{Duration, Instant};

use super::bundle_id::BundleId;
use super::open::Store;
use crate::bundle::WrittenFile;
use crate::error::{Error, Result};
use crate::progress::{Control, Phase};
use crate::release::FileList;

/// How an installed file differs from what was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The file, inside the bundle.
    pub path: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Store {
    /// Compares every file of an installed bundle with the digest recorded when it was written. For a background thread.
    ///
    /// Files that are there but were not installed are not looked for. An empty answer says that the bundle is whole.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no such bundle,
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if no digests were recorded (a bundle taken over from Capgo's
    /// plugin), [`Corrupt`](crate::ErrorKind::Corrupt) if they cannot be read back, [`Io`](crate::ErrorKind::Io),
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn verify_bundle(&self, id: &BundleId, control: &Control) -> Result<Vec<Damage>> {
        if !self.state()?.bundles.contains_key(id) {
            return Err(id.unknown());
        }
        let listed = self.storage.listed_files(id)?;
        let listed = listed.ok_or_else(|| Error::Unsupported {
            what: format!("verifying bundle {id}"),
            problem: "no digests of its files were recorded when it was taken over".to_owned(),
        })?;
        let (total, mut done) = (listed.iter().map(|file| file.size).sum(), 0);
        let mut damages = Vec::new();
        for file in &listed {
            control.check("verify")?;
            damages.extend(self.damage_of(id, file).unwrap_or_else(|error| {
                let problem = format!("it cannot be read: {error}");
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

    /// Looks at `index.html` and then at files from a random place on, until the time is over. A bundle without recorded
    /// digests, or with files that cannot be read for reasons of the system, counts as whole.
    pub(super) fn sample_is_damaged(&self, id: &BundleId, started: Instant, budget: Duration) -> bool {
        let Ok(Some(mut listed)) = self.storage.listed_files(id) else {
            return false;
        };
        let mut random = [0; 8];
        // Without random numbers the sample begins at the start, which is still a sample.
        let _ = getrandom::fill(&mut random);
        let start = usize::try_from(u64::from_le_bytes(random) % listed.len().max(1) as u64).unwrap_or(0);
        listed.rotate_left(start);
        listed.sort_by_key(|file| file.path.as_str() != "index.html");
        listed
            .iter()
            .take_while(|_| started.elapsed() < budget)
            // A file that cannot be read now may be whole: only other bytes, or none, are damage.
            .any(|file| matches!(self.damage_of(id, file), Ok(Some(_))))
    }

    /// Whether the files that were written when the bundle was installed are exactly those of the list. `false` where that
    /// was not written down, or cannot be read back.
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
            Ok((_, size)) => format!("it has {size} bytes of other contents; {} were installed", file.size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => "it is gone".to_owned(),
            Err(error) => return Err(error),
        };
        Ok(Some(Damage {
            path: file.path.to_string(),
            problem,
        }))
    }
}
