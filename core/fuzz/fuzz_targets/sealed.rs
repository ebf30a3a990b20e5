//! Arbitrary bytes as a sealed archive: its header is parsed, and it is opened and read with the key of the test
//! vectors. Reading returns the same bytes as opening, and a refused archive leaves no files.

#![no_main]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use capbundle::digest::Sha256Digest;
use capbundle::keys::ContentKey;
use capbundle::progress::Control;
use capbundle::sealed::{Header, SealedReader, is_sealed, open_unverified, read_header};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static KEY: LazyLock<ContentKey> = LazyLock::new(|| {
    let pem = include_str!("../../../tests/vectors/keys/test-content.private.pem");
    ContentKey::from_pem(pem).expect("the key is valid")
});

thread_local! {
    static PLACE: TempDir = place();
}

fuzz_target!(|bytes: &[u8]| PLACE.with(|place| open_in(place.path(), bytes)));

fn open_in(place: &Path, bytes: &[u8]) {
    let (sealed, plain) = (place.join("sealed"), place.join("plain"));
    fs::write(&sealed, bytes).expect("the input can be written");
    let header = Header::parse(bytes);
    assert_eq!(header.is_ok(), read_header(&sealed).is_ok());
    if let Ok(header) = &header {
        assert!(is_sealed(&sealed).expect("the file can be read"));
        assert!(header.size() <= bytes.len() as u64 && header.sealed_size() > header.size());
    }
    let mut reader = SealedReader::open_unverified(&sealed, &KEY);
    match open_unverified(&sealed, &plain, &KEY, &Control::new()) {
        Ok(digest) => {
            let header = header.expect("an archive that can be opened has a header");
            assert_eq!(header.sealed_size(), bytes.len() as u64);
            let mut read = Vec::new();
            let reader = reader.as_mut().expect("an archive that can be opened can be read");
            reader
                .read_to_end(&mut read)
                .expect("an archive that can be opened can be read to its end");
            assert_eq!(Sha256Digest::of(&read), digest);
            fs::remove_file(&plain).expect("the opened file can be removed");
        }
        Err(error) => {
            drop(error.to_string());
            if let Ok(mut reader) = reader {
                reader
                    .read_to_end(&mut Vec::new())
                    .expect_err("an archive that cannot be opened cannot be read to its end");
            }
        }
    }
    assert_eq!(
        fs::read_dir(place).expect("the folder can be read").count(),
        1,
        "files were left"
    );
}

/// In memory if the system has such a folder, since a disk is far too slow.
fn place() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    tempfile::tempdir_in(parent).expect("a folder can be created")
}
