//! Bundles as common tools write them.

use super::{CONTENT, Vector, accepted};
use crate::forge::{Archive, Entry};

pub(super) fn all() -> Vec<Vector> {
    let flag_free = |entry: Entry| entry.both(|header| header.flags = 0);
    let adm_zip = Archive::bundle([
        Entry::folder("assets/"),
        Entry::deflated("assets/app.js", CONTENT),
        Entry::file("empty.txt", b""),
    ]);
    let java = Archive::bundle([Entry::deflated("assets/app.js", CONTENT).streamed(true)]);
    let unflagged = Archive::bundle([flag_free(Entry::file("caf\u{e9}.txt", CONTENT))]);
    // A reader that compares the whole flag word, or only some of its bits, fails on one of the two.
    let named = || Entry::deflated("caf\u{e9}.txt", CONTENT);
    let streamed = Archive::bundle([named().streamed(true)]);
    let best = Archive::bundle([named().both(|header| header.flags |= 2)]);
    let fastest = Archive::bundle([named().both(|header| header.flags |= 6)]);
    let deep = Archive::bundle([
        Entry::file("a/b/c/d.txt", CONTENT),
        Entry::folder("a/b/"),
        Entry::folder("a/"),
    ]);
    vec![
        accepted(
            "ok-adm-zip",
            "the shape that the Capgo CLI writes",
            &adm_zip,
            &[("assets/app.js", CONTENT), ("empty.txt", b"")],
        ),
        accepted(
            "ok-java",
            "the shape that Java's ZipOutputStream writes",
            &java,
            &[("assets/app.js", CONTENT)],
        ),
        accepted(
            "ok-utf8-unflagged",
            "UTF-8 without its flag, which Java reads as UTF-8 all the same",
            &unflagged,
            &[("caf\u{e9}.txt", CONTENT)],
        )
        .with("needs", "any_name"),
        accepted(
            "ok-utf8-streamed",
            "a name that is not ASCII in a streamed archive: flags of two meanings together",
            &streamed,
            &[("caf\u{e9}.txt", CONTENT)],
        )
        .with("needs", "any_name"),
        accepted(
            "ok-utf8-deflate-best",
            "a name that is not ASCII and the compressor's effort in bit 1, as zip -9 writes it",
            &best,
            &[("caf\u{e9}.txt", CONTENT)],
        )
        .with("needs", "any_name"),
        accepted(
            "ok-utf8-deflate-fastest",
            "a name that is not ASCII and the compressor's effort in bits 1 and 2, as zip -1 writes it",
            &fastest,
            &[("caf\u{e9}.txt", CONTENT)],
        )
        .with("needs", "any_name"),
        accepted(
            "ok-folders-after-files",
            "folders listed after what they hold",
            &deep,
            &[("a/b/c/d.txt", CONTENT)],
        ),
    ]
}
