//! Releases whose members are not as docs/format.md has them.

use serde_json::{Value, json};

use super::{CREATED, Vector, digest, release, signed, with, without};
use crate::vector::capgo::TestKeys;

pub(super) fn all(keys: &TestKeys) -> Vec<Vector> {
    [understood(keys), members(keys)].concat()
}

fn understood(keys: &TestKeys) -> Vec<Vector> {
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

fn members(keys: &TestKeys) -> Vec<Vector> {
    let case = |name: &str, expect: &str, why: &str, member: &str, value: Value| {
        signed(keys, name, expect, why, &with(&release(), &[(member, value)]))
    };
    let missing = [
        "app_id",
        "channel",
        "version",
        "sequence",
        "created_at",
        "expires_at",
        "archive",
        "files_sha256",
    ];
    let missing = missing.map(|member| {
        signed(
            keys,
            &format!("missing-{member}"),
            "malformed",
            "a member is not there",
            &without(&release(), member),
        )
    });
    let upper = digest(b"archive").to_uppercase();
    let others = vec![
        signed(
            keys,
            "only-what-must-be-there",
            "ok",
            "everything that may be absent is",
            &["native", "link", "comment", "critical"]
                .iter()
                .fold(release(), |release, name| without(&release, name)),
        ),
        case(
            "app-no-domain",
            "malformed",
            "an app id without a dot",
            "app_id",
            json!("app"),
        ),
        case(
            "channel-with-slash",
            "malformed",
            "a channel is part of a path",
            "channel",
            json!("../production"),
        ),
        case(
            "channel-with-dot",
            "malformed",
            "a hidden file",
            "channel",
            json!(".production"),
        ),
        case(
            "channel-too-long",
            "malformed",
            "65 characters",
            "channel",
            json!("p".repeat(65)),
        ),
        case("version-empty", "malformed", "no version", "version", json!("")),
        case(
            "version-control",
            "malformed",
            "a line break in a version",
            "version",
            json!("1.2.3\n"),
        ),
        case(
            "version-too-long",
            "malformed",
            "257 bytes",
            "version",
            json!("v".repeat(257)),
        ),
        case(
            "version-any-text",
            "ok",
            "versions are what people call them",
            "version",
            json!("Zw\u{f6}lf \u{1f680}"),
        ),
        case(
            "sequence-0",
            "malformed",
            "sequences begin with 1",
            "sequence",
            json!(0),
        ),
        case(
            "sequence-text",
            "malformed",
            "a number in quotes",
            "sequence",
            json!("42"),
        ),
        case(
            "sequence-largest",
            "ok",
            "2^53 - 1",
            "sequence",
            json!((1_u64 << 53) - 1),
        ),
        case(
            "sequence-2-to-the-53",
            "malformed",
            "2^53, which JavaScript takes for 2^53 + 1 too",
            "sequence",
            json!(1_u64 << 53),
        ),
        case(
            "created-text",
            "malformed",
            "a date as text",
            "created_at",
            json!("2026-11-29T00:00:00Z"),
        ),
        case(
            "expires-at-once",
            "malformed",
            "good for no time at all",
            "expires_at",
            json!(CREATED),
        ),
        case(
            "expires-before",
            "malformed",
            "good until before it was made",
            "expires_at",
            json!(CREATED - 1),
        ),
        case("native-null", "malformed", "null is not absent", "native", json!(null)),
        case("native-text", "malformed", "not an object", "native", json!("2.0")),
        case(
            "native-word",
            "malformed",
            "an end that has no place in the order",
            "native",
            json!({"min": "latest"}),
        ),
        case("native-empty", "ok", "both ends are open", "native", json!({})),
        case(
            "archive-digest-upper-case",
            "malformed",
            "digits in upper case",
            "archive",
            json!({"size": 1, "sha256": upper}),
        ),
        case(
            "archive-digest-short",
            "malformed",
            "63 digits",
            "archive",
            json!({"size": 1, "sha256": &digest(b"")[1..]}),
        ),
        case(
            "archive-size-missing",
            "malformed",
            "no size",
            "archive",
            json!({"sha256": digest(b"")}),
        ),
        case(
            "archive-text",
            "malformed",
            "a digest alone",
            "archive",
            json!(digest(b"")),
        ),
        case(
            "sealed-empty",
            "malformed",
            "nothing of a sealed archive",
            "sealed",
            json!({}),
        ),
        case("sealed-null", "malformed", "null is not absent", "sealed", json!(null)),
        case("files-null", "malformed", "no file list", "files_sha256", json!(null)),
        case(
            "link-too-long",
            "malformed",
            "2,049 bytes",
            "link",
            json!("l".repeat(2_049)),
        ),
        case(
            "comment-too-long",
            "malformed",
            "4,097 bytes",
            "comment",
            json!("c".repeat(4_097)),
        ),
        case(
            "comment-longest",
            "ok",
            "4,096 bytes",
            "comment",
            json!("c".repeat(4_096)),
        ),
    ];
    [missing.to_vec(), others].concat()
}
