//! Safe and unsafe keys.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

const PARTS: KeyParts<'static> = KeyParts {
    app: "com.example.app",
    version: "1.2.3-beta.1+5",
    digest: None,
};

#[test]
fn the_default_cannot_be_guessed_and_the_fixed_name_can() {
    const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let parts = KeyParts {
        digest: Some(Sha256Digest::of(b"")),
        ..PARTS
    };
    assert_eq!(
        KeyTemplate::default().key(&parts).unwrap(),
        format!("com.example.app/1.2.3-beta.1+5-{DIGEST}.zip")
    );
    let under = KeyTemplate::fixed().under("/ota/bundles/").unwrap();
    assert_eq!(
        under.key(&PARTS).unwrap(),
        "ota/bundles/com.example.app/1.2.3-beta.1+5.zip"
    );
    assert_eq!(KeyTemplate::default().under("").unwrap(), KeyTemplate::default());
}

#[test]
fn a_digest_placeholder_requires_a_known_digest() {
    let template = KeyTemplate::new("{app}-{version}-{digest}").unwrap();
    let digest = Some(Sha256Digest::of(b""));
    let key = template.key(&KeyParts { digest, ..PARTS }).unwrap();
    assert!(key.ends_with("-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    assert!(template.key(&PARTS).unwrap_err().to_string().contains("not known"));
}

#[test]
fn an_invalid_template_is_refused_when_it_is_parsed() {
    for template in [
        "",
        "/{app}",
        "{app}/",
        "{app}//x",
        "{app}/../x",
        "{}",
        "{name}",
        "{app",
        "app}",
        "a\\b",
        "a\nb",
    ] {
        assert!(KeyTemplate::new(template).is_err(), "{template:?}");
    }
}

#[test]
fn a_part_of_a_key_cannot_change_its_folder() {
    for version in ["", "1/2", "../1", "..", "1 2", "1\u{e4}", "1%2f2", "{app}"] {
        let template = KeyTemplate::new("{app}/{version}").unwrap();
        assert!(template.key(&KeyParts { version, ..PARTS }).is_err(), "{version:?}");
    }
}

#[test]
fn keys_that_a_url_cannot_contain_are_refused() {
    for key in [
        "",
        "/a",
        "a/",
        "a//b",
        ".",
        "a/./b",
        "a/../b",
        "..",
        "a\0b",
        "a\\b",
        &"x".repeat(1025),
    ] {
        assert!(check(key).is_err(), "{key:?}");
    }
    for key in ["a", "a b/ä+1.zip", "a.zip?x#y%2e", "...", &"x".repeat(1024)] {
        assert!(check(key).is_ok(), "{key:?}");
    }
}
