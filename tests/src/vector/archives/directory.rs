//! Invalid directories and end records, and bytes that they do not cover.

use super::{CONTENT, Vector, accepted, bundle_with, limit_exceeded, unsafe_archive};
use crate::forge::{Archive, Central, End, Entry, extra_field};

pub(super) fn all() -> Vec<Vector> {
    [
        end_lies(),
        record_lies(),
        two_archives(),
        unlisted(),
        huge(),
        no_archive(),
        harmless(),
    ]
    .concat()
}

fn sound() -> Archive {
    bundle_with(Entry::file("a.txt", CONTENT))
}

fn end_lies() -> Vec<Vector> {
    let case = |name: &str, why: &str, change: &dyn Fn(&mut End)| {
        unsafe_archive(&format!("end-{name}"), why, &sound().end(|end| change(end)))
    };
    vec![
        case(
            "count-smaller",
            "one entry more than the end record counts: seen by some readers only",
            &|end| (end.count, end.count_here) = (Some(1), Some(1)),
        ),
        case("count-larger", "one entry fewer than it counts", &|end| {
            (end.count, end.count_here) = (Some(3), Some(3));
        }),
        case(
            "count-huge",
            "65,535 entries in 100 bytes: Go reserved memory for them (CVE-2021-33196)",
            &|end| (end.count, end.count_here) = (Some(0xffff), Some(0xffff)),
        ),
        case("count-zero", "no entries, yet a directory", &|end| {
            (end.count, end.count_here) = (Some(0), Some(0));
        }),
        case("counts-differ", "two counts", &|end| end.count_here = Some(1)),
        case("size-smaller", "the directory is longer than stated", &|end| {
            end.size = Some(50);
        }),
        case("size-larger", "the directory is shorter than stated", &|end| {
            end.size = Some(200);
        }),
        case("size-huge", "a directory of 4 GiB", &|end| end.size = Some(0xffff_fffe)),
        case("offset-smaller", "the directory starts one byte late", &|end| {
            end.offset = Some(85);
        }),
        case("offset-zero", "the directory is where the first entry is", &|end| {
            end.offset = Some(0);
        }),
        case(
            "offset-past-end",
            "the directory lies past the end of the file",
            &|end| end.offset = Some(100_000),
        ),
        case("disk", "the second disk of an archive on several", &|end| {
            (end.disk, end.directory_disk) = (1, 1);
        }),
        case("directory-disk", "the directory is on another disk", &|end| {
            end.directory_disk = 1;
        }),
        case("comment-longer", "a comment longer than the file", &|end| {
            end.comment_length = Some(9);
        }),
        case(
            "comment-shorter",
            "a comment shorter than what follows: readers disagree (Go, CVE-2024-24789)",
            &|end| (end.comment, end.comment_length) = (b"hidden".to_vec(), Some(2)),
        ),
    ]
}

fn record_lies() -> Vec<Vector> {
    let case = |name: &str, why: &str, change: &dyn Fn(&mut Central)| {
        let entry = Entry::file("a.txt", CONTENT).central(|header| change(header));
        unsafe_archive(&format!("record-{name}"), why, &bundle_with(entry))
    };
    vec![
        case("signature", "not a directory record", &|header| header.signature ^= 1),
        case("disk", "the entry starts on another disk", &|header| header.disk = 1),
        case("name-length", "a name that runs over the end record", &|header| {
            header.shared.name_length = Some(0xffff);
        }),
        case("extra-length", "extra fields that run over the end record", &|header| {
            header.shared.extra_length = Some(0xffff);
        }),
        case("comment-length", "a comment that swallows the end record", &|header| {
            header.comment_length = Some(0xffff);
        }),
        case(
            "extra-field-length",
            "an extra field longer than all of them",
            &|header| header.shared.extra = vec![0x55, 0x54, 0xff, 0x7f, 0],
        ),
    ]
}

/// Readers that search the directory from different ends see different archives.
fn two_archives() -> Vec<Vector> {
    let other = || Archive::bundle([Entry::file("evil.js", b"evil()")]);
    let case = |name: &str, why: &str, archive: Archive| unsafe_archive(&format!("two-archives-{name}"), why, &archive);
    let in_comment = sound().end(|end| end.comment = other().bytes());
    let empty_in_comment = sound().end(|end| end.comment = Archive::of([]).bytes());
    let prefixed = Archive {
        prefix: other().bytes(),
        ..sound()
    };
    vec![
        case(
            "joined",
            "one archive behind another, offsets of the second counted from its own start",
            Archive {
                offsets_count_prefix: false,
                ..prefixed.clone()
            },
        ),
        case(
            "joined-offsets-right",
            "one archive behind another, offsets of the second corrected",
            prefixed,
        ),
        case(
            "in-comment",
            "an archive in the comment: readers that search from the end find it first",
            in_comment,
        ),
        case("empty-in-comment", "an empty archive in the comment", empty_in_comment),
        case(
            "behind",
            "an archive behind the end record",
            Archive {
                suffix: other().bytes(),
                ..sound()
            },
        ),
        Vector::new(
            "two-archives-end-cut",
            "unsafe_archive",
            "the end record is cut off, that of an archive inside a stored file is left",
            last_end_cut(),
        ),
    ]
}

