//! The records of a zip file, field by field in file order.

use super::{Offset, crc32, low_u16, low_u32};

/// 1 January 1980, the earliest date in a zip file.
const DATE: u16 = 0x0021;

/// The fields of a local header, which a directory record has too.
#[derive(Debug, Clone)]
pub struct Local {
    /// `PK\3\4`.
    pub signature: u32,
    /// 20 for deflate, 45 for zip64.
    pub version_needed: u16,
    /// Bit 0: encrypted, 3: descriptor follows, 11: the name is UTF-8.
    pub flags: u16,
    /// 0 stored, 8 deflate.
    pub method: u16,
    /// DOS time.
    pub time: u16,
    /// DOS date.
    pub date: u16,
    /// CRC-32 of the content.
    pub crc: u32,
    /// Bytes in the archive.
    pub compressed: u32,
    /// Bytes unpacked.
    pub size: u32,
    /// The name.
    pub name: Vec<u8>,
    /// The extra fields.
    pub extra: Vec<u8>,
    /// A wrong length of the name.
    pub name_length: Option<u16>,
    /// A wrong length of the extra fields.
    pub extra_length: Option<u16>,
}

impl Local {
    pub(super) fn new(name: &[u8], method: u16, data: &[u8], content: &[u8]) -> Self {
        Self {
            signature: 0x0403_4b50,
            version_needed: 20,
            flags: 0x0800,
            method,
            time: 0,
            date: DATE,
            crc: crc32(content),
            compressed: low_u32(data.len()),
            size: low_u32(content.len()),
            name: name.to_vec(),
            extra: Vec::new(),
            name_length: None,
            extra_length: None,
        }
    }

    pub(super) fn groups(&self) -> [(&'static str, Vec<u8>); 5] {
        [
            ("signature", self.signature.to_le_bytes().to_vec()),
            ("versions", self.leading_fields()),
            ("sizes", self.sizes()),
            ("fields", self.lengths()),
            ("name", [self.name.as_slice(), &self.extra].concat()),
        ]
    }

    fn leading_fields(&self) -> Vec<u8> {
        [self.version_needed, self.flags, self.method, self.time, self.date]
            .map(u16::to_le_bytes)
            .concat()
    }

    fn sizes(&self) -> Vec<u8> {
        [self.crc, self.compressed, self.size].map(u32::to_le_bytes).concat()
    }

    fn lengths(&self) -> Vec<u8> {
        let name = self.name_length.unwrap_or(low_u16(self.name.len()));
        let extra = self.extra_length.unwrap_or(low_u16(self.extra.len()));
        [name, extra].map(u16::to_le_bytes).concat()
    }
}

/// A record of the central directory.
#[derive(Debug, Clone)]
pub struct Central {
    /// `PK\1\2`.
    pub signature: u32,
    /// System in the upper byte, version of the format in the lower.
    pub made_by: u16,
    /// The fields that the local header has too.
    pub shared: Local,
    /// The comment.
    pub comment: Vec<u8>,
    /// A wrong length of the comment.
    pub comment_length: Option<u16>,
    /// The disk the entry starts on.
    pub disk: u16,
    /// Bit 0: text.
    pub internal: u16,
    /// Unix mode in the upper half, DOS attributes in the lower.
    pub external: u32,
    /// The offset of the local header.
    pub offset: Offset,
}

impl Central {
    pub(super) fn of(local: &Local) -> Self {
        Self {
            signature: 0x0201_4b50,
            made_by: 0x0314,
            shared: local.clone(),
            comment: Vec::new(),
            comment_length: None,
            disk: 0,
            internal: 0,
            external: 0o100_644 << 16,
            offset: Offset::Own,
        }
    }

