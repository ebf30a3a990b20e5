//! Entries that are not plain files: links, devices, folders with content.

use super::{CONTENT, Vector, accepted, bundle_with, unsafe_archive};
use crate::forge::{Archive, Entry};

const UNIX: u16 = 3;
const DOS: u16 = 0;
const MACOS: u16 = 19;

pub(super) fn all() -> Vec<Vector> {
    [links(), devices(), folders(), harmless_modes()].concat()
}

fn links() -> Vec<Vector> {
    let through =
        |target: &str, path: &str| Archive::bundle([Entry::symlink("link", target), Entry::file(path, CONTENT)]);
    let deflated = Entry::deflated("link", b"/etc/passwd").unix_mode(0o120_777);
    let case = |name: &str, why: &str, archive: Archive| unsafe_archive(&format!("symlink-{name}"), why, &archive);
    vec![
        case(
            "absolute",
            "reads any file of the app through the web view",
            bundle_with(Entry::symlink("a.txt", "/etc/passwd")),
        ),
        case(
            "parent",
            "the same by a relative path",
            bundle_with(Entry::symlink("a.txt", "../../state.json")),
        ),
        case(
            "inside",
            "harmless by itself, but phones write a text file in its place",
            bundle_with(Entry::symlink("a.txt", "index.html")),
        ),
        case(
            "then-file",
            "writes through the link: zip-rs (CVE-2025-29787), ZIPFoundation (CVE-2023-39138)",
            through("..", "link/evil.txt"),
        ),
        case(
            "replaced",
            "a link and a file of one name: writing the file writes through the link",
            through("../evil.txt", "link"),
        ),
        case(
            "index",
            "the page itself is a link",
            Archive::of([Entry::symlink("index.html", "/etc/passwd")]),
        ),
        case("deflated", "a link whose target is compressed", bundle_with(deflated)),
        case(
            "folder-name",
            "a link whose name ends like a folder's",
            bundle_with(Entry::symlink("link/", "..")),
        ),
        case(
            "made-on-macos",
            "made on macOS, whose modes are Unix modes",
            bundle_with(Entry::symlink("a", "..").made_on(MACOS)),
        ),
        case(
            "made-on-dos",
            "made on DOS, where modes mean nothing, but many readers look anyway",
            bundle_with(Entry::symlink("a", "..").made_on(DOS)),
        ),
        case(
            "empty-target",
            "a link to nothing",
            bundle_with(Entry::symlink("a", "")),
        ),
    ]
}

fn devices() -> Vec<Vector> {
    let case = |name: &str, mode: u32, why: &str| {
        unsafe_archive(
            &format!("mode-{name}"),
            why,
            &bundle_with(Entry::file("special", b"").unix_mode(mode)),
        )
    };
    vec![
        case("fifo", 0o010_644, "a pipe: reading it never ends"),
        case("character-device", 0o020_644, "a character device"),
        case("block-device", 0o060_644, "a block device"),
        case("socket", 0o140_644, "a socket"),
        case("unknown", 0o170_644, "no kind of file at all"),
        case(
            "folder-without-slash",
            0o040_755,
            "a folder by its mode, a file by its name",
        ),
    ]
}

fn folders() -> Vec<Vector> {
    let stored = Entry::file("assets/", CONTENT).unix_mode(0o040_755);
    let deflated = Entry::deflated("assets/", CONTENT).unix_mode(0o040_755);
    let empty_deflated = Entry::with_method(b"assets/", 8, vec![3, 0], b"").unix_mode(0o040_755);
    let streamed = empty_deflated.clone().streamed(true);
    vec![
        unsafe_archive(
            "folder-with-data",
            "content that no reader writes and no scanner reads",
            &bundle_with(stored),
        ),
        unsafe_archive(
            "folder-with-deflated-data",
            "the same, compressed",
            &bundle_with(deflated),
        ),
        accepted(
            "ok-folder-deflated",
            "an empty deflate stream in a folder entry",
            &bundle_with(empty_deflated),
            &[],
        ),
        accepted(
            "ok-folder-streamed",
            "what Java's ZipOutputStream writes for every folder",
            &bundle_with(streamed),
            &[],
        ),
        accepted(
            "ok-folder-dot",
            "bsdtar's entry for the folder itself",
            &bundle_with(Entry::folder("./")),
            &[],
        ),
        accepted(
            "ok-folder-dos",
            "a folder made on DOS",
            &bundle_with(
                Entry::folder("assets/")
                    .made_on(DOS)
                    .central(|header| header.external = 0x10),
            ),
            &[],
        ),
    ]
}

fn harmless_modes() -> Vec<Vector> {
    let case = |name: &str, why: &str, made_on: u16, external: u32| {
        let entry = Entry::file("a.txt", CONTENT)
            .made_on(made_on)
            .central(|header| header.external = external);
        accepted(
            &format!("ok-mode-{name}"),
            why,
            &bundle_with(entry),
            &[("a.txt", CONTENT)],
        )
    };
    vec![
        case("none", "Go's and many JavaScript writers state no mode", UNIX, 0),
        case(
            "permissions-only",
            "permissions without a kind of file",
            UNIX,
            0o644 << 16,
        ),
        case(
            "unreadable",
            "nobody may read it: permissions are not taken over",
            UNIX,
            0o100_000 << 16,
        ),
        case(
            "setuid",
            "runs as its owner: permissions are not taken over",
            UNIX,
            0o104_755 << 16,
        ),
        case("dos", "DOS attributes: read-only, hidden, system, archive", DOS, 0x27),
    ]
}
