//! Truncated archives, which end after each group of fields.

use super::{CONTENT, Vector};
use crate::forge::{Archive, Entry};

pub(super) fn all() -> Vec<Vector> {
    // A stored file, a deflated one behind a descriptor and a folder, so that every kind of record is cut.
    let plain = Archive::bundle([
        Entry::deflated("a.js", CONTENT).streamed(true),
        Entry::folder("assets/"),
    ]);
    let plain = plain.end(|end| end.comment = b"comment".to_vec());
    let zip64 = Archive::bundle([])
        .zip64(|_| ())
        .end(|end| (end.count, end.count_here) = (Some(u16::MAX), Some(u16::MAX)));
    [
        cut_everywhere("", &plain, |_| true),
        cut_everywhere("64", &zip64, |group| {
            !group.starts_with(['l', 'd', 'c']) || group.starts_with("locator")
        }),
    ]
    .concat()
}

fn cut_everywhere(suffix: &str, archive: &Archive, wanted: impl Fn(&str) -> bool) -> Vec<Vector> {
    let layout = archive.layout();
    let cuts = layout
        .boundaries
        .iter()
        .filter(|(group, end)| *end < layout.bytes.len() && wanted(group));
    cuts.map(|(group, end)| {
        let name = format!("truncated{suffix}-{end:03}-after-{group}");
        Vector::new(
            &name,
            "unsafe_archive",
            &format!("ends after {group}"),
            layout.bytes[..*end].to_vec(),
        )
    })
    .collect()
}
