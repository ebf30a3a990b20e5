//! A zip writer for invalid archives: each field of each record can be set independently.
//!
//! It is written from the published format specification and shares no code with the reader under test. It has its own deflate
//! encoder, so that its output does not depend on the version of a compressor.

pub mod capgo;
pub mod deflate;
pub mod envelope;
pub mod pss;
mod records;
pub mod rsa;
pub mod sealed;

pub use records::{Central, End, Local, Zip64End, extra_field, zip64_extra};

/// The `index.html` of valid bundles.
pub const INDEX_HTML: &[u8] = b"<!doctype html><title>test</title><script src=\"app.js\"></script>\n";

/// The offset of an entry in its directory record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offset {
    /// The true offset.
    Own,
    /// The offset of the entry with this index.
    OfEntry(usize),
    /// This byte offset.
    Exactly(u32),
}

/// One entry: its local header, its data and its directory record, each of which may be missing or wrong.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Bytes before the local header that belong to no record.
    pub gap: Vec<u8>,
    /// The local header.
    pub local: Option<Local>,
    /// The compressed data.
    pub data: Vec<u8>,
    /// The raw data descriptor; empty for none.
    pub descriptor: Vec<u8>,
    /// The directory record.
    pub central: Option<Central>,
}

impl Entry {
    /// A valid stored file.
    #[must_use]
    pub fn file(name: impl AsRef<[u8]>, content: &[u8]) -> Self {
        Self::with_method(name.as_ref(), 0, content.to_vec(), content)
    }

    /// A valid deflated file.
    #[must_use]
    pub fn deflated(name: impl AsRef<[u8]>, content: &[u8]) -> Self {
        Self::with_method(name.as_ref(), 8, deflate::literally(content), content)
    }

    /// A valid folder; `name` ends with `/`.
    #[must_use]
    pub fn folder(name: impl AsRef<[u8]>) -> Self {
        Self::file(name, b"").central(|header| header.external = 0o040_755 << 16 | 0x10)
    }

    /// A symbolic link as Info-ZIP stores it.
    #[must_use]
    pub fn symlink(name: &str, target: &str) -> Self {
        Self::file(name, target.as_bytes()).unix_mode(0o120_777)
    }

    /// An entry whose `data` is declared as `content` compressed with `method`.
    #[must_use]
    pub fn with_method(name: &[u8], method: u16, data: Vec<u8>, content: &[u8]) -> Self {
        let local = Local::new(name, method, &data, content);
        let central = Central::of(&local);
        Self {
            gap: Vec::new(),
            local: Some(local),
            data,
            descriptor: Vec::new(),
            central: Some(central),
        }
    }

    /// Changes the local header only.
    #[must_use]
    pub fn local(mut self, change: impl FnOnce(&mut Local)) -> Self {
        if let Some(header) = &mut self.local {
            change(header);
        }
        self
    }

    /// Changes the directory record only.
    #[must_use]
    pub fn central(mut self, change: impl FnOnce(&mut Central)) -> Self {
        if let Some(header) = &mut self.central {
            change(header);
        }
        self
    }

    /// Changes the local header and the directory record alike.
    #[must_use]
    pub fn both(self, change: impl Fn(&mut Local)) -> Self {
        self.local(&change).central(|header| change(&mut header.shared))
    }

    /// Sets Unix as the system and the mode.
    #[must_use]
    pub fn unix_mode(self, mode: u32) -> Self {
        self.central(|header| header.external = mode << 16)
    }

    /// Sets the system: 0 is DOS, 3 Unix, 19 macOS.
    #[must_use]
    pub fn made_on(self, system: u16) -> Self {
        self.central(|header| header.made_by = system << 8 | 0x14)
    }

    /// Moves sizes and CRC from the local header to a descriptor after the data, as streaming writers do.
    #[must_use]
    pub fn streamed(mut self, with_signature: bool) -> Self {
        let Some(local) = self.local.clone() else { return self };
        if with_signature {
            self.descriptor.extend(0x0807_4b50_u32.to_le_bytes());
        }
        for field in [local.crc, local.compressed, local.size] {
            self.descriptor.extend(field.to_le_bytes());
        }
        self.both(|header| header.flags |= 8)
            .local(|header| (header.crc, header.compressed, header.size) = (0, 0, 0))
    }

    /// Removes the directory record.
    #[must_use]
    pub fn unlisted(mut self) -> Self {
        self.central = None;
        self
    }

    /// Keeps only a directory record, which points at another entry.
    #[must_use]
    pub fn pointing_at(mut self, entry: usize) -> Self {
        (self.local, self.data) = (None, Vec::new());
        self.central(|header| header.offset = Offset::OfEntry(entry))
    }
}

