//! File lists.

use serde_json::{Value, json};

use super::{Vector, digest};

pub(super) fn all() -> Vec<Vector> {
    let file = |path: &str| json!({"path": path, "size": 3, "sha256": digest(b"abc")});
    let list = |name: &str, expect: &str, why: &str, files: Value| {
        Vector::new(
            name,
            expect,
            why,
            json!({"format": 1, "files": files}).to_string().into_bytes(),
        )
    };
    let one = |name: &str, why: &str, path: &str| list(name, "malformed", why, json!([file(path)]));
    vec![
        list(
            "sound",
            "ok",
            "two files",
            json!([file("assets/app.js"), file("index.html")]),
        ),
        list("empty", "ok", "no files", json!([])),
        list(
            "byte-order",
            "ok",
            "by bytes: upper case before lower case, and not as UTF-16 has it",
            json!([
                file("Z"),
                file("a"),
                file("\u{e4}"),
                file("\u{ff5e}"),
                file("\u{1f600}")
            ]),
        ),
        list(
            "utf-16-order",
            "malformed",
            "by units of UTF-16",
            json!([file("\u{1f600}"), file("\u{ff5e}")]),
        ),
        list(
            "prefix-order",
            "ok",
            "`-` and `.` come before `/`",
            json!([file("a-b"), file("a.b"), file("a/b")]),
        ),
        list(
            "any-letters",
            "ok",
            "names in any script",
            json!([file("\u{1f680}/\u{e4}.js")]),
        ),
        list(
            "strange-names",
            "ok",
            "names that look like others",
            json!([
                file("\n"),
                file("..a/.b"),
                file("1:/a"),
                file("ab:/a"),
                file("\u{e4}:/a")
            ]),
        ),
        list(
            "file-and-folder",
            "ok",
            "no bundle unpacks to both, so none is these files",
            json!([file("a"), file("a/b")]),
        ),
        list(
            "size-0",
            "ok",
            "an empty file",
            json!([{"path": "a", "size": 0, "sha256": digest(b"")}]),
        ),
        list(
            "unsorted",
            "malformed",
            "in another order",
            json!([file("b"), file("a")]),
        ),
        list("twice", "malformed", "a path twice", json!([file("a"), file("a")])),
        one("absolute", "a path from the root", "/etc/passwd"),
        one("parent", "a path that leaves the folder", "../a"),
        one("parent-inside", "a path that goes up on its way", "a/../b"),
        one("dot", "the same file in another spelling", "./a"),
        one("double-slash", "the same file in another spelling", "a//b"),
        one("folder", "a folder", "a/"),
        one("backslash", "a separator on Windows", "a\\b"),
        one("drive", "a Windows drive", "C:/a"),
        one("drive-alone", "a path on a Windows drive", "c:a"),
        one("drive-inside", "the same behind a folder", "a/C:b"),
        one("nul", "a name that ends earlier for some", "a\0b"),
        one("no-name", "no name", ""),
        list(
            "size-text",
            "malformed",
            "a size in quotes",
            json!([{"path": "a", "size": "3", "sha256": digest(b"abc")}]),
        ),
        list(
            "size-true",
            "malformed",
            "what is 1 to some",
            json!([{"path": "a", "size": true, "sha256": digest(b"abc")}]),
        ),
        list(
            "digest-upper-case",
            "malformed",
            "digits in upper case",
            json!([{"path": "a", "size": 3, "sha256": digest(b"abc").to_uppercase()}]),
        ),
        list(
            "digest-missing",
            "malformed",
            "no digest",
            json!([{"path": "a", "size": 3}]),
        ),
        list("object", "malformed", "not a list", json!({})),
        Vector::new(
            "format-2",
            "unknown_format",
            "a later format",
            br#"{"format":2,"files":7}"#.to_vec(),
        ),
        Vector::new("format-missing", "malformed", "no format", br#"{"files":[]}"#.to_vec()),
        Vector::new(
            "critical-unknown",
            "unknown_critical",
            "a member that a reader must know",
            br#"{"format":1,"files":[],"critical":["modes"],"modes":1}"#.to_vec(),
        ),
        Vector::new(
            "critical-files",
            "unknown_critical",
            "no member of a file list is known as critical",
            br#"{"format":1,"files":[],"critical":["files"]}"#.to_vec(),
        ),
        Vector::new(
            "critical-empty",
            "ok",
            "nothing is critical",
            br#"{"format":1,"files":[],"critical":[]}"#.to_vec(),
        ),
        Vector::new(
            "critical-text",
            "malformed",
            "not a list",
            br#"{"format":1,"files":[],"critical":"files"}"#.to_vec(),
        ),
        Vector::new(
            "unknown-member",
            "ok",
            "a member that nobody must know",
            br#"{"format":1,"files":[],"modes":1}"#.to_vec(),
        ),
        Vector::new("files-missing", "malformed", "no list", br#"{"format":1}"#.to_vec()),
    ]
}
