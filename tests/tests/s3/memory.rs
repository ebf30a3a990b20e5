//! Peak memory of an upload, measured by the kernel for the whole process.

use capbundle_tests::measure::measure;

use super::resume::uploader;
use super::servers::{Server, file};

const MIB: u64 = 1 << 20;
const BUDGET: u64 = 64 * MIB;

#[test]
fn a_large_upload_stays_within_its_memory_budget() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = file(folder.path(), 300 << 20);
    let server = Server::versity().unwrap_or_else(Server::s3s);
    let measured = measure(&uploader(server.address, "app.zip", &path));
    println!(
        "measured S3 upload of 300 MiB: {} KiB of {} KiB",
        measured.peak_memory >> 10,
        BUDGET >> 10
    );
    assert!(measured.peak_memory < BUDGET, "{} bytes", measured.peak_memory);
    assert!(server.stored("app.zip") == bytes);
}
