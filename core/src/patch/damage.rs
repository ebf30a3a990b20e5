//! Errors of bytes that are no patch.

use crate::error::Error;

/// Why bytes are not a patch of this old side.
pub(super) fn damaged(problem: &'static str) -> Error {
    Error::invalid_input("patch", problem)
}
