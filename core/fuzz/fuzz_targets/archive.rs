//! Arbitrary bytes as an archive, inspected and unpacked with tight limits. A refused archive leaves no files.

#![no_main]

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use capbundle::bundle::{UnpackOptions, inspect, unpack};
use capbundle::progress::Control;
use capbundle::{Limits, VerifiedArchive};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

thread_local! {
    static PLACE: TempDir = place();
}

fuzz_target!(|bytes: &[u8]| PLACE.with(|place| unpack_in(place.path(), bytes)));

fn unpack_in(place: &Path, bytes: &[u8]) {
    let (input, out) = (place.join("input"), place.join("out"));
    fs::write(&input, bytes).expect("the input can be written");
    let inspected = inspect(&input, &limits());

    let options = UnpackOptions::default()
        .with_limits(limits())
        .with_threads(NonZeroUsize::MIN);
    let control = Control::new();
    let archive = VerifiedArchive::assume_trusted(&input, &control).expect("any file can be hashed");
    let to = out.join("bundle");
    match unpack(&archive, &to, &options, &control) {
        Ok(unpacked) => {
            inspected.expect("an archive that can be unpacked can be inspected");
            assert!(unpacked.bytes <= limits().total_size);
            assert!(to.join("index.html").is_file());
            fs::remove_dir_all(&to).expect("unpacked files can be removed");
        }
        Err(error) => drop(error.to_string()),
    }
    assert_eq!(names(place), ["input", "out"], "files were written next to the folder");
    assert!(names(&out).is_empty(), "files were left: {:?}", names(&out));
}

fn limits() -> Limits {
    Limits::default()
        .with_entries(64)
        .with_total_size(1 << 20)
        .with_file_size(512 << 10)
        .with_expansion_free(64 << 10)
}

/// In memory if the system has such a folder, since a disk is far too slow.
fn place() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let place = tempfile::tempdir_in(parent).expect("a folder can be created");
    fs::create_dir(place.path().join("out")).expect("a folder can be created");
    place
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
