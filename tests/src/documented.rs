//! The table of the documents that the project started from: `tests/documents/*.tsv`, a row for each sentence, command, option, body
//! and example. What a row names as its test runs it; `docs/documented.md` is made of the table.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// One of the documents.
#[derive(Debug, Clone, Copy)]
pub struct Document {
    /// Its table is `tests/documents/{name}.tsv`.
    pub name: &'static str,
    /// Its file among the team's documents, which are not in the repository.
    pub file: &'static str,
    /// What it is about.
    pub title: &'static str,
}

/// The three documents.
pub const DOCUMENTS: [Document; 3] = [
    Document {
        name: "custom-storage",
        file: "000_5971c5072ce73020.txt",
        title: "Custom storage",
    },
    Document {
        name: "bundles-api-ko",
        file: "001_8721072024001297.txt",
        title: "Bundles API, in Korean",
    },
    Document {
        name: "bundles-api-zh",
        file: "002_6b231bd138cf7a93.txt",
        title: "Bundles API, in Chinese",
    },
];

/// One row.
#[derive(Debug, Clone)]
pub struct Row {
    /// First and last line in the document, counted from 1.
    pub lines: (usize, usize),
    /// `heading`, `sentence`, `command`, `option`, `body`, `example` or `script`.
    pub kind: String,
    /// The text of the document, or its beginning and `…`.
    pub text: String,
    /// The file in `tests/documents/scripts` that `text` is.
    pub script: Option<String>,
    /// The tests that run it.
    pub tests: Vec<String>,
    /// What came of it, or why it is not run.
    pub result: String,
}

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A file of `tests/documents/scripts`: code, a command or a body, word for word.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn script(name: &str) -> String {
    let path = root().join("tests/documents/scripts").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of a document, in its order.
///
/// # Panics
/// If the table is malformed.
#[must_use]
pub fn rows(document: &Document) -> Vec<Row> {
    let path = root().join(format!("tests/documents/{}.tsv", document.name));
    let table = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    table.lines().skip(1).map(row).collect()
}

fn row(line: &str) -> Row {
    let fields: Vec<&str> = line.split('\t').collect();
    let [lines, kind, text, tests, result] = fields[..] else {
        panic!("expected 5 fields, found {}: {line}", fields.len());
    };
    let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
    let number = |text: &str| text.parse().unwrap_or_else(|error| panic!("{error}: {line}"));
    let file = text.strip_prefix('@').map(str::to_owned);
    Row {
        lines: (number(first), number(last)),
        kind: kind.to_owned(),
        text: file.as_deref().map_or_else(|| text.to_owned(), script),
        script: file,
        tests: if tests == "-" {
            Vec::new()
        } else {
            tests.split(' ').map(str::to_owned).collect()
        },
        result: result.to_owned(),
    }
}

/// `docs/documented.md`, as the table generates it.
///
/// # Panics
/// If a table is malformed.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    let all: Vec<(Document, Vec<Row>)> = DOCUMENTS.iter().map(|document| (*document, rows(document))).collect();
    for (document, rows) in all {
        let run = rows.iter().filter(|row| !row.tests.is_empty()).count();
        let headings = rows.iter().filter(|row| row.kind == "heading").count();
        write!(
            page,
            "\n## {}\n\n`{}`: {} rows, of which {run} are run by tests, {headings} are headings and {} say why they are not run.\n\n\
             | line | what | text | run by | result |\n|---|---|---|---|---|\n",
            document.title,
            document.file,
            rows.len(),
            rows.len() - run - headings,
        )
        .expect("a string takes it");
        for row in rows {
            page.push_str(&line(&row));
        }
    }
    page
}

const INTRODUCTION: &str = "\
# Capgo's documents, line by line

Generated from `tests/documents/*.tsv` by `cargo run -p capbundle-tests --bin make-documented`. Do
not edit it by hand.

The project began with three pages of Capgo's documentation: custom storage, and the Bundles API
twice. Each sentence, command, option, body and example in them has a row here, with its lines, the
test that runs it, and the result. The tests run commands word for word, with `capbundle` for
`npx @capgo/cli@latest`, with the hosts and keys of the tests for those in the documents, and with
existing ids for the invented ones. A text that ends with … is the beginning of its sentence. Code,
commands and bodies of several lines are in `tests/documents/scripts`.
";

fn line(row: &Row) -> String {
    let (first, last) = row.lines;
    let lines = if first == last {
        first.to_string()
    } else {
        format!("{first}–{last}")
    };
    let text = match &row.script {
        Some(name) => format!("[{name}](../tests/documents/scripts/{name})"),
        None if matches!(row.kind.as_str(), "command" | "option" | "example") => format!("`{}`", escaped(&row.text)),
        None => escaped(&row.text)
            .replace('<', "&lt;")
            .replace('*', "\\*")
            .replace('#', "\\#"),
    };
    let tests: Vec<String> = row.tests.iter().map(|test| format!("`{test}`")).collect();
    let result = if row.result == "-" { "" } else { &row.result };
    format!(
        "| {lines} | {} | {text} | {} | {} |\n",
        row.kind,
        tests.join(", "),
        escaped(result)
    )
}

fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
