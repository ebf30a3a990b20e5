//! The native packages that a publisher's project has: carried from there to the row and back.

use serde_json::Value;

use crate::input::Fields;
use crate::refusal::{Answer, Refusal};

/// A large project has a few hundred.
const MAX_COUNT: usize = 2000;
/// Longer than any name or version in use, with checksums of both platforms beside them.
const MAX_BYTES: usize = 2 << 10;

/// `native_packages`: an array of objects that have at least `name` and `version`.
pub(super) fn read(fields: &Fields) -> Answer<Option<Value>> {
    let Some(packages) = fields.value("native_packages") else {
        return Ok(None);
    };
    let list = packages.as_array().filter(|list| list.len() <= MAX_COUNT);
    if list.is_some_and(|list| list.iter().all(is_package)) {
        return Ok(Some(packages.clone()));
    }
    let message = format!(
        "native_packages is not an array of at most {MAX_COUNT} objects that have the texts name and version, each of at most \
         {MAX_BYTES} bytes"
    );
    Err(Refusal::new("invalid_native_packages", message))
}

fn is_package(package: &Value) -> bool {
    let has = |member: &str| {
        let text = package.get(member).and_then(Value::as_str);
        text.is_some_and(|text| !text.is_empty())
    };
    has("name") && has("version") && package.to_string().len() <= MAX_BYTES
}
