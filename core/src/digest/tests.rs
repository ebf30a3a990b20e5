#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use std::io;
use std::path::Path;

use super::*;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::io::hashing::{HashingReader, HashingWriter};
use crate::progress::Control;

/// FIPS 180-2 appendix B.1.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn sha256_of_a_file_is_the_published_value() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("abc");
    std::fs::write(&file, "abc").unwrap();
    assert_eq!(Sha256Digest::of_file(&file, &Control::new()).unwrap().to_string(), ABC);
    assert_eq!(Sha256Digest::of(b"abc").to_string(), ABC);
}

#[test]
fn crc32_is_printed_as_eight_lower_case_digits() {
    // The check value of CRC-32/ISO-HDLC, and an input whose checksum starts with a zero.
    assert_eq!(Crc32::of(b"123456789").to_string(), "cbf43926");
    assert_eq!(Crc32::of(b"").to_string(), "00000000");
    assert_eq!(Crc32(0x000f_ab1e).to_string(), "000fab1e");
}

#[test]
fn digests_are_parsed_in_either_case_and_printed_in_lower_case() {
    let upper: Sha256Digest = ABC.to_uppercase().parse().unwrap();
    assert_eq!(upper, ABC.parse().unwrap());
    assert_eq!(upper.to_string(), ABC);
}

#[test]
fn an_invalid_sha256_is_refused_with_a_reason() {
    for text in [
        "",
        "cbf43926",
        &ABC[1..],
        &format!("{ABC}00"),
        &ABC.replace('b', "g"),
        &format!(" {}", &ABC[1..]),
    ] {
        let error = text.parse::<Sha256Digest>().unwrap_err();
        assert_eq!(Error::from(error).kind(), ErrorKind::InvalidInput, "{text}");
    }
    let error = "cbf43926".parse::<Sha256Digest>().unwrap_err().to_string();
    assert!(error.contains("CRC-32"), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let error = Sha256Digest::of_file(Path::new("no-such-file.zip"), &Control::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("no-such-file.zip"), "{error}");
}

#[test]
fn cancellation_stops_hashing() {
    let token = crate::progress::CancelToken::new();
    token.cancel();
    let control = Control::new().with_cancel_token(&token);
    let error = Sha256Digest::of_file(&std::env::current_exe().unwrap(), &control).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[test]
fn progress_ends_at_the_size_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large");
    std::fs::write(&file, vec![7; 3 << 20]).unwrap();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = std::sync::Arc::clone(&seen);
    let observer =
        move |progress: crate::progress::Progress| sink.lock().unwrap().push((progress.done, progress.total));
    Sha256Digest::of_file(&file, &Control::new().with_observer(std::sync::Arc::new(observer))).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.last(), Some(&(3 << 20, 3 << 20)));
    assert!(seen.is_sorted() && seen.len() >= 3, "{seen:?}");
}

#[test]
fn hashing_while_copying_gives_the_digest_of_the_copy() {
    let mut writer = HashingWriter::new(Vec::new());
    io::copy(&mut HashingReader::new(&b"abc"[..]), &mut writer).unwrap();
    let (copy, digest, count) = writer.finish();
    assert_eq!(
        (copy.as_slice(), digest.to_string().as_str(), count),
        (&b"abc"[..], ABC, 3)
    );
}
