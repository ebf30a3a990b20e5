#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use std::fs::File;
use std::io::{Read as _, Seek, SeekFrom};

use super::*;

fn stored(size: u64, crc32: u32) -> EntryHeader {
    EntryHeader {
        method: EntryMethod::Stored,
        crc32,
        size,
        compressed_size: size,
        is_folder: false,
    }
}

#[test]
fn headers_have_the_bytes_that_capgo_writes() {
    let mut writer = ArchiveWriter::new(Vec::new());
    writer.start_entry("a.txt", stored(3, 0x3524_41c2)).unwrap();
    writer.write_all(b"abc").unwrap();
    writer
        .start_entry(
            "d/",
            EntryHeader {
                method: EntryMethod::Stored,
                crc32: 0,
                size: 0,
                compressed_size: 0,
                is_folder: true,
            },
        )
        .unwrap();
    let bytes = writer.finish(["a.txt", "d/"].iter()).unwrap();
    // Local header: version 1.0, UTF-8 flag, stored, 1980-01-01, CRC, sizes, no extra field.
    assert_eq!(bytes[..30], *b"PK\x03\x04\x0a\x00\x00\x08\x00\x00\x00\x00\x21\x00\xc2\x41\x24\x35\x03\x00\x00\x00\x03\x00\x00\x00\x05\x00\x00\x00");
    let central = bytes.windows(4).position(|window| window == CENTRAL_SIGNATURE).unwrap();
    assert_eq!(bytes[central + 4..central + 6], [10, 3], "made on Unix");
    assert_eq!(
        bytes[central + 38..central + 42],
        0x81a4_0000_u32.to_le_bytes(),
        "a file, 0644"
    );
    let folder = central + 46 + 5;
    assert_eq!(
        bytes[folder + 38..folder + 42],
        0x41ed_0010_u32.to_le_bytes(),
        "a folder, 0755"
    );
    assert_eq!(bytes.len(), 30 + 5 + 3 + 30 + 2 + 46 + 5 + 46 + 2 + 22);
}

#[test]
fn more_than_65535_entries_are_read_back() {
    let names: Vec<String> = (0..70_000).map(|number| format!("{number}")).collect();
    let mut writer = ArchiveWriter::new(Vec::new());
    for name in &names {
        writer.start_entry(name, stored(0, 0)).unwrap();
    }
    let bytes = writer.finish(names.iter()).unwrap();
    let mut archive = zip::ZipArchive::new(io::Cursor::new(bytes)).unwrap();
    assert_eq!(archive.len(), 70_000);
    archive.validate_header_consistency().unwrap();
    assert_eq!(archive.by_index(69_999).unwrap().name().unwrap(), "69999");
}

/// Writes zeros as holes, so that four gigabytes need no time and no disk.
struct Sparse(File);

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.iter().all(|byte| *byte == 0) {
            self.0.seek(SeekFrom::Current(i64::try_from(bytes.len()).unwrap()))?;
            return Ok(bytes.len());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn files_and_offsets_beyond_four_gigabytes_are_read_back() {
    const SIZE: u64 = (4 << 30) + 5;
    let mut writer = ArchiveWriter::new(Sparse(tempfile::tempfile().unwrap()));
    writer.start_entry("large", stored(SIZE, 0)).unwrap();
    let zeros = vec![0; 1 << 20];
    let mut left = SIZE;
    while left > 0 {
        let count = zeros.len().min(usize::try_from(left).unwrap());
        writer.write_all(&zeros[..count]).unwrap();
        left -= count as u64;
    }
    writer.start_entry("behind", stored(3, 0x3524_41c2)).unwrap();
    writer.write_all(b"abc").unwrap();
    let file = writer.finish(["large", "behind"].iter()).unwrap().0;

    let mut archive = zip::ZipArchive::new(file).unwrap();
    archive.validate_header_consistency().unwrap();
    assert_eq!(archive.by_index_data(0).unwrap().size(), SIZE);
    let mut text = String::new();
    archive.by_name("behind").unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "abc");
}
