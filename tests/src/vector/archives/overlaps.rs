//! Entries that share bytes, for bombs without a high ratio in any entry, and for hidden content.

use super::{CONTENT, Vector, unsafe_archive};
use crate::forge::{Archive, Entry, Offset, deflate};

/// Files that share one kernel.
const SHARING: usize = 50;

pub(super) fn all() -> Vec<Vector> {
    let case = |name: &str, why: &str, archive: Archive| unsafe_archive(&format!("overlap-{name}"), why, &archive);
    let shared = |count: usize| {
        let first = Entry::file("0.txt", CONTENT);
        let others = (1..count).map(|n| Entry::file(format!("{n}.txt"), CONTENT).pointing_at(1));
        Archive::bundle([first].into_iter().chain(others))
    };
    let same_name = Archive::bundle([
        Entry::file("a.txt", CONTENT),
        Entry::file("a.txt", CONTENT).pointing_at(1),
    ]);
    vec![
        case(
            "shared-entry",
            "fifty records name one entry: 42.zip's idea without recursion",
            shared(SHARING),
        ),
        case(
            "same-record-twice",
            "one entry listed twice under its own name",
            same_name,
        ),
        case(
            "quoted",
            "each file's stream quotes the next header (Fifield 2019): Python (CVE-2024-0450), unzip (CVE-2019-13232)",
            quoted(),
        ),
        case("inside-data", "an entry inside the data of another", inside_data()),
        case(
            "into-next",
            "data that runs over the next local header",
            runs_over(|index| index.compressed += 20),
        ),
        case(
            "into-directory",
            "data that runs into the directory",
            last_runs_over(20),
        ),
        case(
            "past-the-end",
            "data that runs past the end of the file",
            last_runs_over(1 << 20),
        ),
        case("whole-4-gib", "a size just below 4 GiB", last_runs_over(0xffff_ff00)),
        case(
            "offset-in-directory",
            "a local header where the directory is",
            at_offset(|directory| directory),
        ),
        case(
            "offset-past-end",
            "a local header past the end of the file",
            at_offset(|directory| directory + 100_000),
        ),
        case(
            "offset-off-by-one",
            "a local header one byte too late",
            at_offset(|_| 1),
        ),
        case(
            "offset-in-data",
            "a local header where other data is",
            at_offset(|_| 45),
        ),
    ]
}

/// Fifield's zip bomb: the compressed data of every file holds the local headers and data of all later ones.
fn quoted() -> Archive {
    let (kernel, size) = deflate::zeros(20_000);
    let mut entries = Vec::new();
    let (mut data, mut content) = (kernel.clone(), vec![0; size]);
    for number in (0..SHARING).rev() {
        let entry = Entry::with_method(format!("{number:02}").as_bytes(), 8, data.clone(), &content);
        let header = Archive::of([entry.clone()]).bytes()[..32].to_vec();
        let quote = deflate::stored_block(header.len(), false);
        data = [quote.as_slice(), &header, &data].concat();
        content = [header.as_slice(), &content].concat();
        entries.insert(0, entry);
    }
    // In the file, each entry has only its stored block with the next header; the last one has the kernel.
    let last = entries.len() - 1;
    for (number, entry) in entries.iter_mut().enumerate() {
        entry.data = if number == last {
            kernel.clone()
        } else {
            deflate::stored_block(32, false).to_vec()
        };
    }
    Archive::bundle(entries)
}

/// A stored file whose content is a whole local entry, which the directory lists as well.
fn inside_data() -> Archive {
    let inner = Entry::file("inner.txt", CONTENT);
    let quoted = Archive::of([inner.clone().unlisted()]).bytes();
    let quoted = &quoted[..30 + "inner.txt".len() + CONTENT.len()];
    let outer = Entry::file("outer.bin", quoted);
    let archive = Archive::bundle([outer]);
    let start = archive
        .layout()
        .boundaries
        .iter()
        .find(|(name, _)| name == "local-1-name")
        .map_or(0, |(_, end)| *end);
    let offset = Offset::Exactly(u32::try_from(start).unwrap_or(u32::MAX));
    let listed = inner.pointing_at(0).central(|header| header.offset = offset);
    Archive {
        entries: archive.entries.into_iter().chain([listed]).collect(),
        ..archive
    }
}

fn runs_over(change: impl Fn(&mut crate::forge::Local)) -> Archive {
    let mut archive = Archive::bundle([Entry::file("a.txt", CONTENT)]);
    archive.entries[0] = archive.entries[0].clone().both(|header| {
        change(header);
        header.size = header.compressed;
    });
    archive
}

fn last_runs_over(by: u32) -> Archive {
    Archive::bundle([Entry::file("a.txt", CONTENT).both(|header| {
        header.compressed = header.compressed.saturating_add(by).min(0xffff_fffe);
        header.size = header.compressed;
    })])
}

/// The second entry's offset, as a function of where the directory starts.
fn at_offset(offset: impl Fn(u32) -> u32) -> Archive {
    let sound = Archive::bundle([Entry::file("a.txt", CONTENT)]);
    let boundaries = sound.layout().boundaries;
    let directory = boundaries
        .iter()
        .find(|(name, _)| name == "data-1")
        .map_or(0, |(_, end)| *end);
    let offset = Offset::Exactly(offset(u32::try_from(directory).unwrap_or(u32::MAX)));
    Archive::bundle([Entry::file("a.txt", CONTENT).central(|header| header.offset = offset)])
}
