//! Makes and applies patches between folders, for `tests/compare/delta`:
//!
//! `patch make OLD NEW PATCH` and `patch apply OLD NEW PATCH`. Both print seconds of the processor, peak memory in bytes and
//! bytes of the new side as JSON. `apply` compares what it makes with the files in NEW.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test tool that panics on failure and prints its results"
)]

use std::path::{Path, PathBuf};

use capbundle::Control;
use capbundle::digest::Sha256Digest;
use capbundle::patch::{self, JoinedFiles, PatchHeader, Side as _};
use capbundle::release::FileList;
use nix::sys::resource::{UsageWho, getrusage};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [command, old, new, patch] = arguments.as_slice() else {
        panic!("expected make|apply OLD NEW PATCH");
    };
    let (old, new) = (Bundle::list(old.as_ref()), Bundle::list(new.as_ref()));
    let before = seconds();
    let size = match command.as_str() {
        "make" => make(&old, &new, patch.as_ref()),
        "apply" => apply(&old, &new, patch.as_ref()),
        other => panic!("unknown command {other}"),
    };
    let memory = getrusage(UsageWho::RUSAGE_SELF).unwrap().max_rss() * 1024;
    println!(
        "{{\"seconds\":{:.3},\"memory\":{memory},\"bytes\":{size}}}",
        seconds() - before
    );
}

fn make(old: &Bundle, new: &Bundle, patch: &Path) -> u64 {
    let mut files = new.new_side(old);
    let header = PatchHeader {
        old_list: old.digest,
        new_list: new.digest,
        old_size: old.all().size(),
        new_size: files.size(),
    };
    let bytes = capbundle_publish::patch::make(&header, &mut old.all(), &mut files).unwrap();
    std::fs::write(patch, bytes).unwrap();
    header.new_size
}

fn apply(old: &Bundle, new: &Bundle, patch: &Path) -> u64 {
    let mut expected = new.new_side(old);
    let mut patch = std::fs::File::open(patch).unwrap();
    let header = PatchHeader::read(&mut patch).unwrap();
    assert!(header.old_list == old.digest && header.new_list == new.digest);
    let mut position = 0;
    let mut output = |bytes: &[u8]| {
        let mut buffer = vec![0; bytes.len()];
        assert_eq!(expected.read_at(position, &mut buffer)?, bytes.len());
        assert!(
            buffer == bytes,
            "differs between {position} and {}",
            position + bytes.len() as u64
        );
        position += bytes.len() as u64;
        Ok(())
    };
    patch::apply(&header, &mut patch, &mut old.all(), &mut output, &Control::new()).unwrap();
    assert_eq!(position, header.new_size);
    position
}

/// A folder with a file list.
struct Bundle {
    folder: PathBuf,
    list: FileList,
    digest: Sha256Digest,
}

impl Bundle {
    fn list(folder: &Path) -> Self {
        let bytes = std::fs::read(folder.join("../files.json")).unwrap();
        Self {
            folder: folder.to_path_buf(),
            list: FileList::parse(&bytes).unwrap(),
            digest: Sha256Digest::of(&bytes),
        }
    }

    fn all(&self) -> JoinedFiles {
        JoinedFiles::new(&self.folder, self.list.files())
    }

    fn new_side(&self, old: &Self) -> JoinedFiles {
        JoinedFiles::new(&self.folder, patch::new_side(&old.list, &self.list))
    }
}

fn seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let times = [usage.user_time(), usage.system_time()];
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    times
        .iter()
        .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
        .sum()
}
