//! Local headers that contradict the directory, so that readers see different archives; and unsupported features.

use super::{CONTENT, Vector, accepted, bundle_with, unsafe_archive};
use crate::forge::{Central, Entry, Local, extra_field};

pub(super) fn all() -> Vec<Vector> {
    [
        between_headers(),
        with_content(),
        descriptors(),
        methods(),
        encrypted(),
        second_names(),
        harmless(),
    ]
    .concat()
}

fn file() -> Entry {
    Entry::file("a.txt", CONTENT)
}

fn between_headers() -> Vec<Vector> {
    let unflagged_locally = Entry::file("caf\u{e9}.txt", CONTENT).local(|header| header.flags = 0);
    let why = "the name is UTF-8 in one place only: two names, where the flag is obeyed";
    let mut vectors = vec![unsafe_archive(
        "headers-flags-utf8",
        why,
        &bundle_with(unflagged_locally),
    )];
    let case = |name: &str, why: &str, change: &dyn Fn(&mut Local)| {
        let archive = bundle_with(file().local(|header| change(header)));
        unsafe_archive(&format!("headers-{name}"), why, &archive)
    };
    vectors.extend([
        case(
            "name",
            "two names for one file: Dart's archive (CVE-2023-39137), uv (CVE-2025-54368)",
            &|h| h.name = b"b.txt".to_vec(),
        ),
        case("name-case", "two names that differ only in case", &|h| {
            h.name = b"A.txt".to_vec();
        }),
        case(
            "name-escape",
            "the local name leaves the folder: hits readers that stream, as Android's does",
            &|h| h.name = b"../a.txt".to_vec(),
        ),
        case(
            "name-length",
            "name length differs, so the data starts elsewhere: Android's signature bypass (bug 9950697)",
            &|h| h.name_length = Some(0),
        ),
        case(
            "extra-length",
            "extra length lies, so the data starts elsewhere: Android's signature bypass (bug 9695860)",
            &|h| h.extra_length = Some(0xfffd),
        ),
        case("method", "stored in one place, deflated in the other", &|h| {
            h.method = 8;
        }),
        case("flags-encrypted", "encrypted in the local header only", &|h| {
            h.flags |= 1;
        }),
        case(
            "flags-descriptor",
            "a descriptor is announced in the local header only",
            &|h| h.flags |= 8,
        ),
        case("size", "unpacked size differs", &|h| h.size = 3),
        case(
            "compressed-size",
            "packed size differs, so the next entry starts elsewhere",
            &|h| h.compressed = 3,
        ),
        case("sizes-zero", "sizes left out without announcing a descriptor", &|h| {
            (h.size, h.compressed) = (0, 0);
        }),
        case("crc", "CRC differs; the directory is right", &|h| h.crc ^= 1),
        case("signature", "no local header where the directory points", &|h| {
            h.signature ^= 1;
        }),
    ]);
    vectors
}

fn with_content() -> Vec<Vector> {
    let case = |name: &str, why: &str, entry: Entry| unsafe_archive(&format!("crc-{name}"), why, &bundle_with(entry));
    let wrong = |header: &mut Local| header.crc ^= 0x8000_0000;
    vec![
        case("stored", "a stored file that was changed", file().both(wrong)),
        case(
            "deflated",
            "a deflated file that was changed",
            Entry::deflated("a.txt", CONTENT).both(wrong),
        ),
        case("zero", "no CRC given", file().both(|header| header.crc = 0)),
        case(
            "empty-file",
            "an empty file with a CRC",
            Entry::file("a.txt", b"").both(|header| header.crc = 1),
        ),
        case(
            "directory",
            "CRC wrong in the directory, right in the local header",
            file().central(|header| header.shared.crc ^= 1),
        ),
        case(
            "streamed",
            "a streamed file that was changed",
            Entry::deflated("a.txt", CONTENT).both(wrong).streamed(true),
        ),
    ]
}

fn descriptors() -> Vec<Vector> {
    let streamed = || Entry::deflated("a.txt", CONTENT).streamed(true);
    let descriptor = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut entry = streamed();
        change(&mut entry.descriptor);
        bundle_with(entry)
    };
    let case = |name: &str, why: &str, archive| unsafe_archive(&format!("descriptor-{name}"), why, &archive);
    vec![
        case("missing", "announced and not there", descriptor(&Vec::clear)),
        case(
            "crc",
            "another CRC than the directory's",
            descriptor(&|bytes| bytes[4] ^= 1),
        ),
        case(
            "compressed-size",
            "another packed size than the directory's",
            descriptor(&|bytes| bytes[8] ^= 1),
        ),
        case(
            "size",
            "another unpacked size than the directory's",
            descriptor(&|bytes| bytes[12] ^= 1),
        ),
        case(
            "longer",
            "followed by bytes that belong to nothing",
            descriptor(&|bytes| bytes.extend([0; 64])),
        ),
    ]
}

