//! Problems beside calls that succeeded, kept for the host.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Error;

/// Warnings kept. The oldest are dropped.
const MAX_WARNINGS: usize = 16;

/// The warnings that the host has not taken yet, oldest first.
#[derive(Debug, Default)]
pub(super) struct Warnings(Mutex<Vec<Error>>);

impl Warnings {
    pub(super) fn add(&self, warning: Error) {
        let mut warnings = self.lock();
        if warnings.len() == MAX_WARNINGS {
            warnings.remove(0);
        }
        warnings.push(warning);
    }

    pub(super) fn take(&self) -> Vec<Error> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Error>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
