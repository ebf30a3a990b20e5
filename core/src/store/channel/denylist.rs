//! Refusing denied releases without downloading them again.

use crate::digest::Sha256Digest;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::release::TrustedRelease;
use crate::store::install::ReleaseOptions;
use crate::store::open::Store;
use crate::store::records::{Denylist, is_fault_of_archive};

impl Store {
    /// The error for which the archive of this release was refused before, if it would be refused again.
    pub(in crate::store) fn denied_before(
        &self,
        trusted: &TrustedRelease,
        options: &ReleaseOptions,
    ) -> Result<Option<Error>> {
        let Some(denylist) = self.storage.denylist()? else {
            return Ok(None);
        };
        if !denylist.is_decided_by(&self.conditions(options)?) {
            return Ok(None);
        }
        Ok(denylist.error_of(&trusted.payload_digest()))
    }

    /// Adds a release to the denylist if `error` is caused by the content of its archive, which is known to be the one
    /// of the release.
    ///
    /// # Errors
    /// If the denylist cannot be written.
    pub(in crate::store) fn deny(
        &self,
        trusted: &TrustedRelease,
        options: &ReleaseOptions,
        error: &Error,
    ) -> Result<()> {
        if !is_fault_of_archive(error) {
            return Ok(());
        }
        let _lock = self.lock(self.options.lock_timeout)?;
        let decided_by = self.conditions(options)?;
        let before = self.storage.denylist()?;
        let mut denylist = before
            .filter(|denylist| denylist.is_decided_by(&decided_by))
            .unwrap_or_else(|| Denylist::new(decided_by));
        denylist.add(trusted.payload_digest(), error);
        self.storage.save_denylist(&denylist)
    }

    /// Digest of the conditions that decide, besides the archive, whether it is accepted.
    fn conditions(&self, options: &ReleaseOptions) -> Result<Sha256Digest> {
        let Limits {
            entries,
            total_size,
            file_size,
            path_length,
            component_length,
            depth,
            expansion_ratio,
            expansion_free,
        } = self.options.limits;
        let limits = [
            entries,
            total_size,
            file_size,
            path_length,
            component_length,
            depth,
            expansion_ratio,
            expansion_free,
        ];
        let build = self.storage.load()?.state.native_build;
        let mut keys: Vec<_> = (options.content_keys.iter().map(|key| key.public().id().to_string())).collect();
        keys.sort_unstable();
        let mut all = vec![
            env!("CARGO_PKG_VERSION").to_owned(),
            options.native.as_str().to_owned(),
            build.unwrap_or_default(),
        ];
        all.extend(limits.map(|limit| limit.to_string()));
        all.extend(keys);
        // Length prefixes keep the parts apart.
        let parts = all.iter().map(|part| format!("{}:{part}", part.len()));
        Ok(Sha256Digest::of(parts.collect::<String>().as_bytes()))
    }
}
