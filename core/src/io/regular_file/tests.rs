#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a panic is how a test fails"
)]
use super::*;
use crate::error::ErrorKind;

#[test]
fn devices_pipes_and_folders_are_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    match std::process::Command::new("mkfifo").arg(&pipe).status() {
        Ok(made) => assert!(made.success()),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "mkfifo is needed: {error}");
            println!("SKIPPED devices_pipes_and_folders_are_refused_without_waiting: there is no mkfifo");
            return;
        }
    }
    for path in [Path::new("/dev/zero"), &pipe, folder.path()] {
        let error = open(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert_eq!(
        open(&folder.path().join("none")).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}
