//! Whether a failed change may have been made.

use crate::error::Error;

/// Whether the change may have been made despite the error: no response arrived, the server or a proxy failed, or the response is a
/// success with an unusable body.
pub(super) fn may_have_been_done(error: &Error) -> bool {
    let broke = |status: u16| status == 408 || status >= 500 || (200..300).contains(&status);
    match error {
        Error::Core(capbundle::Error::Network { .. } | capbundle::Error::Cancelled { .. }) => true,
        Error::Core(capbundle::Error::Server { status, .. }) => broke(*status),
        Error::Api(error) => broke(error.status),
        _ => false,
    }
}
