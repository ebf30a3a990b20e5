//! Valid releases on devices that must reject them, and on devices that must accept them.

use serde_json::{Value, json};

use super::{CREATED, EXPIRES, OTHER_EXPONENT, Vector, digest, release, signed, vector, with};
use crate::forge::envelope::{RELEASE, envelope};
use crate::vector::capgo::TestKeys;

pub(super) fn all(keys: &TestKeys) -> Vec<Vector> {
    [
        place(keys),
        order(keys),
        time(keys),
        native(keys),
        roles(keys),
        precedence(keys),
    ]
    .concat()
}

/// The valid release on a device that differs in one field.
fn on(keys: &TestKeys, name: &str, expect: &str, why: &str, field: (&str, &str)) -> Vector {
    signed(keys, name, expect, why, &release()).replacing(field.0, field.1)
}

fn place(keys: &TestKeys) -> Vec<Vector> {
    vec![
        on(
            keys,
            "other-app",
            "wrong_app",
            "a release of another app of the same people",
            ("app", "com.example.other"),
        ),
        on(
            keys,
            "other-app-case",
            "wrong_app",
            "ids are compared letter by letter",
            ("app", "com.example.App"),
        ),
        on(
            keys,
            "other-channel",
            "wrong_channel",
            "a release for testers, on everybody's channel",
            ("channel", "beta"),
        ),
        on(
            keys,
            "other-channel-case",
            "wrong_channel",
            "names are compared letter by letter",
            ("channel", "Production"),
        ),
    ]
}

fn order(keys: &TestKeys) -> Vec<Vector> {
    let payload = digest(release().to_string().as_bytes());
    let accepted = |sequence: u64, payload: &str| format!("{sequence} {payload}");
    let other = digest(b"another release");
    vec![
        on(
            keys,
            "built-in-before",
            "ok",
            "built with the one before",
            ("built_in_sequence", "41"),
        ),
        on(
            keys,
            "built-in-same",
            "built_in_is_newer",
            "built with this one",
            ("built_in_sequence", "42"),
        ),
        on(
            keys,
            "built-in-after",
            "built_in_is_newer",
            "an app-store update must not be downgraded",
            ("built_in_sequence", "43"),
        ),
        on(
            keys,
            "accepted-before",
            "ok",
            "a later one",
            ("accepted", &accepted(41, &other)),
        ),
        on(
            keys,
            "accepted-same",
            "ok",
            "the very same again",
            ("accepted", &accepted(42, &payload)),
        ),
        on(
            keys,
            "accepted-same-number",
            "replayed",
            "two releases with one number",
            ("accepted", &accepted(42, &other)),
        ),
        on(
            keys,
            "replay",
            "replayed",
            "an old release with old holes",
            ("accepted", &accepted(43, &other)),
        ),
    ]
}

fn time(keys: &TestKeys) -> Vec<Vector> {
    let at = |name: &str, expect: &str, why: &str, now: u64, seen: u64| {
        on(keys, name, expect, why, ("now", &now.to_string())).with("latest_time_seen", &seen.to_string())
    };
    vec![
        at("last-second", "ok", "good until now", EXPIRES - 1, 0),
        at("expired", "expired", "the very second", EXPIRES, 0),
        at(
            "expired-long-ago",
            "expired",
            "frozen for a year",
            EXPIRES + 31_536_000,
            0,
        ),
        at(
            "clock-set-back",
            "expired",
            "the device's clock is wrong, and it knows better",
            CREATED,
            EXPIRES,
        ),
        at(
            "clock-set-back-in-time",
            "ok",
            "wrong, and still in time",
            0,
            EXPIRES - 1,
        ),
        at(
            "clock-in-2099",
            "expired",
            "a clock far ahead refuses everything",
            4_070_908_800,
            CREATED,
        ),
        at(
            "clock-right-again",
            "ok",
            "and nothing of it stays once it is set right",
            CREATED + 60,
            CREATED,
        ),
        at(
            "from-the-future",
            "ok",
            "the device's clock is behind",
            CREATED - 86_400,
            0,
        ),
    ]
}

