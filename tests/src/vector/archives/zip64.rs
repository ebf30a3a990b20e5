//! Invalid 64-bit records, and small archives with valid ones.

use super::{CONTENT, Vector, accepted, bundle_with, unsafe_archive};
use crate::forge::{Archive, Entry, Zip64End, zip64_extra};

/// The value that refers to the zip64 field.
const IN_ZIP64: u32 = u32::MAX;

pub(super) fn all() -> Vec<Vector> {
    [end_lies(), entry_lies(), harmless()].concat()
}

/// A valid archive whose end record refers all values to the zip64 record.
fn sound() -> Archive {
    bundle_with(Entry::file("a.txt", CONTENT)).zip64(|_| ()).end(|end| {
        (end.count_here, end.count) = (Some(u16::MAX), Some(u16::MAX));
        (end.size, end.offset) = (Some(IN_ZIP64), Some(IN_ZIP64));
    })
}

fn end_lies() -> Vec<Vector> {
    let changed = |change: &dyn Fn(&mut Zip64End)| sound().zip64(|end| change(end));
    let case = |name: &str, why: &str, change: &dyn Fn(&mut Zip64End)| {
        unsafe_archive(&format!("zip64-{name}"), why, &changed(change))
    };
    let both_counts = |count: u64| move |end: &mut Zip64End| (end.count, end.count_here) = (Some(count), Some(count));
    let contradiction = bundle_with(Entry::file("a.txt", CONTENT)).zip64(|end| both_counts(1)(end));
    vec![
        case("count-smaller", "one entry more than counted", &both_counts(1)),
        case("count-larger", "one entry fewer than counted", &both_counts(3)),
        case(
            "count-huge",
            "10^12 entries in 100 bytes: refused before memory is reserved for them",
            &both_counts(1 << 40),
        ),
        case(
            "count-largest",
            "the largest count there is: overflowed libzip (CVE-2015-2331)",
            &both_counts(u64::MAX),
        ),
        case(
            "count-at-limit",
            "as many entries as the limit allows, in 100 bytes",
            &both_counts(100_000),
        ),
        case("counts-differ", "two counts", &|end| end.count_here = Some(1)),
        case("size", "the directory is longer than stated", &|end| {
            end.size = Some(50);
        }),
        case(
            "size-huge",
            "a directory of 16 EiB: libzip reserved memory for it (CVE-2017-14107)",
            &|end| end.size = Some(u64::MAX),
        ),
        case("offset", "the directory starts elsewhere", &|end| end.offset = Some(1)),
        case("offset-huge", "the end of the directory overflows 64 bits", &|end| {
            end.offset = Some(u64::MAX - 10);
        }),
        case("record-size-huge", "the record is longer than the file", &|end| {
            end.record_size = Some(u64::MAX - 11);
        }),
        case("record-size-small", "the record is too short for its fields", &|end| {
            end.record_size = Some(4);
        }),
        case("record-offset", "the locator points elsewhere", &|end| {
            end.record_offset = Some(0);
        }),
        case(
            "record-offset-past-end",
            "the locator points past the end of the file",
            &|end| end.record_offset = Some(1 << 40),
        ),
        case("record-missing", "a locator without the record", &|end| {
            (end.without_record, end.record_offset) = (true, Some(100));
        }),
        case("disk", "another disk", &|end| end.disk = 7),
        case("disks", "several disks", &|end| end.disks = Some(2)),
        unsafe_archive(
            "zip64-end-contradicts",
            "the two end records count differently: readers disagree",
            &contradiction,
        ),
        unsafe_archive(
            "zip64-missing",
            "the end record leaves everything to a zip64 record that is not there",
            &Archive { zip64: None, ..sound() },
        ),
    ]
}

fn entry_lies() -> Vec<Vector> {
    let size = CONTENT.len() as u64;
    let case =
        |name: &str, why: &str, entry: Entry| unsafe_archive(&format!("zip64-entry-{name}"), why, &bundle_with(entry));
    let with_extra = |extra: Vec<u8>| in_zip64(move |header| header.extra.clone_from(&extra));
    vec![
        case(
            "missing",
            "the sizes are left to a zip64 field that is not there",
            with_extra(Vec::new()),
        ),
        case(
            "short",
            "the zip64 field holds one size of two",
            with_extra(zip64_extra(&[size])),
        ),
        case(
            "cut",
            "the zip64 field is shorter than it states",
            with_extra(zip64_extra(&[size, size])[..12].to_vec()),
        ),
        case(
            "size-huge",
            "a size of 16 EiB",
            with_extra(zip64_extra(&[u64::MAX, u64::MAX])),
        ),
        case(
            "size-overflows",
            "the end of the data overflows 64 bits",
            with_extra(zip64_extra(&[size, u64::MAX - 20])),
        ),
        case(
            "size-negative",
            "a size that is negative when signed",
            with_extra(zip64_extra(&[1 << 63, size])),
        ),
        case(
            "disagrees",
            "directory and local header name two sizes in their zip64 fields",
            in_zip64(|header| header.extra = zip64_extra(&[size, size]))
                .local(|header| header.extra = zip64_extra(&[size, 3])),
        ),
        case(
            "twice",
            "two zip64 fields with two answers",
            with_extra([zip64_extra(&[size, size]), zip64_extra(&[3, 3])].concat()),
        ),
    ]
}

fn harmless() -> Vec<Vector> {
    let size = CONTENT.len() as u64;
    let file: &[(&str, &[u8])] = &[("a.txt", CONTENT)];
    let sizes = in_zip64(|header| header.extra = zip64_extra(&[size, size]));
    let local_only = Entry::file("a.txt", CONTENT).local(|header| {
        (header.size, header.compressed) = (IN_ZIP64, IN_ZIP64);
        header.extra = zip64_extra(&[size, size]);
    });
    let beside = bundle_with(Entry::file("a.txt", CONTENT)).zip64(|_| ());
    vec![
        accepted("ok-zip64", "a small archive with a zip64 end record", &sound(), file),
        accepted("ok-zip64-beside", "both end records say the same", &beside, file),
        accepted(
            "ok-zip64-entry",
            "sizes in zip64 fields, as writers that do not know them beforehand do",
            &bundle_with(sizes),
            file,
        ),
        accepted(
            "ok-zip64-entry-local",
            "the same in the local header only (Python's force_zip64)",
            &bundle_with(local_only),
            file,
        ),
    ]
}

/// A stored file whose headers both refer both sizes to a zip64 field.
fn in_zip64(change: impl Fn(&mut crate::forge::Local)) -> Entry {
    Entry::file("a.txt", CONTENT).both(|header| {
        (header.size, header.compressed) = (IN_ZIP64, IN_ZIP64);
        header.version_needed = 45;
        change(header);
    })
}
