//! Types of the FFI in the notation of the cases.

use serde_json::{Value, json};

use crate::archive::Proof;
use crate::error::ErrorKind;
use crate::limits::Limits;
use crate::store::types::ApplyCondition;

pub(super) fn error_kind(kind: ErrorKind) -> String {
    snake(&format!("{kind:?}"))
}

/// `NotTrusted` as `not_trusted`.
pub(super) fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

pub(super) fn proof(proof: &Proof) -> &'static str {
    match proof {
        Proof::Digest => "digest",
        Proof::CapgoSigned { .. } => "capgo_signed",
        Proof::Release { .. } => "release",
        Proof::Other => "other",
    }
}

pub(super) fn limits(value: Option<&Value>) -> Option<Limits> {
    let value = value?.as_object().unwrap();
    let mut limits = Limits {
        entries: 100_000,
        total_size: 2_147_483_648,
        file_size: 1_073_741_824,
        path_length: 1_024,
        component_length: 255,
        depth: 64,
        expansion_ratio: 200,
        expansion_free: 16_777_216,
    };
    for (key, number) in value {
        let number = number.as_i64().unwrap();
        match key.as_str() {
            "entries" => limits.entries = number,
            "total_size" => limits.total_size = number,
            "file_size" => limits.file_size = number,
            "path_length" => limits.path_length = number,
            "component_length" => limits.component_length = number,
            "depth" => limits.depth = number,
            "expansion_ratio" => limits.expansion_ratio = number,
            "expansion_free" => limits.expansion_free = number,
            _ => panic!("there is no limit {key}"),
        }
    }
    Some(limits)
}

pub(super) fn delay(value: &Value) -> ApplyCondition {
    let (key, value) = value.as_object().unwrap().iter().next().unwrap();
    match key.as_str() {
        "background" => ApplyCondition::Background {
            milliseconds: value.as_i64().unwrap(),
        },
        "kill" => ApplyCondition::Kill,
        "native_version" => ApplyCondition::NativeVersion {
            version: value.as_str().unwrap().to_owned(),
        },
        "date" => ApplyCondition::Date {
            seconds: value.as_i64().unwrap(),
        },
        _ => panic!("there is no delay {key}"),
    }
}

pub(super) fn delay_value(delay: &ApplyCondition) -> Value {
    match delay {
        ApplyCondition::Background { milliseconds } => json!({ "background": milliseconds }),
        ApplyCondition::Kill => json!({ "kill": true }),
        ApplyCondition::NativeVersion { version } => json!({ "native_version": version }),
        ApplyCondition::Date { seconds } => json!({ "date": seconds }),
    }
}
