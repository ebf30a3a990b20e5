//! Valid archives that are or are not web bundles.

use super::{CONTENT, Vector};
use crate::forge::{Archive, Entry, INDEX_HTML};

pub(super) fn all() -> Vec<Vector> {
    [refused(), flattened()].concat()
}

fn index(path: &str) -> Entry {
    Entry::file(path, INDEX_HTML)
}

fn file(path: &str) -> Entry {
    Entry::file(path, CONTENT)
}

fn refused() -> Vec<Vector> {
    let case = |name: &str, why: &str, entries: &[Entry]| {
        Vector::new(
            &format!("no-bundle-{name}"),
            "not_a_bundle",
            why,
            Archive::of(entries.iter().cloned()).bytes(),
        )
    };
    vec![
        case("empty", "an archive of nothing", &[]),
        case("no-index", "files, but no page", &[file("app.js"), file("style.css")]),
        case(
            "only-file",
            "Capgo moves a single file up to be the folder, and finds out at the next start",
            &[file("app.js")],
        ),
        case(
            "top-folder",
            "a single top folder without a page",
            &[file("dist/app.js"), file("dist/style.css")],
        ),
        case(
            "index-too-deep",
            "the page is two folders down; one is taken off",
            &[index("a/dist/index.html")],
        ),
        case(
            "two-top-folders",
            "two top folders, each with a page",
            &[index("a/index.html"), index("b/index.html")],
        ),
        case(
            "top-folder-and-file",
            "a top folder with a page, and a file beside it",
            &[index("dist/index.html"), file("readme.txt")],
        ),
        case("index-is-folder", "the page is a folder", &[file("index.html/a.txt")]),
        case(
            "index-is-empty-folder",
            "the page is an empty folder",
            &[Entry::folder("index.html/"), file("a.js")],
        ),
        case(
            "index-case",
            "a page in capitals, which phones do not find",
            &[index("INDEX.HTML")],
        ),
        case(
            "folders-only",
            "nothing but folders",
            &[Entry::folder("a/"), Entry::folder("a/b/")],
        ),
        case(
            "index-with-space",
            "a name that only looks like the page",
            &[index("index.html ")],
        ),
    ]
}

/// Like Capgo: a single top folder is stripped if the root has no page.
fn flattened() -> Vec<Vector> {
    let case = |name: &str, why: &str, entries: &[Entry], files: &[&str]| {
        let archive = Archive::of(entries.iter().cloned());
        let vector = Vector::new(&format!("ok-{name}"), "ok", why, archive.bytes()).with_file("index.html", INDEX_HTML);
        files
            .iter()
            .fold(vector, |vector, path| vector.with_file(path, CONTENT))
    };
    vec![
        case(
            "flattened",
            "the web folder itself was zipped",
            &[index("dist/index.html"), file("dist/app.js")],
            &["app.js"],
        ),
        case(
            "flattened-folder-entry",
            "with an entry for the top folder",
            &[Entry::folder("dist/"), index("dist/index.html")],
            &[],
        ),
        case(
            "flattened-same-name",
            "a folder of the same name inside",
            &[index("app/index.html"), file("app/app/app.js")],
            &["app/app.js"],
        ),
        case(
            "flattened-dot",
            "the top folder behind `./`",
            &[Entry::folder("./"), index("./dist/index.html")],
            &[],
        ),
        case(
            "flattened-finder",
            "zipped by macOS' Finder, whose own folder Capgo ignores",
            &[index("dist/index.html"), file("__MACOSX/dist/._index.html")],
            &[],
        ),
        case(
            "not-flattened",
            "a page at the root: nothing is taken off",
            &[index("index.html"), file("dist/app.js")],
            &["dist/app.js"],
        ),
        case("index-only", "the smallest bundle", &[index("index.html")], &[]),
    ]
}
