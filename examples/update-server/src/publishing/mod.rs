//! Routes for publishers: the Bundles API, channels and statistics.

pub(crate) mod bundle;
pub(crate) mod channel;
mod json;
mod native_packages;
pub(crate) mod statistics;

use crate::access::Caller;
use crate::api_error::{ApiError, ApiResult};
use crate::input::Fields;

/// The app of the request, which the caller may read.
fn readable_app(caller: &Caller, fields: &Fields) -> ApiResult<String> {
    let app_id = fields.app_id()?;
    if caller.may_read(&app_id) {
        Ok(app_id)
    } else {
        Err(cannot_access_app())
    }
}

fn cannot_access_app() -> ApiError {
    ApiError::new("cannot_access_app", "You can't access this app")
}
