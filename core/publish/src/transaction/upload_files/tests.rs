//! Tests of uploading single files, with storage in memory.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use super::*;
use crate::manifest::{FileSource, ManifestFile};
use crate::transaction::Plan;

#[derive(Debug, Default)]
struct Memory {
    files: Mutex<BTreeSet<String>>,
    known: HashMap<Sha256Digest, Url>,
    fails_on: Option<&'static str>,
    knows_references: bool,
}

impl Memory {
    fn count(&self) -> usize {
        locked(&self.files).len()
    }
}

impl FileStorage for Memory {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn known(&self, _: &[Sha256Digest], _: &Control) -> Result<HashMap<Sha256Digest, Url>> {
        Ok(self.known.clone())
    }

    fn store(&self, file: &FileToStore<'_>, _: &Control) -> Result<StoredFile> {
        if self.fails_on.is_some_and(|name| file.key.ends_with(name)) {
            return Err(Error::invalid_input(file.key, "refused"));
        }
        let is_new = locked(&self.files).insert(file.key.to_owned());
        Ok(StoredFile {
            url: format!("https://cdn.example.com/{}", file.key).parse()?,
            size: file.size,
            already_there: !is_new,
        })
    }

    fn remove(&self, key: &str, _: &Sha256Digest, _: &Control) -> Result<()> {
        locked(&self.files).remove(key);
        Ok(())
    }

    fn knows_references(&self) -> bool {
        self.knows_references
    }
}

fn manifest(count: u8, session: Option<&str>) -> Manifest {
    let file = |number: u8| {
        let digest = Sha256Digest::of(&[number]);
        ManifestFile {
            file_name: format!("{number}.js"),
            file_hash: digest.to_string(),
            is_brotli: false,
            plain_size: 1,
            size: 1,
            digest,
            source: FileSource::Original("unused".into()),
        }
    };
    Manifest {
        files: (0..count).map(file).collect(),
        session: session.map(str::to_owned),
    }
}

fn upload(storage: &Memory, manifest: &Manifest) -> Result<Work> {
    let mut work = Work::new();
    let plan = Plan::new().then(UploadFiles::new(storage, manifest));
    plan.run(&mut work, &Control::new(), &mut |_| ())
        .map_err(|failed| failed.problem)?;
    Ok(work)
}

#[test]
fn the_rows_are_in_the_order_of_the_manifest() {
    let (storage, manifest) = (Memory::default(), manifest(100, None));
    let work = upload(&storage, &manifest).unwrap();
    let names: Vec<_> = work.files.iter().map(|row| row.file_name.clone()).collect();
    assert_eq!(names, (0..100).map(|number| format!("{number}.js")).collect::<Vec<_>>());
    assert_eq!((work.files_already_there, work.file_bytes_sent), (0, 100));
}

#[test]
fn known_and_stored_files_are_not_sent() {
    let manifest = manifest(3, None);
    let known = HashMap::from([(manifest.files[0].digest, "https://a.example/0".parse().unwrap())]);
    let storage = Memory {
        known,
        ..Memory::default()
    };
    let first = upload(&storage, &manifest).unwrap();
    assert_eq!((first.files_already_there, first.file_bytes_sent), (1, 2));
    assert_eq!(first.files[0].download_url, "https://a.example/0");
    let second = upload(&storage, &manifest).unwrap();
    assert_eq!((second.files_already_there, second.file_bytes_sent), (3, 0));
}

#[test]
fn a_failure_removes_the_files_that_no_other_version_can_share() {
    let storage = Memory {
        fails_on: Some("_7.js"),
        ..Memory::default()
    };
    upload(&storage, &manifest(50, Some("session"))).unwrap_err();
    assert_eq!(storage.count(), 0);
}

#[test]
fn a_failure_keeps_shared_files_unless_the_storage_knows_references() {
    let mut storage = Memory {
        fails_on: Some("_49.js"),
        ..Memory::default()
    };
    upload(&storage, &manifest(50, None)).unwrap_err();
    assert!(storage.count() > 0);
    storage.knows_references = true;
    locked(&storage.files).clear();
    upload(&storage, &manifest(50, None)).unwrap_err();
    assert_eq!(storage.count(), 0);
}
