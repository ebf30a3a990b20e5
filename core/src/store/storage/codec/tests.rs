#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use super::*;

fn file() -> Vec<u8> {
    encode("state", 7, &vec!["some", "contents"]).unwrap()
}

fn read(bytes: &[u8]) -> Result<(u64, Vec<String>), String> {
    decode("state", bytes)
}

#[test]
fn what_is_written_is_read() {
    assert_eq!(read(&file()), Ok((7, vec!["some".to_owned(), "contents".to_owned()])));
}

#[test]
fn the_format_on_disk_is_two_lines_of_json() {
    let text = String::from_utf8(file()).unwrap();
    let digest = Sha256Digest::of(&[&[0, 0, 0, 0, 0, 0, 0, 7], &br#"["some","contents"]"#[..]].concat());
    let expected = format!(
        "{{\"capbundle\":\"state\",\"format\":1,\"generation\":7,\"sha256\":\"{digest}\"}}\n[\"some\",\"contents\"]\n"
    );
    assert_eq!(text, expected);
}

#[test]
fn a_file_truncated_anywhere_is_detected() {
    let file = file();
    for length in 0..file.len() {
        assert!(read(&file[..length]).is_err(), "{length} of {} bytes", file.len());
    }
}

#[test]
fn every_flipped_bit_is_detected() {
    for byte in 0..file().len() {
        for bit in 0..8 {
            let mut file = file();
            file[byte] ^= 1 << bit;
            assert!(
                read(&file).is_err(),
                "bit {bit} of byte {byte}: {:?}",
                String::from_utf8_lossy(&file)
            );
        }
    }
}

#[test]
fn appended_bytes_are_detected() {
    for more in [&b"\n"[..], b"{}", b"\0", &file()] {
        assert!(read(&[&file(), more].concat()).is_err());
    }
}

#[test]
fn another_kind_of_file_and_another_format_are_refused_by_name() {
    let record = encode("record", 0, &vec!["x"]).unwrap();
    assert_eq!(read(&record).unwrap_err(), "expected a state, found a record");
    let future = String::from_utf8(file())
        .unwrap()
        .replace("\"format\":1", "\"format\":2");
    assert_eq!(read(future.as_bytes()).unwrap_err(), "expected format 1, found 2");
}

#[test]
fn a_future_format_with_another_header_is_refused_too() {
    assert!(read(b"{\"capbundle\":\"state\",\"format\":2,\"blake3\":\"x\"}\n\n").is_err());
}
