//! Queries. All of them throw `Io` if the state cannot be read.

use capbundle_core::digest::Sha256Digest;

use super::Store;
use super::records::{BundleRecord, FailedBundle, InstalledBundle};
use super::types::{ApplyCondition, BundleRef};
use crate::convert::signed;
use crate::error::Result;

#[uniffi::export]
impl Store {
    /// All installed bundles, oldest first.
    pub fn list(&self) -> Result<Vec<InstalledBundle>> {
        let bundles = self.run_core("list", capbundle_core::store::Store::list)?;
        let bundles = bundles.into_iter().map(|(record, status)| InstalledBundle {
            record: record.into(),
            status: status.into(),
        });
        Ok(bundles.collect())
    }

    /// The record of an installed bundle. Throws `NotFound` if it is not installed.
    pub fn get(&self, id: &str) -> Result<BundleRecord> {
        self.run_core("get", |store| Ok(store.get(&id.parse()?)?.into()))
    }

    /// The installed bundle with this SHA-256, if its files exist: it need not be downloaded again.
    pub fn find(&self, digest: &str) -> Result<Option<BundleRecord>> {
        self.run_core("find", |store| {
            Ok(store.find(&digest.parse()?)?.map(BundleRecord::from))
        })
    }

    /// The current bundle: served now or at the next launch, unless `next` replaces it.
    pub fn current(&self) -> Result<BundleRef> {
        self.run_core("current", |store| Ok((&store.current()?).into()))
    }

    /// The bundle that replaces the current one when its conditions (`delays`) are met.
    pub fn next(&self) -> Result<Option<BundleRef>> {
        self.run_core("next", |store| Ok(store.next()?.as_ref().map(BundleRef::from)))
    }

    /// The last bundle that confirmed.
    pub fn fallback(&self) -> Result<BundleRef> {
        self.run_core("fallback", |store| Ok((&store.fallback()?).into()))
    }

    /// Failed bundles, which are not installed again.
    pub fn failed(&self) -> Result<Vec<FailedBundle>> {
        self.run_core("failed", |store| {
            Ok(store.failed()?.into_iter().map(FailedBundle::from).collect())
        })
    }

    /// The failure that forbids a bundle; check it before a download. A digest is decisive; without one, every
    /// bundle of the version is forbidden.
    #[uniffi::method(default(digest = None))]
    pub fn failure_of(&self, version: &str, digest: Option<String>) -> Result<Option<FailedBundle>> {
        self.run_core("failure of", |store| {
            let digest = digest.map(|digest| digest.parse::<Sha256Digest>()).transpose()?;
            Ok(store.failure_of(version, digest.as_ref())?.map(FailedBundle::from))
        })
    }

    /// When a proven bundle that was set aside (`LaunchReason.setAside`) is offered again, in seconds since
    /// 1970-01-01 UTC; nothing if it is not set aside. Check it before a download: until then the bundle is not
    /// installed, unless a release with a later sequence offers it.
    #[uniffi::method(default(digest = None))]
    pub fn set_aside_until(&self, version: &str, digest: Option<String>) -> Result<Option<i64>> {
        self.run_core("set aside until", |store| {
            let digest = digest.map(|digest| digest.parse::<Sha256Digest>()).transpose()?;
            Ok(store
                .set_aside_until(version, digest.as_ref())?
                .map(|time| signed(time.0)))
        })
    }

    /// The conditions of `next` that are not met yet.
    pub fn delays(&self) -> Result<Vec<ApplyCondition>> {
        self.run_core("delays", |store| {
            Ok(store.delays()?.iter().filter_map(ApplyCondition::from_core).collect())
        })
    }
}
