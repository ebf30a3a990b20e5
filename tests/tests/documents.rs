//! The tables of the documents that the project started from are complete, and the tests that they name exist.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a panic is how a test fails"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use capbundle_tests::documented::{DOCUMENTS, Document, Row, page, root, rows};

const KINDS: [&str; 7] = ["heading", "sentence", "command", "option", "body", "example", "script"];

/// Texts of a saved page that are not content: anchor names, code captions and translation marks.
const ENGLISH_ANCHOR: (&str, &str) = ("Section titled “", "”");
/// The same with wrongly encoded quotes.
const BROKEN_ANCHOR: (&str, &str) = ("Section titled â", "â");
const CAPTIONS: [&str; 5] = [
    "Terminal window",
    "终端窗口",
    "__CAPGO_KEEP_0__",
    "__CAPGO_KEEP_1__",
    "__CAPGO_KEEP_2__",
];

#[test]
fn the_page_is_generated_from_the_tables() {
    let committed = fs::read_to_string(root().join("docs/documented.md")).unwrap();
    assert!(
        committed == page(),
        "docs/documented.md differs from the tables: run cargo run -p capbundle-tests --bin make-documented"
    );
}

#[test]
fn every_row_names_a_test_or_the_reason_for_none() {
    let functions = names_of_tests();
    for (document, row) in all_rows() {
        let place = format!("{} {}: {}", document.name, row.lines.0, row.text);
        assert!(
            KINDS.contains(&row.kind.as_str()),
            "unknown kind {} of {place}",
            row.kind
        );
        for test in &row.tests {
            assert!(functions.contains(test), "the test {test} does not exist: {place}");
        }
        if row.kind != "heading" {
            assert!(row.result != "-", "{place} has no result");
        }
        if row.kind == "script" {
            assert!(!row.tests.is_empty(), "{place} names no test");
        }
    }
}

/// The tests run exactly the commands of the table.
#[test]
fn the_tests_run_the_commands_of_the_table() {
    let source = fs::read_to_string(root().join("examples/cli/tests/documented.rs")).unwrap();
    let source = without_white_space(&source.replace("\\\"", "\"").replace('\\', ""));
    let [storage, ..] = DOCUMENTS;
    let mut found = 0;
    for row in rows(&storage) {
        if row.text.starts_with("npx ") {
            let command = without_white_space(&row.text.replace('\\', ""));
            assert!(source.contains(&command), "documented.rs does not run `{}`", row.text);
            found += 1;
        }
    }
    assert!(found > 15, "{found}");
}

/// Every character of the documents is in a row, in order. Checked only if the documents exist, since the repository
/// does not contain them.
#[test]
fn every_character_of_the_documents_is_in_a_row() {
    let folder = root().join("../shared/seeds");
    for document in DOCUMENTS {
        let Ok(text) = fs::read_to_string(folder.join(document.file)) else {
            println!("NOT CHECKED {}: its document does not exist", document.name);
            continue;
        };
        let faults = differences(&text, &rows(&document));
        assert!(faults.is_empty(), "{}:\n{}", document.name, faults.join("\n"));
    }
}

#[test]
fn a_missing_line_is_found() {
    let [storage, ..] = DOCUMENTS;
    let row = |text: &str, line: usize| Row {
        text: text.to_owned(),
        lines: (line, line),
        ..rows(&storage).remove(0)
    };
    let text = "Title\nSection titled “Title”One. Two.\n\nThree.";

    let complete = [row("Title", 1), row("One.", 2), row("Two.", 2), row("Thr…", 4)];
    assert_eq!(differences(text, &complete), [""; 0]);
    for left_out in 0..complete.len() {
        let mut rows = complete.to_vec();
        rows.remove(left_out);
        assert!(!differences(text, &rows).is_empty(), "without row {left_out}");
    }
    let wrong_line = [row("Title", 1), row("One.", 2), row("Two.", 3), row("Thr…", 4)];
    assert!(!differences(text, &wrong_line).is_empty());
}

/// The differences between a document and its rows, without white space.
fn differences(document: &str, rows: &[Row]) -> Vec<String> {
    let stream = content(document);
    let text: Vec<char> = stream.iter().map(|(character, _)| *character).collect();
    let mut faults = Vec::new();
    let mut at = 0;
    // The last line of a row with abbreviated text.
    let mut open: Option<usize> = None;
    for row in rows {
        let quoted: Vec<char> = without_white_space(row.text.trim_end_matches('…')).chars().collect();
        let found = (at..=text.len().saturating_sub(quoted.len())).find(|start| text[*start..].starts_with(&quoted));
        let Some(start) = found else {
            faults.push(format!(
                "line {}: the document does not contain {:?}",
                row.lines.0, row.text
            ));
            continue;
        };
        if stream[at..start]
            .iter()
            .any(|(_, line)| open.is_none_or(|last| *line > last))
        {
            let missing: String = text[at..start].iter().collect();
            faults.push(format!("line {}: no row contains {missing:?}", stream[at].1));
        }
        let end = start + quoted.len();
        let lines = (stream[start].1, stream[end - 1].1);
        if lines.0 != row.lines.0 || lines.1 > row.lines.1 {
            faults.push(format!(
                "{:?} is in lines {lines:?}, expected {:?}",
                row.text, row.lines
            ));
        }
        at = end;
        open = row.text.ends_with('…').then_some(row.lines.1);
    }
    if stream[at..]
        .iter()
        .any(|(_, line)| open.is_none_or(|last| *line > last))
    {
        let missing: String = text[at..].iter().collect();
        faults.push(format!("no row contains {missing:?}"));
    }
    faults
}

/// The characters of a document with their lines, without white space and texts that are not content.
fn content(document: &str) -> Vec<(char, usize)> {
    let mut stream = Vec::new();
    for (index, line) in document.lines().enumerate() {
        let mut line = without_anchor(&without_anchor(line, ENGLISH_ANCHOR), BROKEN_ANCHOR);
        for caption in CAPTIONS {
            line = line.replace(caption, "");
        }
        stream.extend(
            without_white_space(&line)
                .chars()
                .map(|character| (character, index + 1)),
        );
    }
    stream
}

fn without_anchor(line: &str, (begin, end): (&str, &str)) -> String {
    line.split_once(begin)
        .and_then(|(before, rest)| rest.split_once(end).map(|(_, after)| format!("{before}{after}")))
        .unwrap_or_else(|| line.to_owned())
}

fn without_white_space(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

fn all_rows() -> impl Iterator<Item = (Document, Row)> {
    DOCUMENTS
        .into_iter()
        .flat_map(|document| rows(&document).into_iter().map(move |row| (document, row)))
}

fn names_of_tests() -> BTreeSet<String> {
    let folders = ["core/src", "core/publish/src", "examples", "tests/tests"];
    let mut functions = BTreeSet::new();
    for file in folders.iter().flat_map(|folder| sources_in(&root().join(folder))) {
        let text = fs::read_to_string(file).unwrap();
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line == "#[test]" {
                is_test = true;
            } else if let Some(name) = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next()) {
                if is_test {
                    functions.insert(name.to_owned());
                }
                is_test = false;
            }
        }
    }
    functions
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