fn native(keys: &TestKeys) -> Vec<Vector> {
    let case = |name: &str, expect: &str, why: &str, native: &str| on(keys, name, expect, why, ("native", native));
    let within = |name: &str, expect: &str, why: &str, range: Value, native: &str| {
        signed(keys, name, expect, why, &with(&release(), &[("native", range)])).replacing("native", native)
    };
    vec![
        case("native-oldest", "ok", "the oldest, included", "2"),
        case("native-newest", "ok", "the newest, included", "3.4.1"),
        case("native-newest-with-tail", "ok", "a tail does not count", "3.4.1-beta+7"),
        case("native-tail-plus", "ok", "nor does one from a plus on", "3.4.1+7"),
        case("native-tail-space", "ok", "nor one from a space on", "3.4.1 (700)"),
        case("native-leading-zeros", "ok", "numbers, not texts", "03.004.01"),
        case(
            "native-number-2-to-the-64",
            "native_out_of_range",
            "a number that has no place in the order",
            "3.18446744073709551616",
        ),
        case(
            "native-unknown",
            "native_out_of_range",
            "a device that does not know its version",
            "",
        ),
        case("native-too-old", "native_out_of_range", "one before", "1.9.9"),
        case("native-too-new", "native_out_of_range", "one after", "3.4.1.1"),
        case("native-number-by-number", "ok", "2.10 is after 2.9", "2.10"),
        case(
            "native-without-order",
            "native_out_of_range",
            "a version that has no place in the order",
            "latest",
        ),
        within("native-no-oldest", "ok", "one end is open", json!({"max": "3"}), "0.1"),
        within("native-no-newest", "ok", "the other is open", json!({"min": "3"}), "99"),
        within("native-no-ends", "ok", "both are", json!({}), "latest"),
        within("native-no-ends-unknown", "ok", "both are", json!({}), ""),
        within(
            "native-ends-turned",
            "native_out_of_range",
            "an oldest above the newest: nothing lies between",
            json!({"min": "4", "max": "2"}),
            "3",
        ),
        within(
            "native-end-with-tail",
            "ok",
            "a tail does not count there either",
            json!({"min": "3.0-beta", "max": "003+1"}),
            "3",
        ),
        within(
            "native-largest-number",
            "ok",
            "2^64 - 1",
            json!({"min": u64::MAX.to_string()}),
            &u64::MAX.to_string(),
        ),
        within(
            "native-longest",
            "ok",
            "256 bytes",
            json!({"max": format!("3{}-", ".0".repeat(127))}),
            "3",
        ),
    ]
}

fn roles(keys: &TestKeys) -> Vec<Vector> {
    let sealed = with(
        &release(),
        &[("sealed", json!({"size": 1_235_301, "header_sha256": digest(b"header")}))],
    );
    let case = |name: &str, expect: &str, why: &str, key: &str| {
        signed(keys, name, expect, why, &sealed).with("content_key", key)
    };
    vec![
        case(
            "sealed",
            "ok",
            "a content key that signs nothing",
            "test-signer-4096.public.pem",
        ),
        case(
            "key-in-both-roles",
            "key_in_both_roles",
            "everybody who has the app could sign",
            "test-signer.public.pem",
        ),
        vector(
            "retired-key-in-both-roles",
            "key_in_both_roles",
            "it signed once",
            envelope(RELEASE, sealed.to_string().as_bytes(), &[&keys.other])
                .to_string()
                .into_bytes(),
        )
        .replacing("rings", "two.json two-signer-retired.json")
        .with("content_key", "test-signer.public.pem"),
        case(
            "key-in-both-roles-by-modulus",
            "key_in_both_roles",
            "the same private numbers, whatever the exponent",
            OTHER_EXPONENT,
        ),
        signed(
            keys,
            "sealed-no-content-key",
            "ok",
            "no content key at hand, so none that signs; opening is what fails",
            &sealed,
        ),
        signed(
            keys,
            "key-in-both-roles-plain",
            "ok",
            "not sealed, so no content key is in play",
            &release(),
        )
        .with("content_key", "test-signer.public.pem"),
    ]
}

/// Two faults, of which the one that is checked first is reported.
fn precedence(keys: &TestKeys) -> Vec<Vector> {
    let case = |name: &str, expect: &str, members: &[(&str, Value)]| {
        signed(
            keys,
            name,
            expect,
            "what is checked first is said",
            &with(&release(), members),
        )
    };
    vec![
        case("first-signatures", "signatures", &[("format", json!(2))]).replacing("rings", "two-of-three.json"),
        case(
            "first-format",
            "unknown_format",
            &[("format", json!(2)), ("app_id", json!("com.example.other"))],
        ),
        case(
            "first-malformed",
            "malformed",
            &[("version", json!("")), ("app_id", json!("com.example.other"))],
        ),
        case(
            "first-app",
            "wrong_app",
            &[("app_id", json!("com.example.other")), ("channel", json!("beta"))],
        ),
        case("first-channel", "wrong_channel", &[("channel", json!("beta"))]).with("built_in_sequence", "50"),
        case("first-built-in", "built_in_is_newer", &[])
            .with("built_in_sequence", "50")
            .with("accepted", &format!("51 {}", digest(b"another"))),
        case("first-replayed", "replayed", &[])
            .with("accepted", &format!("51 {}", digest(b"another")))
            .replacing("now", &EXPIRES.to_string()),
        case("first-expired", "expired", &[])
            .replacing("now", &EXPIRES.to_string())
            .replacing("native", "9"),
        case(
            "first-native",
            "native_out_of_range",
            &[("sealed", json!({"size": 1_235_301, "header_sha256": digest(b"header")}))],
        )
        .replacing("native", "9")
        .with("content_key", "test-signer.public.pem"),
    ]
}