fn methods() -> Vec<Vector> {
    let methods = [
        (1, "shrink"),
        (6, "implode"),
        (9, "deflate64"),
        (12, "bzip2"),
        (14, "lzma"),
        (93, "zstd"),
        (95, "xz"),
        (98, "ppmd"),
        (99, "aes"),
        (0xffff, "unknown"),
    ];
    let case = |(method, name): (u16, &str)| {
        let entry = Entry::with_method(b"a.txt", method, CONTENT.to_vec(), CONTENT);
        unsafe_archive(
            &format!("method-{name}"),
            "phones read only stored and deflated files",
            &bundle_with(entry),
        )
    };
    methods.map(case).to_vec()
}

fn encrypted() -> Vec<Vector> {
    let case = |name: &str, why: &str, flags: u16| {
        unsafe_archive(
            &format!("flag-{name}"),
            why,
            &bundle_with(file().both(|header| header.flags |= flags)),
        )
    };
    vec![
        case("encrypted", "zip's own encryption, which phones do not read", 1),
        case("strong-encryption", "strong encryption", 1 | 1 << 6),
        case("patch", "a patch to another archive", 1 << 5),
        case(
            "masked-headers",
            "headers are masked, so nothing they say is true",
            1 << 13,
        ),
    ]
}

/// A second name in an extra field, which some readers prefer (Info-ZIP) and others ignore.
fn second_names() -> Vec<Vector> {
    let unicode_path = |name: &str, of: &[u8]| {
        extra_field(
            0x7075,
            &[&[1], crate::forge::crc32(of).to_le_bytes().as_slice(), name.as_bytes()].concat(),
        )
    };
    let named = |name: &str| bundle_with(file().both(|header| header.extra = unicode_path(name, b"a.txt")));
    vec![
        unsafe_archive(
            "unicode-path-other",
            "another name for readers that know the field",
            &named("b.txt"),
        ),
        unsafe_archive(
            "unicode-path-parent",
            "a name that leaves the folder for readers that know the field",
            &named("../b.txt"),
        ),
        accepted(
            "ok-unicode-path-same",
            "Info-ZIP repeats the name there",
            &named("a.txt"),
            &[("a.txt", CONTENT)],
        ),
    ]
}

fn harmless() -> Vec<Vector> {
    let case = |name: &str, why: &str, entry: Entry| {
        accepted(
            &format!("ok-headers-{name}"),
            why,
            &bundle_with(entry),
            &[("a.txt", CONTENT)],
        )
    };
    let central = |change: &dyn Fn(&mut Central)| file().central(|header| change(header));
    let time = extra_field(0x5455, &[3, 0, 0, 0, 0, 0, 0, 0, 0]);
    let short_time = extra_field(0x5455, &[3, 0, 0, 0, 0]);
    vec![
        case(
            "extra-differs",
            "Info-ZIP writes longer time stamps locally",
            file()
                .local(|h| h.extra = time)
                .central(|h| h.shared.extra = short_time),
        ),
        case(
            "version-differs",
            "some writers state other versions",
            file().local(|header| header.version_needed = 10),
        ),
        case(
            "invalid-date",
            "month 15, day 0",
            file().both(|header| header.date = 0x01e0),
        ),
        case(
            "deflate-level",
            "bits 1 and 2 tell the compressor's effort",
            Entry::deflated("a.txt", CONTENT).both(|header| header.flags |= 6),
        ),
        case(
            "comment",
            "an entry may have a comment",
            central(&|header| header.comment = b"by hand".to_vec()),
        ),
        case("text", "marked as text", central(&|header| header.internal = 1)),
        case(
            "newer-version",
            "version 4.5 needed, and nothing of it used",
            file().both(|header| header.version_needed = 45),
        ),
        case(
            "no-utf8-flag-ascii",
            "ASCII names need no flag",
            file().both(|header| header.flags = 0),
        ),
        case(
            "streamed",
            "a data descriptor with its signature",
            Entry::deflated("a.txt", CONTENT).streamed(true),
        ),
        case(
            "streamed-unsigned",
            "a data descriptor without its signature",
            Entry::deflated("a.txt", CONTENT).streamed(false),
        ),
        case(
            "streamed-stating-sizes",
            "a data descriptor, and the local header states the sizes too",
            {
                let sizes = Entry::deflated("a.txt", CONTENT)
                    .local
                    .map(|header| (header.crc, header.compressed, header.size));
                Entry::deflated("a.txt", CONTENT)
                    .streamed(true)
                    .local(|h| (h.crc, h.compressed, h.size) = sizes.unwrap_or_default())
            },
        ),
    ]
}
