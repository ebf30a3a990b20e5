//! Every test that `docs/launch-protocol.md` names as a proof exists.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_test_that_the_launch_protocol_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(root.join("docs/launch-protocol.md")).unwrap();
    let sources: String = ["core/src/store", "core/src/updater", "tests/tests"]
        .iter()
        .flat_map(|folder| sources_in(&root.join(folder)))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();

    let named: Vec<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| is_name_of_a_test(name))
        .collect();

    assert!(named.len() > 20, "{named:?}");
    let missing: Vec<_> = named.iter().filter(|name| !is_in(&sources, name)).collect();
    assert!(missing.is_empty(), "tests that do not exist: {missing:?}");
}

/// Only the names of tests have this many words.
fn is_name_of_a_test(name: &str) -> bool {
    name.split('_').count() > 4
        && name
            .trim_end_matches('…')
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_lowercase())
}

/// Whether a test has this name, which may be abbreviated with `…`.
fn is_in(sources: &str, name: &str) -> bool {
    match name.strip_suffix('…') {
        Some(start) => sources.contains(&format!("fn {start}")),
        None => sources.contains(&format!("fn {name}()")),
    }
}

fn sources_in(folder: &Path) -> Vec<PathBuf> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources.extend(sources_in(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(path);
        }
    }
    sources
}
