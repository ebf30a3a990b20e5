//! The invariants of the state machine, see its module documentation.

use super::*;

macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}

pub(super) use ensure;

impl StoreState {
    /// Returns the violated invariant.
    pub(in crate::store) fn check_invariants(&self) -> Result<(), String> {
        let StoreState {
            current,
            fallback,
            next,
            trial,
            ..
        } = self;
        ensure!(
            *current == BundleRef::BuiltIn || current == fallback || trial.is_some(),
            "1: current {current} is neither built-in nor the fallback {fallback} nor on trial"
        );
        if let BundleRef::Bundle(id) = fallback {
            let proven = self.bundles.get(id).is_some_and(|record| record.proven_at.is_some());
            ensure!(proven, "2: the fallback {id} is not proven");
        }
        for (role, slot) in [
            ("current", Some(current)),
            ("next", next.as_ref()),
            ("fallback", Some(fallback)),
        ] {
            let Some(BundleRef::Bundle(id)) = slot else { continue };
            ensure!(self.bundles.contains_key(id), "3: {role} {id} is not installed");
        }
        if let Some(previous) = &self.previous {
            let proven = (self.bundles.get(previous)).is_some_and(|record| record.proven_at.is_some());
            ensure!(proven, "6: the predecessor {previous} is not proven");
            ensure!(
                trial.is_some() || !fallback.is(previous),
                "6: the fallback {previous} is its own predecessor"
            );
        }
        for record in self.bundles.values() {
            let failure = self.failure_of(record.identity());
            ensure!(
                failure.is_none(),
                "3: {} is installed and failed: {failure:?}",
                record.id
            );
        }
        ensure!(
            self.failed.len() <= MAX_FAILED,
            "5: {} failures are kept",
            self.failed.len()
        );
        ensure!(
            trial.is_none() || *current != BundleRef::BuiltIn,
            "4: the built-in bundle is on trial"
        );
        Ok(())
    }
}
