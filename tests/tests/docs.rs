//! The code in the documentation is code that something compiles.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_page_with_rust_is_compiled_with_the_tests() {
    let compiled: String = ["tests/src/lib.rs", "core/src/lib.rs"]
        .map(|file| fs::read_to_string(root().join(file)).unwrap())
        .concat();
    let mut found = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let blocks: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("```rust")).collect();
        if blocks.is_empty() {
            continue;
        }
        found += blocks.len();
        let path = page.strip_prefix(root()).unwrap().display().to_string();
        assert!(
            compiled.contains(&format!("include_str!(\"../../{path}\")")),
            "{path} has Rust that nothing compiles: add it to tests/src/lib.rs"
        );
        // `ignore` and `text` would leave a block out.
        for attributes in blocks {
            assert!(
                matches!(attributes, "" | ",no_run" | ",should_panic"),
                "{path}: ```rust{attributes}"
            );
        }
    }
    assert!(found >= 3, "{found}");
}

#[test]
fn every_kotlin_java_and_swift_block_is_in_a_page_whose_test_compiles_it() {
    // GuideTest.kt and ChannelUpdatesTest.kt, GuideTests.swift.
    let tested = ["docs/android.md", "docs/ios.md"];
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let path = page.strip_prefix(root()).unwrap().display().to_string();
        for language in ["kotlin", "java", "swift"] {
            let has_one = text.lines().any(|line| line == format!("```{language}"));
            assert!(
                !has_one || tested.contains(&path.as_str()),
                "{path} has {language} that nothing compiles"
            );
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every page that people read, those of the parts included.
fn pages() -> Vec<PathBuf> {
    let folders = [
        "",
        "docs",
        "docs/decisions",
        "bindings",
        "bindings/phones",
        "bindings/contract",
        "examples",
        "core",
        "tests",
    ];
    let mut pages: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| fs::read_dir(root().join(folder)).ok())
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    for example in fs::read_dir(root().join("examples")).unwrap() {
        let page = example.unwrap().path().join("README.md");
        pages.extend(page.is_file().then_some(page));
    }
    pages
}
