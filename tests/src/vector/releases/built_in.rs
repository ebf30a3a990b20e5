//! Releases that return devices to the built-in bundle, and similar ones.

use serde_json::{Value, json};

use super::{EXPIRES, Vector, built_in_release, digest, release, signed, with, without};
use crate::vector::capgo::TestKeys;

pub(super) fn all(keys: &TestKeys) -> Vec<Vector> {
    [sound(keys), malformed(keys), refused(keys)].concat()
}

fn sound(keys: &TestKeys) -> Vec<Vector> {
    let case = |name: &str, why: &str, document: &Value| signed(keys, name, "ok", why, document);
    let payload = digest(built_in_release().to_string().as_bytes());
    vec![
        case(
            "to-built-in",
            "back to the bundle inside the native app; a reader that does not know the member refuses it as unknown_critical",
            &built_in_release(),
        ),
        case(
            "to-built-in-only-what-must-be-there",
            "everything that may be absent is, but for critical",
            &["native", "link", "comment"]
                .iter()
                .fold(built_in_release(), |release, name| without(&release, name)),
        ),
        case(
            "to-built-in-and-others-critical",
            "other members may be critical as well",
            &with(&built_in_release(), &[("critical", json!(["native", "built_in"]))]),
        ),
        case(
            "to-built-in-accepted-before",
            "the very same once more is no news and no attack",
            &built_in_release(),
        )
        .with("accepted", &format!("42 {payload}")),
        case(
            "to-built-in-with-a-content-key-that-signs",
            "it has no sealed archive, so no content key is in play",
            &built_in_release(),
        )
        .with("content_key", super::OTHER_EXPONENT),
    ]
}

fn malformed(keys: &TestKeys) -> Vec<Vector> {
    let case = |name: &str, why: &str, document: &Value| signed(keys, name, "malformed", why, document);
    let value = |name: &str, why: &str, value: Value| {
        case(
            &format!("to-built-in-{name}"),
            why,
            &with(&built_in_release(), &[("built_in", value)]),
        )
    };
    let beside = |name: &str, member: &str, value: Value| {
        case(
            name,
            "it names a bundle and the built-in one: two readers could serve different ones",
            &with(&built_in_release(), &[(member, value)]),
        )
    };
    let sealed = json!({"size": 1_235_301, "header_sha256": digest(b"header")});
    vec![
        value(
            "false",
            "false is no meaning: a release of a bundle leaves it out",
            json!(false),
        ),
        value("null", "null is not absent", json!(null)),
        value("number", "1 is true in some languages", json!(1)),
        value("text", "a text is true in some languages", json!("true")),
        value("list", "a list is true in some languages", json!([true])),
        case(
            "to-built-in-not-critical",
            "readers that do not know it would miss archive at best",
            &with(&built_in_release(), &[("critical", json!([]))]),
        ),
        case(
            "to-built-in-without-critical",
            "the same, with no critical at all",
            &without(&built_in_release(), "critical"),
        ),
        case(
            "to-built-in-other-critical",
            "another member is critical in its place",
            &with(&built_in_release(), &[("critical", json!(["comment"]))]),
        ),
        case(
            "to-built-in-critical-and-absent",
            "a release of a bundle that says it must be understood",
            &with(&release(), &[("critical", json!(["built_in"]))]),
        ),
        case(
            "to-built-in-false-beside-a-bundle",
            "a release of a bundle that says that it is one",
            &with(&release(), &[("built_in", json!(false))]),
        ),
        case(
            "to-built-in-false-and-critical-beside-a-bundle",
            "the same, critical",
            &with(
                &release(),
                &[("built_in", json!(false)), ("critical", json!(["built_in"]))],
            ),
        ),
        case(
            "to-built-in-beside-a-bundle",
            "a whole release of a bundle, and of the built-in one",
            &with(
                &release(),
                &[("built_in", json!(true)), ("critical", json!(["built_in"]))],
            ),
        ),
        beside(
            "to-built-in-with-archive",
            "archive",
            json!({"size": 1_234_567, "sha256": digest(b"archive")}),
        ),
        beside("to-built-in-with-sealed", "sealed", sealed),
        beside("to-built-in-with-files", "files_sha256", json!(digest(b"files"))),
        beside("to-built-in-with-archive-null", "archive", json!(null)),
        beside("to-built-in-with-sealed-null", "sealed", json!(null)),
        beside("to-built-in-with-files-null", "files_sha256", json!(null)),
    ]
}

fn refused(keys: &TestKeys) -> Vec<Vector> {
    let on = |name: &str, expect: &str, why: &str, field: (&str, &str)| {
        signed(keys, name, expect, why, &built_in_release()).replacing(field.0, field.1)
    };
    vec![
        on(
            "to-built-in-other-app",
            "wrong_app",
            "the way back of another app",
            ("app", "com.example.other"),
        ),
        on(
            "to-built-in-other-channel",
            "wrong_channel",
            "the way back of testers",
            ("channel", "beta"),
        ),
        on(
            "to-built-in-replayed",
            "replayed",
            "an old way back would withdraw every later release",
            ("accepted", &format!("43 {}", digest(b"a later release"))),
        ),
        on(
            "to-built-in-same-number",
            "replayed",
            "another release with its sequence was accepted",
            ("accepted", &format!("42 {}", digest(release().to_string().as_bytes()))),
        ),
        on(
            "to-built-in-of-an-older-app",
            "built_in_is_newer",
            "the native app brings a later bundle by now",
            ("built_in_sequence", "42"),
        ),
        on(
            "to-built-in-expired",
            "expired",
            "a way back is good for a time as well",
            ("now", &EXPIRES.to_string()),
        ),
        on(
            "to-built-in-other-native",
            "native_out_of_range",
            "the way back is for some native versions only",
            ("native", "4.0"),
        ),
    ]
}
