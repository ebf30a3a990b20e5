#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn problem(text: &str) -> String {
    parse(text.as_bytes()).unwrap_err()
}

/// The same value for `serde_json`, which keeps the last of duplicate members.
fn as_serde(value: &Value<'_>) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(value) => json!(value),
        Value::Number(number) => json!(number),
        Value::String(text) => json!(text),
        Value::Array(values) => values.iter().map(as_serde).collect(),
        Value::Object(object) => {
            let members = object.0.iter();
            members
                .map(|(name, value)| (name.to_string(), as_serde(value)))
                .collect()
        }
    }
}

#[test]
fn duplicate_members_are_refused_at_any_depth() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"a":3}"#,
        r#"[[{"x":{"a":1,"b":[],"a":2}}]]"#,
        // The same name with an escape.
        r#"{"key":1,"\u006bey":2}"#,
        r#"{"":1,"":2}"#,
    ] {
        assert!(problem(text).contains("duplicate member"), "{text}: {}", problem(text));
    }
    // Two objects may have members of the same name.
    assert!(parse(br#"{"a":{"b":1},"c":{"b":1}}"#).is_ok());
    // Names that look alike are different.
    assert!(parse("{\"\u{e9}\":1,\"e\u{301}\":2}".as_bytes()).is_ok());
}

#[test]
fn a_very_long_member_name_is_truncated_in_the_message() {
    let name = "\u{20ac}".repeat(100_000);
    assert!(problem(&format!("{{\"{name}\":1,\"{name}\":1}}")).len() < 1_000);
}

#[test]
fn numbers_are_integers_below_2_to_the_53() {
    assert_eq!(parse(b"9007199254740991").unwrap(), Value::Number(MAX_NUMBER));
    assert_eq!(parse(b"0").unwrap(), Value::Number(0));
    for text in [
        "9007199254740992",
        "18446744073709551615",
        "18446744073709551616",
        "1e400",
        "1.0",
        "1e2",
        "0.5",
        "-1",
        "-0",
        "-0.0",
        "01",
        "+1",
        "0x10",
        "NaN",
        "Infinity",
        "1_000",
        ".5",
        "5.",
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text}");
        assert!(parse(format!("{{\"unknown\":[{text}]}}").as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn more_than_32_levels_are_refused() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(parse(nested(32).as_bytes()).is_ok());
    assert!(problem(&nested(33)).contains("levels deep"));
    assert!(problem(&"[".repeat(100_000)).contains("levels deep"));
    assert!(problem(&"{\"a\":".repeat(100_000)).contains("levels deep"));
}

#[test]
fn only_white_space_surrounds_the_document() {
    assert!(parse(b" \t\r\n{ } \n").is_ok());
    for text in [
        "{}x",
        "{}{}",
        "{},",
        "{}\0",
        "\u{feff}{}",
        "\u{a0}{}",
        "{}\u{a0}",
        "",
        " ",
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text:?}");
    }
}

#[test]
fn extensions_of_json_are_refused() {
    for text in [
        "{'a':1}",
        "{a:1}",
        "{\"a\":1,}",
        "[1,]",
        "// note\n{}",
        "{\"a\":\"\u{1}\"}",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "True",
        "{1:2}",
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text:?}");
    }
    assert!(parse(b"\"\xff\"").is_err(), "not UTF-8");
    assert!(parse(b"\"\xed\xa0\x80\"").is_err(), "half a surrogate pair in UTF-8");
    assert!(parse(b"\xff\xfe{\0}\0").is_err(), "UTF-16");
}

#[test]
fn members_are_found_by_name() {
    let object = parse_object(br#"{"b":2,"a":{"c":[true,null]},"\u0064":"x"}"#).unwrap();
    assert_eq!(object.get("b", Value::number), Ok(2));
    assert_eq!(object.get("d", Value::string), Ok("x"));
    assert_eq!(object.get_if_any("e", Value::string), Ok(None));
    assert_eq!(object.get("e", Value::string), Err("e is missing".to_owned()));
    let problem = object.get("b", Value::string).unwrap_err();
    assert_eq!(problem, "b: expected a string, found a number");
    assert!(object.get("a", Value::object).unwrap().get("c", Value::array).is_ok());
    // A null member is present.
    assert!(
        parse_object(br#"{"a":null}"#)
            .unwrap()
            .get_if_any("a", Value::string)
            .is_err()
    );
    assert_eq!(
        parse_object(b"[]"),
        Err("expected an object, found an array".to_owned())
    );
}

/// Values that a document may contain.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|value| json!(value)),
        (0..=MAX_NUMBER).prop_map(|number| json!(number)),
        any::<String>().prop_map(|text| json!(text)),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(|list| json!(list)),
            prop::collection::btree_map(any::<String>(), inner, 0..8).prop_map(|object| json!(object)),
        ]
    })
}

proptest! {
    #[test]
    fn valid_documents_are_read_as_serde_json_reads_them(value in value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
        prop_assert_eq!(as_serde(&parse(&text).unwrap()), value);
    }

    #[test]
    fn serde_json_reads_every_accepted_document(value in value(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = serde_json::to_vec(&value).unwrap();
        let at = at.index(text.len());
        text[at] = byte;
        if let Ok(found) = parse(&text) {
            prop_assert_eq!(as_serde(&found), serde_json::from_slice::<serde_json::Value>(&text).unwrap());
        }
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }
}
