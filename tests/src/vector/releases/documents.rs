//! Releases that a reader may not support: their format and their critical members.

use serde_json::{Value, json};

use super::{Vector, release, signed, with, without};
use crate::vector::capgo::TestKeys;

pub(super) fn all(keys: &TestKeys) -> Vec<Vector> {
    let case = |name: &str, expect: &str, why: &str, members: &[(&str, Value)]| {
        signed(keys, name, expect, why, &with(&release(), members))
    };
    vec![
        case("format-2", "unknown_format", "a later format", &[("format", json!(2))]),
        case(
            "format-2-and-nonsense",
            "unknown_format",
            "in a later format every member may mean something else",
            &[("format", json!(2)), ("critical", json!(7)), ("sequence", json!("x"))],
        ),
        case(
            "format-text",
            "malformed",
            "a format that is no number",
            &[("format", json!("1"))],
        ),
        case(
            "format-true",
            "malformed",
            "what is 1 to some",
            &[("format", json!(true))],
        ),
        case(
            "format-0",
            "unknown_format",
            "no format either",
            &[("format", json!(0))],
        ),
        signed(
            keys,
            "format-missing",
            "malformed",
            "no format",
            &without(&release(), "format"),
        ),
        case(
            "critical-unknown",
            "unknown_critical",
            "a member that a reader must know and does not",
            &[("critical", json!(["geo_fence"])), ("geo_fence", json!("EU"))],
        ),
        case(
            "critical-unknown-and-absent",
            "unknown_critical",
            "it is not even there",
            &[("critical", json!(["geo_fence"]))],
        ),
        case(
            "critical-unknown-and-malformed",
            "unknown_critical",
            "what is not understood is said first",
            &[("critical", json!(["geo_fence"])), ("sequence", json!(0))],
        ),
        case(
            "critical-known",
            "ok",
            "members of the table",
            &[("critical", json!(["expires_at", "native", "link"]))],
        ),
        case(
            "critical-itself",
            "ok",
            "that too is a member of the table",
            &[("critical", json!(["critical"]))],
        ),
        case(
            "critical-absent-member",
            "malformed",
            "a member that is not there",
            &[("critical", json!(["sealed"]))],
        ),
        case(
            "critical-twice",
            "malformed",
            "a name twice",
            &[("critical", json!(["link", "link"]))],
        ),
        case(
            "critical-text",
            "malformed",
            "not a list",
            &[("critical", json!("link"))],
        ),
        case(
            "critical-numbers",
            "malformed",
            "not texts",
            &[("critical", json!([1]))],
        ),
        case(
            "critical-null",
            "malformed",
            "null is not absent",
            &[("critical", json!(null))],
        ),
        signed(
            keys,
            "critical-missing",
            "ok",
            "nothing is critical",
            &without(&release(), "critical"),
        ),
        case(
            "unknown-member",
            "ok",
            "a member that nobody must know",
            &[("geo_fence", json!({"in": ["EU"]}))],
        ),
    ]
}
