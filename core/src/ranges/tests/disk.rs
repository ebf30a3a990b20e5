//! A process that ends, and a disk that fails or is full, at any operation.

use std::io;

use super::super::*;
use super::case::{Case, noise};
use crate::io::crash_fs::{Count, CrashFs, Fault};

const FOLDER: &str = "/downloads";

/// Fetches the large file of the case.
fn fetch(case: &Case, disk: &CrashFs) -> Result<()> {
    let (server, control) = (case.server(), Control::new());
    let mut request = case.request(&[], Path::new(FOLDER));
    request.disk = disk;
    let mut archive = RangedArchive::open(&server, request, &control)?;
    let mut take = |file: &ListedFile, content: &mut dyn Read| {
        let mut bytes = Vec::new();
        let read = content.read_to_end(&mut bytes);
        read.map_err(|error| Error::io("read", Path::new("content"), error))?;
        assert!(bytes == case.files[file.path.as_str()]);
        Ok(())
    };
    archive.fetch(&case.wanted(&["large.bin"]), &mut take, &control)
}

#[test]
fn after_a_fault_at_any_operation_the_next_call_succeeds_and_leaves_no_file() {
    let case = Case::new(&[("large.bin", noise(1, (1 << 20) + 50_000))]);
    let faults = [
        Fault::StopBefore,
        Fault::StopAfter,
        Fault::Fail(io::ErrorKind::Other),
        Fault::FullFrom,
    ];
    for fault in faults {
        for at in 1.. {
            let disk = CrashFs::with_folder(Path::new(FOLDER));
            disk.plan(Count::Calls, at, fault);
            let first = fetch(&case, &disk);
            if disk.counted(Count::Calls) < at {
                first.unwrap();
                assert!(at > 5, "{}", disk.history());
                break;
            }
            disk.lift();
            let next = disk.process_killed();
            fetch(&case, &next).unwrap();
            assert!(next.list(Path::new(FOLDER)).unwrap().is_empty(), "{}", next.history());
        }
    }
}
