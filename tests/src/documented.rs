//! The table of requirements from Capgo's documentation: `tests/documents/*.tsv` has a row for each sentence, command, option, body
//! and example, with the tests that cover it. `docs/documented.md` is generated from the table.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// One of the documents.
#[derive(Debug, Clone, Copy)]
pub struct Document {
    /// Its table is `tests/documents/{name}.tsv`.
    pub name: &'static str,
    /// The name of its file, which is not in the repository.
    pub file: &'static str,
    /// Its title.
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
    /// The first and the last line in the document, starting at 1.
    pub lines: (usize, usize),
    /// `heading`, `sentence`, `command`, `option`, `body`, `example` or `script`.
    pub kind: String,
    /// The text of the document, or the start of it and `…`.
    pub text: String,
    /// The file in `tests/documents/scripts` that contains `text`.
    pub script: Option<String>,
    /// The tests that cover it.
    pub tests: Vec<String>,
    /// The result, or why no test covers it.
    pub result: String,
}

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The content of a file in `tests/documents/scripts`: code, a command or a body, verbatim.
///
/// # Panics
/// If it cannot be read.
#[must_use]
pub fn script(name: &str) -> String {
    let path = root().join("tests/documents/scripts").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of a document, in order.
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

/// The content of `docs/documented.md`.
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
            "\n## {}\n\n`{}`: {} rows, of which tests cover {run}, {headings} are headings, and {} give the reason why no test covers them.\n\n\
             | line | kind | text | tests | result |\n|---|---|---|---|---|\n",
            document.title,
            document.file,
            rows.len(),
            rows.len() - run - headings,
        )
        .expect("writing to a string cannot fail");
        for row in rows {
            page.push_str(&line(&row));
        }
    }
    page
}

const INTRODUCTION: &str = "\
# Capgo's documentation, line by line

Generated from `tests/documents/*.tsv` by `cargo run -p capbundle-tests --bin make-documented`; do not edit it by hand.

capbundle implements three pages of Capgo's documentation: custom storage, and the Bundles API in two languages. Each sentence,
command, option, body and example has a row with its lines, the tests that cover it, and the result. Tests run the commands verbatim,
except that they replace `npx @capgo/cli@latest` by `capbundle`, and hosts, keys and ids by those of the test. A text that ends with …
is the start of its sentence. Code, commands and bodies of several lines are in `tests/documents/scripts`.
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
