//! Disk usage and cleanup.

use capbundle_core::store as core;

use super::Store;
use super::records::BundleRecord;
use crate::convert::{count, milliseconds, signed, unsigned};
use crate::error::Result;

/// Which bundles `clean` keeps. A bundle must satisfy every rule that is set; a bundle in use is always kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, uniffi::Record)]
pub struct KeepRules {
    /// Keep this many of the newest, by time of installation.
    #[uniffi(default = None)]
    pub newest: Option<i64>,
    /// Keep those installed within this many milliseconds.
    #[uniffi(default = None)]
    pub max_age_ms: Option<i64>,
    /// Keep as many of the newest as fit into this many bytes, unpacked.
    #[uniffi(default = None)]
    pub max_total: Option<i64>,
}

impl KeepRules {
    fn to_core(&self) -> Result<core::KeepRules> {
        Ok(core::KeepRules::default()
            .with_newest(self.newest.map(|number| count("newest", number)).transpose()?)
            .with_max_age(self.max_age_ms.map(|time| milliseconds("maxAgeMs", time)).transpose()?)
            .with_max_total(self.max_total.map(|size| unsigned("maxTotal", size)).transpose()?))
    }
}

/// The result of `clean`.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Cleaned {
    /// The removed bundles.
    pub removed: Vec<BundleRecord>,
    /// Total bytes of their files.
    pub freed: i64,
}

/// The disk usage of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct DiskUsage {
    /// Number of installed bundles.
    pub bundles: i64,
    /// Total bytes of their files.
    pub bundle_bytes: i64,
    /// Bytes available.
    pub free: i64,
}

#[uniffi::export]
impl Store {
    /// The space that the bundles use and the space available. Throws `Io` if the state or the file system
    /// cannot be read.
    pub fn disk_usage(&self) -> Result<DiskUsage> {
        let usage = self.run_core("disk usage", core::Store::disk_usage)?;
        Ok(DiskUsage {
            bundles: signed(usage.bundles),
            bundle_bytes: signed(usage.bundle_bytes),
            free: signed(usage.free),
        })
    }

    /// Removes the files of deleted and failed bundles, and leftovers of crashes. Blocks while it removes
    /// files: call it from a background thread.
    ///
    /// `confirm`, `trialExpired`, `markFailed` and `delete` only rename the folder of a bundle, so that the
    /// caller does not wait. The next update removes the files before it needs the space; this frees it sooner,
    /// for example after `confirm`.
    ///
    /// Throws `Busy`, `Io`. A file that cannot be removed does not keep others from being removed.
    pub fn sweep(&self) -> Result<()> {
        self.run_core("sweep", core::Store::sweep)
    }

    /// Removes the bundles that the rules do not keep, then does the work of `sweep`. Current, next and
    /// fallback are kept, and bundles that a running session serves. Blocks while it removes files: call it
    /// from a background thread.
    ///
    /// Throws `Busy`, `Io`. Bundles removed before an error stay removed.
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
