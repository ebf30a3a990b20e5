//! JSON values in messages.

use serde_json::Value;

use super::object::compact;
use crate::path::printable;

/// A value for printing: scalars as JSON, shortened, and the type of everything else.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text.as_bytes()),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) => compact(value),
    }
}
