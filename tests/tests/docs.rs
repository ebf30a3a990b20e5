//! All code in the documentation is compiled.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::repo::tracked_files;

/// The files whose doctests compile the Rust code of pages.
const DOCTESTS: [&str; 2] = ["tests/src/lib.rs", "core/src/lib.rs"];

/// Folders of sources that are compiled with the bindings, and their languages. A page shows the lines from
/// `// guide: NAME` to `// guide: end`.
const COMPILED: [(&str, &str); 2] = [
    ("bindings/kotlin/example/src", "kotlin java"),
    ("bindings/swift/Examples", "swift"),
];

/// The start of a block for an app's Package.swift, which bindings/swift/Tests/consumer loads.
const MANIFEST_START: &str = "dependencies: [.package";

#[test]
fn every_page_with_rust_code_is_compiled() {
    let Some(pages) = pages() else { return };
    let compiled: String = DOCTESTS.map(text).concat();
    let mut found = 0;
    for page in pages {
        for (attributes, _) in blocks(&text(&page)).filter(|(language, _)| language.starts_with("rust")) {
            found += 1;
            assert!(
                compiled.contains(&format!("include_str!(\"../../{page}\")")),
                "{page} has Rust code that is not compiled: add the page to tests/src/lib.rs"
            );
            // `ignore` and `text` would exclude a block.
            assert!(
                matches!(attributes.as_str(), "rust" | "rust,no_run" | "rust,should_panic"),
                "{page}: ```{attributes}"
            );
        }
    }
    assert!(found >= 3, "{found}");
}

#[test]
fn every_kotlin_java_and_swift_block_is_compiled_with_the_bindings() {
    let Some(pages) = pages() else { return };
    for (folder, languages) in COMPILED {
        let pieces = marked_parts_in(folder);
        let mut found = 0;
        for page in &pages {
            let text = text(page);
            let blocks = blocks(&text).filter(|(language, _)| languages.split(' ').any(|one| one == language));
            for (language, block) in blocks.filter(|(_, block)| !block.starts_with(MANIFEST_START)) {
                found += 1;
                assert!(
                    pieces.contains(&block),
                    "{page} has {language} that nothing compiles: write it between `// guide: NAME` and `// guide: end` in a file \
                     of {folder}\n{block}"
                );
            }
        }
        assert!(found >= 5, "{languages}: {found}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn text(file: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// The Markdown files of the repository.
fn pages() -> Option<Vec<String>> {
    let files = tracked_files()?.into_iter();
    Some(
        files
            .filter(|file| Path::new(file).extension().is_some_and(|extension| extension == "md"))
            .collect(),
    )
}

/// The language and text of each code block, including blocks in lists.
fn blocks(page: &str) -> impl Iterator<Item = (String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, Vec<&str>)> = None;
    for line in page.lines() {
        let fence = line.trim_start().strip_prefix("```");
        open = match (open, fence) {
            (None, None) => None,
            (None, Some(language)) => Some((language.trim().to_owned(), Vec::new())),
            (Some((language, mut lines)), None) => {
                lines.push(line);
                Some((language, lines))
            }
            (Some((language, lines)), Some(_)) => {
                blocks.push((language, dedented(&lines)));
                None
            }
        };
    }
    blocks.into_iter()
}

/// The marked parts of the sources in `folder`.
fn marked_parts_in(folder: &str) -> BTreeSet<String> {
    let mut folders = vec![root().join(folder)];
    let mut pieces = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(path).unwrap();
                let marked = text
                    .split("// guide: ")
                    .skip(1)
                    .filter(|piece| !piece.starts_with("end"));
                pieces.extend(marked.map(|piece| dedented(&piece.lines().skip(1).collect::<Vec<_>>())));
            }
        }
    }
    pieces
}

/// The lines without their common indent, and without empty lines at the start and end.
fn dedented(lines: &[&str]) -> String {
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    let indent = filled
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let lines: Vec<&str> = lines.iter().map(|line| line.get(indent..).unwrap_or("")).collect();
    lines.join("\n").trim_matches('\n').trim_end().to_owned()
}
