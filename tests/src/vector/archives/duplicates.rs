//! Two entries with the same path on disk.

use super::{CONTENT, Vector, unsafe_archive};
use crate::forge::{Archive, Entry};

pub(super) fn all() -> Vec<Vector> {
    let case = |name: &str, why: &str, entries: &[Entry]| {
        unsafe_archive(
            &format!("duplicate-{name}"),
            why,
            &Archive::bundle(entries.iter().cloned()),
        )
    };
    let file = |name: &str| Entry::file(name, CONTENT);
    let folder = |name: &str| Entry::folder(name);
    vec![
        case(
            "same",
            "one reader takes the first, another the last: Android's master key (CVE-2013-4787)",
            &[file("a.txt"), file("a.txt")],
        ),
        case(
            "other-content",
            "the same with two contents",
            &[file("a.txt"), Entry::file("a.txt", b"other")],
        ),
        case(
            "index",
            "two pages: one for the scanner, one for the user",
            &[Entry::file("index.html", b"other")],
        ),
        case("dot", "equal once `./` is dropped", &[file("a.txt"), file("./a.txt")]),
        case(
            "doubled-slash",
            "equal once doubled separators are one",
            &[file("a/b.txt"), file("a//b.txt")],
        ),
        case("folder", "a folder listed twice", &[folder("a/"), folder("a/")]),
        case(
            "folder-dot",
            "a folder listed twice in two spellings",
            &[folder("a/"), folder("a/./")],
        ),
        case(
            "file-then-folder",
            "a file, then a folder of its name",
            &[file("a"), folder("a/")],
        ),
        case(
            "folder-then-file",
            "a folder, then a file of its name",
            &[folder("a/"), file("a")],
        ),
        case(
            "file-then-inside",
            "a file, then a file inside it",
            &[file("a"), file("a/b.txt")],
        ),
        case(
            "inside-then-file",
            "a file in a folder, then a file of the folder's name",
            &[file("a/b.txt"), file("a")],
        ),
        case(
            "file-then-deep-inside",
            "a file, then a file far inside it",
            &[file("a/b"), file("a/b/c/d/e.txt")],
        ),
        case(
            "deep-inside-then-file",
            "the same the other way round",
            &[file("a/b/c/d/e.txt"), file("a/b")],
        ),
        case(
            "file-between",
            "other names sort between the file and what is inside it",
            &[file("a"), file("a-b"), file("a.c"), file("a/b")],
        ),
    ]
}
