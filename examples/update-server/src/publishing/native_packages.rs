//! The native packages of a project, which are stored and returned as the publisher sent them.

use serde_json::Value;

use crate::api_error::{ApiError, ApiResult};
use crate::input::Fields;

/// More than any project has; a large one has a few hundred.
const MAX_COUNT: usize = 2000;
/// Larger than any package with its name, version and checksums of both platforms.
const MAX_BYTES: usize = 2 << 10;

/// Parses `native_packages`: an array of objects with at least `name` and `version`.
pub(super) fn parse(fields: &Fields) -> ApiResult<Option<Value>> {
    let Some(packages) = fields.value("native_packages") else {
        return Ok(None);
    };
    let list = packages.as_array().filter(|list| list.len() <= MAX_COUNT);
    if list.is_some_and(|list| list.iter().all(is_package)) {
        return Ok(Some(packages.clone()));
    }
    let message = format!(
        "native_packages: expected an array of at most {MAX_COUNT} objects with the strings name and version, each object of at \
         most {MAX_BYTES} bytes"
    );
    Err(ApiError::new("invalid_native_packages", message))
}

fn is_package(package: &Value) -> bool {
    let has = |member: &str| {
        let text = package.get(member).and_then(Value::as_str);
        text.is_some_and(|text| !text.is_empty())
    };
    has("name") && has("version") && package.to_string().len() <= MAX_BYTES
}