/// An archive.
#[derive(Debug, Clone, Default)]
pub struct Archive {
    /// Bytes before the first entry.
    pub prefix: Vec<u8>,
    /// Whether offsets are relative to the start of the file instead of the first entry.
    pub offsets_count_prefix: bool,
    /// The entries in file order.
    pub entries: Vec<Entry>,
    /// Whether the directory records are in reverse order.
    pub directory_reversed: bool,
    /// Bytes between the last entry and the directory.
    pub before_directory: Vec<u8>,
    /// Bytes between the directory and the end records.
    pub after_directory: Vec<u8>,
    /// The zip64 end record and its locator.
    pub zip64: Option<Zip64End>,
    /// The end record.
    pub end: End,
    /// Bytes after the end record.
    pub suffix: Vec<u8>,
}

impl Archive {
    /// A valid archive of these entries.
    #[must_use]
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        Self {
            entries: entries.into_iter().collect(),
            offsets_count_prefix: true,
            ..Self::default()
        }
    }

    /// A valid bundle: a root `index.html`, then these entries.
    #[must_use]
    pub fn bundle(entries: impl IntoIterator<Item = Entry>) -> Self {
        Self::of([Entry::file("index.html", INDEX_HTML)].into_iter().chain(entries))
    }

    /// Changes the end record.
    #[must_use]
    pub fn end(mut self, change: impl FnOnce(&mut End)) -> Self {
        change(&mut self.end);
        self
    }

    /// Adds a zip64 end record and locator, then changes it.
    #[must_use]
    pub fn zip64(mut self, change: impl FnOnce(&mut Zip64End)) -> Self {
        change(self.zip64.get_or_insert_default());
        self
    }

    /// The bytes of the file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.layout().bytes
    }

    /// The bytes of the file, with the offset where each group of fields ends.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let mut layout = Layout {
            bytes: self.prefix.clone(),
            boundaries: Vec::new(),
        };
        let base = if self.offsets_count_prefix {
            0
        } else {
            self.prefix.len()
        };
        let starts = self.lay_entries(&mut layout, base);
        layout.bytes.extend(&self.before_directory);

        let directory_start = layout.bytes.len() - base;
        let listed = self.lay_directory(&mut layout, &starts);
        let directory_size = layout.bytes.len() - base - directory_start;
        layout.bytes.extend(&self.after_directory);

        let truth = (listed, directory_size, directory_start);
        if let Some(zip64) = &self.zip64 {
            let at = layout.bytes.len() - base;
            for (group, bytes) in zip64.groups(truth, at) {
                layout.push(group, &bytes);
            }
        }
        for (group, bytes) in self.end.groups(truth) {
            layout.push(group, &bytes);
        }
        layout.bytes.extend(&self.suffix);
        layout
    }

    fn lay_entries(&self, layout: &mut Layout, base: usize) -> Vec<usize> {
        let mut starts = Vec::new();
        for (number, entry) in self.entries.iter().enumerate() {
            layout.bytes.extend(&entry.gap);
            starts.push(layout.bytes.len() - base);
            if let Some(local) = &entry.local {
                for (group, bytes) in local.groups() {
                    layout.push(format!("local-{number}-{group}"), &bytes);
                }
            }
            layout.push(format!("data-{number}"), &entry.data);
            layout.push(format!("descriptor-{number}"), &entry.descriptor);
        }
        starts
    }

    fn lay_directory(&self, layout: &mut Layout, starts: &[usize]) -> usize {
        let mut listed: Vec<(usize, &Central)> = self
            .entries
            .iter()
            .enumerate()
            .filter_map(|(n, entry)| Some((n, entry.central.as_ref()?)))
            .collect();
        if self.directory_reversed {
            listed.reverse();
        }
        for (number, central) in &listed {
            let offset = match central.offset {
                Offset::Own => low_u32(starts[*number]),
                Offset::OfEntry(other) => low_u32(starts[other]),
                Offset::Exactly(offset) => offset,
            };
            for (group, bytes) in central.groups(offset) {
                layout.push(format!("central-{number}-{group}"), &bytes);
            }
        }
        listed.len()
    }
}

/// The bytes of an archive and the offsets where it could be cut.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The file.
    pub bytes: Vec<u8>,
    /// The name and the end offset of each group.
    pub boundaries: Vec<(String, usize)>,
}

impl Layout {
    fn push(&mut self, group: impl Into<String>, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.bytes.extend(bytes);
            self.boundaries.push((group.into(), self.bytes.len()));
        }
    }
}

/// The CRC-32 of zip, bit by bit: slow, and independent of the implementation under test.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| {
        (0..8).fold(
            crc,
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    };
    !bytes.iter().fold(!0, |crc, byte| step(crc ^ u32::from(*byte)))
}

/// A length as a 32-bit field; generated archives are far smaller than 4 GiB.
fn low_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn low_u16(value: usize) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}
