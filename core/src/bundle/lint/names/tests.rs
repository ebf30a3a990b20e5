#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use super::*;

fn path(text: &str) -> SafePath {
    SafePath::parse(text.as_bytes(), &Limits::default()).unwrap().unwrap()
}

fn suspicions(names: &[&str]) -> Vec<String> {
    let paths: Vec<_> = names.iter().map(|name| path(name)).collect();
    suspicious(paths.iter()).iter().map(ToString::to_string).collect()
}

#[test]
fn build_files_are_described() {
    let only = |name: &str| suspicions(&[name]).pop();
    assert!(only("app.js.map").unwrap().contains("app.js.map: is a source map"));
    assert!(only("node_modules/x/index.js").unwrap().contains("node_modules"));
    assert!(only("package-lock.json").unwrap().contains("npm"));
    assert_eq!(only("assets/app.js"), None);
    assert_eq!(only("video/part1.ts"), None, "MPEG transport streams end in .ts too");
}

#[test]
fn build_files_of_one_kind_are_one_finding() {
    let found = suspicions(&[
        "a.map",
        "b.map",
        "c.map",
        "d.map",
        "e.map",
        "lib/node_modules/x/index.js",
        "lib/node_modules/x/node_modules/y/y.map",
        "my_node_modules/z",
    ]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("lib/node_modules: contains 2 file"), "{found:?}");
    assert!(
        found[1].contains("5 files") && found[1].contains("a.map, b.map, c.map and 2 more"),
        "{found:?}"
    );
}

#[test]
fn names_that_differ_only_in_case_are_reported_with_each_other() {
    let mut spellings = HashMap::new();
    assert!(unportable(&path("Logo.png"), &mut spellings).is_none());
    let finding = unportable(&path("logo.png"), &mut spellings).unwrap();
    assert!(finding.message.contains("Logo.png") && !finding.is_error(), "{finding}");
}

#[cfg(feature = "pack")]
#[test]
fn names_equal_after_normalization_are_reported_with_each_other() {
    let mut spellings = HashMap::new();
    let (composed, decomposed) = (path("caf\u{e9}.html"), path("cafe\u{301}.html"));
    assert!(unportable(&composed, &mut spellings).is_none());
    let finding = unportable(&decomposed, &mut spellings).unwrap();
    assert!(
        finding.message.contains("caf\u{e9}.html") && finding.message.contains("normalization"),
        "{finding}"
    );
    assert!(!finding.is_error());
    assert!(unportable(&path("cafe.html"), &mut spellings).is_none());
    // Case and normalization form at once.
    assert!(unportable(&path("CAFE\u{301}.html"), &mut spellings).is_some());
}

#[test]
fn sizes_above_the_limits_of_devices_are_warnings() {
    let limits = Limits {
        entries: 1,
        total_size: 10,
        file_size: 8,
        ..Limits::default()
    };
    let (a, b) = (path("a"), path("b"));
    let findings = over_limits([(&a, 9), (&b, 2)].into_iter(), &limits);
    assert_eq!(findings.len(), 3, "{findings:?}");
    assert!(over_limits([(&a, 8)].into_iter(), &limits).is_empty());
}
