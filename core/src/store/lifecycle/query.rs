//! Reading the state of the store.

use std::path::PathBuf;

use super::apply_condition::ApplyCondition;
use crate::digest::Sha256Digest;
use crate::error::Result;
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::open::Store;
use crate::store::records::{BundleRecord, FailedBundle, Identity, SetAside, Status};
use crate::time::Timestamp;

impl Store {
    /// Every installed bundle, oldest first.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) if the state cannot be read, as for every method that only reads.
    pub fn list(&self) -> Result<Vec<(BundleRecord, Status)>> {
        let state = self.state()?;
        let mut all: Vec<_> = state
            .bundles
            .values()
            .map(|record| (record.clone(), state.status(record)))
            .collect();
        all.sort_by(|(a, _), (b, _)| (a.installed_at, &a.id).cmp(&(b.installed_at, &b.id)));
        Ok(all)
    }

    /// The record of an installed bundle.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if no bundle with this id is installed.
    pub fn get(&self, id: &BundleId) -> Result<BundleRecord> {
        self.state()?.bundles.get(id).cloned().ok_or_else(|| id.unknown())
    }

    /// The installed bundle with this digest, if its files exist: it need not be downloaded again.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn find(&self, digest: &Sha256Digest) -> Result<Option<BundleRecord>> {
        Ok(self
            .state()?
            .bundles
            .values()
            .find(|record| record.digest.as_ref() == Some(digest) && self.storage.is_there(&record.id))
            .cloned())
    }

    /// The current bundle: served now or at the next launch, unless [`next`](Self::next) replaces it.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn current(&self) -> Result<BundleRef> {
        Ok(self.state()?.current.clone())
    }

    /// The bundle that becomes current when its [`delays`](Self::delays) are met.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn next(&self) -> Result<Option<BundleRef>> {
        Ok(self.state()?.next.clone())
    }

    /// The last bundle that confirmed.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn fallback(&self) -> Result<BundleRef> {
        Ok(self.state()?.fallback.clone())
    }

    /// Failed bundles, which are not accepted again, from the oldest to the newest. The newest 64 are kept.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn failed(&self) -> Result<Vec<FailedBundle>> {
        Ok(self.state()?.failed.clone())
    }

    /// The failure that forbids a bundle. Call this before downloading it. A digest, of the archive or of the
    /// file list, decides alone; without one every bundle of the version is forbidden.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn failure_of(&self, version: &str, digest: Option<&Sha256Digest>) -> Result<Option<FailedBundle>> {
        Ok(self.state()?.failure_of(Identity::by_either(version, digest)).cloned())
    }

    /// When a proven bundle that was set aside is offered again
    /// ([`LaunchReason::SetAside`](crate::store::LaunchReason)); `None` if it is not set aside. Call this before
    /// downloading it: until then it is not installed, unless a release with a later sequence offers it.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn set_aside_until(&self, version: &str, digest: Option<&Sha256Digest>) -> Result<Option<Timestamp>> {
        let state = self.state()?;
        let aside = state.set_aside_of(Identity::by_either(version, digest), None, (self.clock)());
        Ok(aside.map(SetAside::until))
    }

    /// The conditions for [`next`](Self::next) that are not met yet.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn delays(&self) -> Result<Vec<ApplyCondition>> {
        Ok(self.state()?.delays.waiting().to_vec())
    }

    /// The folder with the files of a bundle.
    #[must_use]
    pub fn folder(&self, id: &BundleId) -> PathBuf {
        self.storage.layout.bundle(id)
    }
}
