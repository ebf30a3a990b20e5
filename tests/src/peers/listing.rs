//! The content of a folder or an archive, for comparison.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use capbundle::digest::Sha256Digest;
use capbundle::progress::Control;

const FOLDER: &str = "folder";

/// Paths with `/` separators, each with the SHA-256 of the file or the word `folder`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing(BTreeMap<String, String>);

impl Listing {
    /// The content of a folder on disk.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn of_folder(folder: &Path) -> Self {
        let mut entries = BTreeMap::new();
        collect(folder, "", &mut entries);
        Self(entries)
    }

    /// Parses the output of the peers: a line for each entry with SHA-256 or `folder`, two spaces and the path. Adds the parent
    /// folders of all entries, since unpacking creates them.
    ///
    /// # Panics
    /// If a line is malformed or a path occurs twice.
    #[must_use]
    pub fn parse(listing: &str) -> Self {
        let mut entries = BTreeMap::new();
        for line in listing.lines() {
            let (content, path) = line
                .split_once("  ")
                .unwrap_or_else(|| panic!("malformed line: {line}"));
            let earlier = entries.insert(path.to_owned(), content.to_owned());
            assert!(earlier.is_none(), "{path} occurs twice");
        }
        let parents: Vec<_> = entries
            .keys()
            .flat_map(|path| parents_of(path))
            .map(str::to_owned)
            .collect();
        for parent in parents {
            entries.entry(parent).or_insert_with(|| FOLDER.to_owned());
        }
        Self(entries)
    }

    /// The number of files and folders.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Asserts that both are equal, and shows only the differences.
    ///
    /// # Panics
    /// If they differ.
    pub fn assert_same(&self, expected: &Self, whose: &str) {
        let missing = expected
            .0
            .iter()
            .filter(|(path, content)| self.0.get(*path) != Some(content));
        let extra = self
            .0
            .iter()
            .filter(|(path, content)| expected.0.get(*path) != Some(content));
        let missing: Vec<_> = missing.map(|(path, content)| format!("- {content}  {path}")).collect();
        let extra: Vec<_> = extra.map(|(path, content)| format!("+ {content}  {path}")).collect();
        let differences = [missing, extra].concat();
        assert!(
            differences.is_empty(),
            "{whose}: the trees differ:\n{}",
            differences.join("\n")
        );
    }
}

fn parents_of(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(slash, _)| &path[..slash])
}

fn collect(folder: &Path, prefix: &str, entries: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        let name = entry.file_name().into_string().expect("test names are UTF-8");
        let path = format!("{prefix}{name}");
        if entry.file_type().expect("an entry has a type").is_dir() {
            collect(&entry.path(), &format!("{path}/"), entries);
            entries.insert(path, FOLDER.to_owned());
        } else {
            let digest = Sha256Digest::of_file(&entry.path(), &Control::new()).expect("the file can be read");
            entries.insert(path, digest.to_string());
        }
    }
}
