#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use std::io;

use rustix::io::Errno;

use super::*;

#[test]
fn an_unsupported_sync_of_a_folder_is_ignored_but_a_disk_failure_is_not() {
    for errno in [Errno::INVAL, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::ACCESS] {
        assert!(is_impossible(&io::Error::from(errno)), "{errno}");
    }
    for errno in [Errno::IO, Errno::NOSPC, Errno::NOENT] {
        assert!(!is_impossible(&io::Error::from(errno)), "{errno}");
    }
    assert!(sync_folder(Path::new("/none/such")).is_err());
}