fn last_end_cut() -> Vec<u8> {
    let inner = Archive::bundle([Entry::file("evil.js", b"evil()")]).bytes();
    let outer = bundle_with(Entry::file("inner.zip", &inner)).bytes();
    outer[..outer.len() - 22].to_vec()
}

/// A hidden header that declares the next entry as its extra field: streaming readers see `evil.js` instead, and a search of the
/// gap finds no header that fits into it.
fn swallows_next() -> Archive {
    let next = Archive::of([Entry::file("app.js", CONTENT).unlisted()]).layout();
    let swallowed = next
        .boundaries
        .iter()
        .find(|(name, _)| name == "data-0")
        .map_or(0, |(_, end)| *end);
    let swallowed = u16::try_from(swallowed).unwrap_or(u16::MAX);
    let hidden = Entry::file("evil.js", b"")
        .unlisted()
        .local(|header| header.extra_length = Some(swallowed));
    Archive::bundle([hidden, Entry::file("app.js", CONTENT)])
}

fn unlisted() -> Vec<Vector> {
    let case = |name: &str, why: &str, archive: Archive| unsafe_archive(&format!("unlisted-{name}"), why, &archive);
    let with_gap = |entry: Entry| {
        bundle_with(Entry {
            gap: b"between".to_vec(),
            ..entry
        })
    };
    vec![
        case(
            "entry",
            "an entry that only streaming readers see, as Android's is: uv (CVE-2025-54368)",
            Archive::of([
                Entry::file("evil.js", CONTENT).unlisted(),
                Entry::file("index.html", CONTENT),
            ]),
        ),
        case(
            "entry-between",
            "the same between two others",
            Archive::bundle([
                Entry::file("evil.js", CONTENT).unlisted(),
                Entry::file("a.txt", CONTENT),
            ]),
        ),
        case(
            "entry-swallows-next",
            "a hidden header that covers the next entry, which streaming readers then do not see",
            swallows_next(),
        ),
        case(
            "entry-last",
            "the same before the directory",
            bundle_with(Entry::file("evil.js", CONTENT).unlisted()),
        ),
        case(
            "bytes-between",
            "bytes between two entries",
            with_gap(Entry::file("a.txt", CONTENT)),
        ),
        case(
            "bytes-before-directory",
            "bytes before the directory",
            Archive {
                before_directory: b"between".to_vec(),
                ..sound()
            },
        ),
        case(
            "bytes-after-directory",
            "bytes after the directory",
            Archive {
                after_directory: b"between".to_vec(),
                ..sound()
            },
        ),
        case(
            "prefix",
            "a shell script in front, offsets counted from the first entry",
            Archive {
                prefix: b"#!/bin/sh\n".to_vec(),
                offsets_count_prefix: false,
                ..sound()
            },
        ),
        case(
            "prefix-offsets-right",
            "a self-extractor: a program in front, offsets right; Android's reader finds no entry",
            Archive {
                prefix: b"#!/bin/sh\n".to_vec(),
                ..sound()
            },
        ),
        case(
            "suffix",
            "bytes behind the end record",
            Archive {
                suffix: b"trailing".to_vec(),
                ..sound()
            },
        ),
        case(
            "suffix-large",
            "so many bytes behind it that a search from the end gives up",
            Archive {
                suffix: vec![0; 70_000],
                ..sound()
            },
        ),
    ]
}

/// Readers keep the directory in memory, so the size of its records is limited.
fn huge() -> Vec<Vector> {
    let padded = |number: usize| {
        Entry::file(format!("{number}.txt"), b"")
            .central(|header| header.shared.extra = extra_field(0xcafe, &vec![0; 60_000]))
    };
    let why = "40 empty files whose directory records take 60 kB each: memory gone before a limit on contents counts";
    let archive = Archive::bundle((0..40).map(padded));
    vec![limit_exceeded("directory-huge", "", why, &archive).with("body", "deflate")]
}

fn no_archive() -> Vec<Vector> {
    let case = |name: &str, why: &str, bytes: &[u8]| Vector::new(name, "unsafe_archive", why, bytes.to_vec());
    vec![
        case("no-archive-empty", "an empty file, as a failed download leaves it", b""),
        case(
            "no-archive-html",
            "the error page of a captive portal",
            b"<!doctype html><title>Please log in</title>",
        ),
        case(
            "no-archive-json",
            "the error body of a server",
            br#"{"error":"not_found","message":"no such bundle"}"#,
        ),
        case(
            "no-archive-gzip",
            "gzip, another format",
            &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ),
        case(
            "no-archive-zeros",
            "a file whose blocks were never written",
            &[0; 4_096],
        ),
        case(
            "no-archive-signatures",
            "nothing but end record signatures",
            &b"PK\x05\x06".repeat(1_000),
        ),
    ]
}

fn harmless() -> Vec<Vector> {
    let case = |name: &str, why: &str, archive: Archive| accepted(name, why, &archive, &[("a.txt", CONTENT)]);
    vec![
        case(
            "ok-comment",
            "an archive may have a comment",
            sound().end(|end| end.comment = b"made by hand".to_vec()),
        ),
        case(
            "ok-comment-longest",
            "the longest comment",
            sound().end(|end| end.comment = vec![b'x'; 0xffff]),
        ),
        case(
            "ok-directory-order",
            "a directory in another order than the entries",
            Archive {
                directory_reversed: true,
                ..sound()
            },
        ),
    ]
}
