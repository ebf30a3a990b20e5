#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use std::io::Write as _;

use super::*;

fn reader_of(bytes: &[u8]) -> PositionalReader {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    PositionalReader::new(Arc::new(file), bytes.len() as u64)
}

#[test]
fn readers_of_one_file_are_independent() {
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let (mut first, mut whole) = (reader_of(&bytes), Vec::new());
    first.seek(SeekFrom::Start(1000)).unwrap();
    let mut second = first.clone();
    let mut piece = [0; 8];
    first.read_exact(&mut piece).unwrap();
    assert_eq!(piece, bytes[1000..1008]);
    second.read_to_end(&mut whole).unwrap();
    assert_eq!(whole, bytes[1000..]);
    first.read_exact(&mut piece).unwrap();
    assert_eq!(piece, bytes[1008..1016]);
}

#[test]
fn seeking_back_and_forth_reads_the_right_bytes() {
    let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let mut reader = reader_of(&bytes);
    for position in [0_usize, 199_000, 10, 1_500, 1_400, 70_000, 70_001, 5] {
        let mut piece = [0; 700];
        reader.seek(SeekFrom::Start(position as u64)).unwrap();
        reader.read_exact(&mut piece).unwrap();
        assert_eq!(piece[..], bytes[position..position + 700], "{position}");
    }
    assert_eq!(reader.seek(SeekFrom::End(-3)).unwrap(), 199_997);
    assert!(reader.seek(SeekFrom::Current(-200_000)).is_err());
    assert_eq!(reader.stream_position().unwrap(), 199_997);
}

#[test]
fn bytes_appended_after_hashing_are_not_read() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"provedmore").unwrap();
    let mut text = String::new();
    PositionalReader::new(Arc::new(file), 6)
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "proved");
}
