//! Room on the device.

use capbundle_core::store as core;

use super::Store;
use super::records::BundleRecord;
use crate::convert::{count, milliseconds, signed, unsigned};
use crate::error::Result;

/// Which bundles `clean` keeps. Every rule that is set must allow a bundle; what is in use always stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, uniffi::Record)]
pub struct KeepRules {
    /// The newest this many, by time of installation.
    #[uniffi(default = None)]
    pub newest: Option<i64>,
    /// Those installed at most so many milliseconds ago.
    #[uniffi(default = None)]
    pub max_age_ms: Option<i64>,
    /// As many of the newest as fit into this many bytes, unpacked.
    #[uniffi(default = None)]
    pub max_total: Option<i64>,
}

impl KeepRules {
    fn to_core(&self) -> Result<core::KeepRules> {
        Ok(core::KeepRules {
            newest: self.newest.map(|number| count("newest", number)).transpose()?,
            max_age: self.max_age_ms.map(|time| milliseconds("maxAgeMs", time)).transpose()?,
            max_total: self.max_total.map(|size| unsigned("maxTotal", size)).transpose()?,
        })
    }
}

/// What `clean` removed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Cleaned {
    /// The bundles that are gone.
    pub removed: Vec<BundleRecord>,
    /// Bytes of their files.
    pub freed: i64,
}

/// What the store takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct DiskUsage {
    /// Number of installed bundles.
    pub bundles: i64,
    /// Bytes of their files.
    pub bundle_bytes: i64,
    /// Bytes that can still be written.
    pub free: i64,
}

#[uniffi::export]
impl Store {
    /// How much the bundles take up and how much is free. Throws `Io` if the state or the file system cannot be asked.
    pub fn disk_usage(&self) -> Result<DiskUsage> {
        let usage = self.run_core("disk usage", core::Store::disk_usage)?;
        Ok(DiskUsage {
            bundles: signed(usage.bundles),
            bundle_bytes: signed(usage.bundle_bytes),
            free: signed(usage.free),
        })
    }

    /// Removes the files of deleted and failed bundles, and what crashes left. Blocks while it removes files: for a
    /// background thread.
    ///
    /// `confirm`, `trialExpired`, `markFailed` and `delete` only rename the folder of a bundle, so that the caller does not
    /// wait. The next update removes the files before it needs the space; this frees it sooner, for example after `confirm`.
    ///
    /// Throws `Busy`, `Io`. What cannot be removed keeps nothing else from being removed.
    pub fn sweep(&self) -> Result<()> {
        self.run_core("sweep", core::Store::sweep)
    }

    /// Removes the bundles that the rules do not keep, then as `sweep`. Current, next and fallback stay, and what a running
    /// session serves. Blocks while it removes files: for a background thread.
    ///
    /// Throws `Busy`, `Io`. What was removed before an error stays removed.
    pub fn clean(&self, keep: KeepRules) -> Result<Cleaned> {
        let cleaned = self.run("clean", |store| Ok(store.clean(&keep.to_core()?)?))?;
        self.log.info(|| {
            format!(
                "clean: removed {} bundles, {} bytes",
                cleaned.removed.len(),
                cleaned.freed
            )
        });
        Ok(Cleaned {
            removed: cleaned.removed.into_iter().map(BundleRecord::from).collect(),
            freed: signed(cleaned.freed),
        })
    }
}