    pub(super) fn groups(&self, offset: u32) -> [(&'static str, Vec<u8>); 5] {
        let comment_length = self.comment_length.unwrap_or(low_u16(self.comment.len()));
        let mut versions = self.made_by.to_le_bytes().to_vec();
        versions.extend(self.shared.leading_fields());
        let mut fields = self.shared.lengths();
        fields.extend(
            [comment_length, self.disk, self.internal]
                .map(u16::to_le_bytes)
                .concat(),
        );
        fields.extend([self.external, offset].map(u32::to_le_bytes).concat());
        [
            ("signature", self.signature.to_le_bytes().to_vec()),
            ("versions", versions),
            ("sizes", self.shared.sizes()),
            ("fields", fields),
            (
                "name",
                [self.shared.name.as_slice(), &self.shared.extra, &self.comment].concat(),
            ),
        ]
    }
}

/// The true number of records, size of the directory and offset of the directory.
type Truth = (usize, usize, usize);

/// The end record. `None` is the true value.
#[derive(Debug, Clone, Default)]
pub struct End {
    /// Number of this disk.
    pub disk: u16,
    /// Disk on which the directory starts.
    pub directory_disk: u16,
    /// Records on this disk.
    pub count_here: Option<u16>,
    /// Total number of records.
    pub count: Option<u16>,
    /// Bytes of the directory.
    pub size: Option<u32>,
    /// Start of the directory.
    pub offset: Option<u32>,
    /// The archive comment.
    pub comment: Vec<u8>,
    /// A wrong length of the comment.
    pub comment_length: Option<u16>,
}

impl End {
    pub(super) fn groups(&self, (count, size, offset): Truth) -> [(&'static str, Vec<u8>); 7] {
        let count_here = self.count_here.unwrap_or(low_u16(count));
        let count = self.count.unwrap_or(low_u16(count));
        let comment_length = self.comment_length.unwrap_or(low_u16(self.comment.len()));
        [
            ("end-signature", 0x0605_4b50_u32.to_le_bytes().to_vec()),
            (
                "end-disks",
                [self.disk, self.directory_disk].map(u16::to_le_bytes).concat(),
            ),
            ("end-counts", [count_here, count].map(u16::to_le_bytes).concat()),
            ("end-size", self.size.unwrap_or(low_u32(size)).to_le_bytes().to_vec()),
            (
                "end-offset",
                self.offset.unwrap_or(low_u32(offset)).to_le_bytes().to_vec(),
            ),
            ("end-comment-length", comment_length.to_le_bytes().to_vec()),
            ("end-comment", self.comment.clone()),
        ]
    }
}

/// The zip64 end record and its locator. `None` is the true value.
#[derive(Debug, Clone, Default)]
pub struct Zip64End {
    /// Bytes of the rest of the record.
    pub record_size: Option<u64>,
    /// Number of this disk.
    pub disk: u32,
    /// Records on this disk.
    pub count_here: Option<u64>,
    /// Total number of records.
    pub count: Option<u64>,
    /// Bytes of the directory.
    pub size: Option<u64>,
    /// Start of the directory.
    pub offset: Option<u64>,
    /// The offset of the record in the locator.
    pub record_offset: Option<u64>,
    /// The number of disks in the locator.
    pub disks: Option<u32>,
    /// Whether only the locator is present.
    pub without_record: bool,
}

impl Zip64End {
    pub(super) fn groups(&self, (count, size, offset): Truth, at: usize) -> Vec<(&'static str, Vec<u8>)> {
        let count_here = self.count_here.unwrap_or(count as u64);
        let count = self.count.unwrap_or(count as u64);
        let mut versions = [45_u16; 2].map(u16::to_le_bytes).concat();
        versions.extend([self.disk, 0].map(u32::to_le_bytes).concat());
        let record = [
            ("end64-signature", 0x0606_4b50_u32.to_le_bytes().to_vec()),
            (
                "end64-record-size",
                self.record_size.unwrap_or(44).to_le_bytes().to_vec(),
            ),
            ("end64-versions", versions),
            ("end64-counts", [count_here, count].map(u64::to_le_bytes).concat()),
            ("end64-size", self.size.unwrap_or(size as u64).to_le_bytes().to_vec()),
            (
                "end64-offset",
                self.offset.unwrap_or(offset as u64).to_le_bytes().to_vec(),
            ),
        ];
        let locator = [
            ("locator-signature", 0x0706_4b50_u32.to_le_bytes().to_vec()),
            ("locator-disk", 0_u32.to_le_bytes().to_vec()),
            (
                "locator-offset",
                self.record_offset.unwrap_or(at as u64).to_le_bytes().to_vec(),
            ),
            ("locator-disks", self.disks.unwrap_or(1).to_le_bytes().to_vec()),
        ];
        if self.without_record {
            locator.to_vec()
        } else {
            record.into_iter().chain(locator).collect()
        }
    }
}

/// A zip64 extra field with these values.
#[must_use]
pub fn zip64_extra(values: &[u64]) -> Vec<u8> {
    extra_field(
        0x0001,
        &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>(),
    )
}

/// Any extra field.
#[must_use]
pub fn extra_field(id: u16, content: &[u8]) -> Vec<u8> {
    [
        id.to_le_bytes().as_slice(),
        &low_u16(content.len()).to_le_bytes(),
        content,
    ]
    .concat()
}
