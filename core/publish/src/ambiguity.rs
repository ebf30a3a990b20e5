//! What an error says of a change that was asked for.

use crate::error::Error;

/// Whether the change may have been made all the same: no answer came, or one of a server, or of what stands before it, that
/// broke over it; or it said that it was done, and the rest of its answer cannot be used.
pub(super) fn may_have_been_done(error: &Error) -> bool {
    let broke = |status: u16| status == 408 || status >= 500 || (200..300).contains(&status);
    match error {
        Error::Core(capbundle::Error::Network { .. } | capbundle::Error::Cancelled { .. }) => true,
        Error::Core(capbundle::Error::Server { status, .. }) => broke(*status),
        Error::Api(error) => broke(error.status),
        _ => false,
    }
}
