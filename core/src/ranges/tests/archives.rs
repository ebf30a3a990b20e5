//! Archives that contradict their list, their directory or themselves.

use super::super::*;
use super::case::{Case, KEY, Zip, noise, text};
use super::server::RangeServer;
use crate::error::ErrorKind;
use crate::keys::{ContentKey, KeyBits};

fn case() -> Case {
    Case::new(&[
        ("a.js", text(1, 9_000)),
        ("b.js", noise(2, 7_000)),
        ("c.js", text(3, 5_000)),
    ])
}

/// The position of the directory record of a file.
fn record(case: &Case, path: &str) -> usize {
    let is_record =
        |at: &usize| case.file[*at..].starts_with(b"PK\x01\x02") && case.file[at + 46..].starts_with(path.as_bytes());
    (0..case.file.len()).find(is_record).unwrap()
}

/// The position of the local header of a file.
fn local(case: &Case, path: &str) -> usize {
    let is_header =
        |at: &usize| case.file[*at..].starts_with(b"PK\x03\x04") && case.file[at + 30..].starts_with(path.as_bytes());
    (0..case.file.len()).find(is_header).unwrap()
}

/// The kind of the error of fetching `b.js`, or the error itself.
fn error_of(case: &Case) -> Error {
    let (taken, result) = case.fetch(&case.server(), &["b.js"]);
    assert!(taken.is_empty());
    result.unwrap_err()
}

fn put(case: &mut Case, at: usize, bytes: &[u8]) {
    case.file[at..at + bytes.len()].copy_from_slice(bytes);
}

#[test]
fn a_local_header_that_disagrees_with_the_directory_is_refused() {
    for field in [0, 6, 8, 14, 18, 22, 26, 28, 30] {
        let mut case = case();
        let at = local(&case, "b.js") + field;
        case.file[at] ^= 8;
        let error = error_of(&case);
        assert_eq!(error.kind(), ErrorKind::UnsafeArchive, "{field}: {error}");
        assert!(error.to_string().contains("b.js"), "{field}: {error}");
    }
}

#[test]
fn a_directory_record_that_is_invalid_or_unsupported_is_refused() {
    for (field, value) in [
        (0, b"PK\x01\x03".as_slice()),
        (8, &[1]),
        (10, &[12]),
        (20, &[0xff; 4]),
        (24, &[0xff; 4]),
        (34, &[1]),
        (42, &[0xff; 4]),
        (28, &[200, 0]),
        (30, &[1, 0]),
    ] {
        let mut case = case();
        let at = record(&case, "b.js") + field;
        put(&mut case, at, value);
        let error = error_of(&case);
        assert_eq!(error.kind(), ErrorKind::UnsafeArchive, "{field}: {error}");
    }
}

#[test]
fn entries_that_overlap_are_refused() {
    let mut case = case();
    let at = record(&case, "b.js");
    let start = u32::try_from(local(&case, "c.js") - 500).unwrap();
    put(&mut case, at + 42, &start.to_le_bytes());
    let error = error_of(&case);
    assert!(error.to_string().contains("overlaps the next entry"), "{error}");

    let mut case = self::case();
    let (at, other) = (record(&case, "b.js"), local(&case, "c.js"));
    put(&mut case, at + 42, &u32::try_from(other).unwrap().to_le_bytes());
    let error = error_of(&case);
    assert!(error.to_string().contains("the same position"), "{error}");
}

#[test]
fn sizes_that_differ_from_the_list_are_refused() {
    let mut case = case();
    let at = record(&case, "a.js");
    put(&mut case, at + 24, &8_999_u32.to_le_bytes());
    let error = error_of(&case);
    assert!(error.to_string().contains("disagree on \"a.js\""), "{error}");
}

#[test]
fn compressed_sizes_that_are_wrong_are_refused() {
    for change in [-1_i32, 1, 100] {
        let mut case = case();
        let (at, header) = (record(&case, "a.js") + 20, local(&case, "a.js") + 18);
        let size = i32::from_le_bytes(case.file[at..at + 4].try_into().unwrap()) + change;
        put(&mut case, at, &size.to_le_bytes());
        put(&mut case, header, &size.to_le_bytes());
        let (taken, result) = case.fetch(&case.server(), &["a.js"]);
        assert!(taken.is_empty());
        assert_eq!(result.unwrap_err().kind(), ErrorKind::UnsafeArchive);
    }
}

#[test]
fn a_decompression_bomb_ends_at_the_size_of_the_list() {
    let mut case = Case::new(&[("bomb.js", vec![0; 4 << 20])]);
    let listed = String::from_utf8(case.list.to_bytes().unwrap()).unwrap();
    let listed = listed.replace(&format!("\"size\":{}", 4 << 20), "\"size\":1000");
    case.list = FileList::parse(listed.as_bytes()).unwrap();
    let (at, header) = (record(&case, "bomb.js") + 24, local(&case, "bomb.js") + 22);
    put(&mut case, at, &1000_u32.to_le_bytes());
    put(&mut case, header, &1000_u32.to_le_bytes());

    let (server, work) = (case.server(), case.folder.path().join("work"));
    let mut archive = RangedArchive::open(&server, case.request(&[], &work), &Control::new()).unwrap();
    let mut received = 0;
    let mut take = |_: &ListedFile, content: &mut dyn Read| {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = content.read(&mut buffer) {
            received += count;
        }
        Ok(())
    };
    let fetched = archive.fetch(&case.wanted(&["bomb.js"]), &mut take, &Control::new());
    let error = fetched.unwrap_err();
    assert!(
        error.to_string().contains("the size that the directory says"),
        "{error}"
    );
    assert_eq!(received, 0);
}

#[test]
fn an_archive_with_other_files_than_its_list_is_refused() {
    let case = case();
    for (from, to) in [("\"b.js\"", "\"b2.js\""), ("\"b.js\"", "\"bb/b.js\"")] {
        let mut other = self::case();
        let listed = String::from_utf8(case.list.to_bytes().unwrap()).unwrap();
        other.list = FileList::parse(listed.replace(from, to).as_bytes()).unwrap();
        let (_, result) = other.fetch(&other.server(), &["a.js"]);
        assert_eq!(result.unwrap_err().kind(), ErrorKind::UnsafeArchive);
    }
    let more = Case::new(&[
        ("a.js", text(1, 9_000)),
        ("b.js", noise(2, 7_000)),
        ("c.js", text(3, 5_000)),
        ("d.js", vec![]),
    ]);
    let mut fewer = self::case();
    fewer.list = more.list.clone();
    let error = error_of(&fewer);
    assert!(error.to_string().contains("disagree on \"d.js\""), "{error}");
}

#[test]
fn a_file_that_is_not_in_the_list_is_an_invalid_argument() {
    let (case, other) = (case(), Case::new(&[("other.js", vec![1])]));
    let (server, work) = (case.server(), case.folder.path().join("work"));
    let archive = RangedArchive::open(&server, case.request(&[], &work), &Control::new()).unwrap();
    let error = archive.cost(&other.wanted(&["other.js"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn an_end_record_that_is_not_at_the_end_is_refused() {
    let size = case().file.len();
    let end = size - END_RECORD_LEN;
    for (field, value) in [
        (0, b"PK\x05\x07".as_slice()),
        (4, &[1]),
        (8, &[0xff, 0xff, 0xff, 0xff]),
        (12, &[0]),
        (16, &[0xff; 4]),
        (20, &[1]),
    ] {
        let mut case = case();
        put(&mut case, end + field, value);
        let error = error_of(&case);
        assert_eq!(error.kind(), ErrorKind::UnsafeArchive, "{field}: {error}");
    }
    let mut case = case();
    case.file.push(0);
    case.bundle.archive.size += 1;
    assert_eq!(error_of(&case).kind(), ErrorKind::UnsafeArchive);
}

#[test]
fn an_archive_smaller_than_an_end_record_is_refused() {
    for length in 1..END_RECORD_LEN {
        let mut case = case();
        case.file = case.file.split_off(case.file.len() - length);
        case.bundle.archive.size = length as u64;
        assert_eq!(error_of(&case).kind(), ErrorKind::UnsafeArchive);
    }
}

#[test]
fn a_directory_that_is_far_too_large_is_not_fetched() {
    let mut case = Case::new(&[("a.js", noise(1, 200_000))]);
    let end = case.file.len() - END_RECORD_LEN;
    put(&mut case, end + 12, &u32::try_from(end).unwrap().to_le_bytes());
    put(&mut case, end + 16, &[0; 4]);
    let server = case.server();
    let (_, result) = case.fetch(&server, &["a.js"]);
    assert_eq!(
        (result.unwrap_err().kind(), server.requests()),
        (ErrorKind::LimitExceeded, 1)
    );
}

#[test]
fn a_foreign_archive_with_extra_fields_and_descriptors_is_read() {
    let names: Vec<String> = (0..60).map(|number| format!("chunk-{number:02}.js")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), noise(1, 900))).collect();
    let mut case = Case::new(&files);
    for zip in [
        Zip {
            extra: 40,
            descriptors: false,
        },
        Zip {
            extra: 9,
            descriptors: true,
        },
    ] {
        case.file = zip.of(&case.files);
        case.bundle.archive.size = case.file.len() as u64;
        let traffic = case.expect(&case.server(), &["chunk-07.js", "chunk-41.js"]);
        assert_eq!(traffic.requests, 4);
    }
}

#[test]
fn a_flipped_bit_anywhere_is_an_error_or_does_not_matter() {
    let case = Case::new(&[("a.js", text(1, 90)), ("b.js", noise(2, 40))]);
    for at in 0..case.file.len() {
        for bit in [1, 0x40] {
            let mut file = case.file.clone();
            file[at] ^= bit;
            let (taken, result) = case.fetch(&RangeServer::new(&file), &["a.js", "b.js"]);
            assert!(taken.iter().all(|(path, bytes)| case.files[path] == *bytes));
            assert_eq!(result.is_ok(), taken.len() == 2, "{at}");
        }
    }
}

#[test]
fn a_sealed_archive_needs_its_key() {
    let case = case().sealed();
    let other = ContentKey::generate(KeyBits::B2048).unwrap();
    for keys in [&[][..], &[&other][..]] {
        let server = case.server();
        let (_, result) = case.fetch_with(&server, keys, &["b.js"]);
        assert_eq!(
            (result.unwrap_err().kind(), server.requests()),
            (ErrorKind::DecryptionFailed, 1)
        );
    }
}

#[test]
fn a_header_with_another_digest_is_refused_before_its_key_is_used() {
    let mut case = case().sealed();
    for file in [Case::new(&[("a.js", vec![1])]).sealed().file, {
        let mut flipped = case.file.clone();
        flipped[100] ^= 1;
        flipped
    }] {
        let length = case.file.len().min(file.len());
        case.file[..length].copy_from_slice(&file[..length]);
        let server = case.server();
        let (_, result) = case.fetch(&server, &["b.js"]);
        assert_eq!(
            (result.unwrap_err().kind(), server.requests()),
            (ErrorKind::DigestMismatch, 1)
        );
    }
}

#[test]
fn a_changed_or_moved_segment_is_refused() {
    let case = Case::new(&[
        ("a.js", noise(1, 100_000)),
        ("b.js", noise(2, 200_000)),
        ("c.js", noise(3, 100_000)),
    ])
    .sealed();
    let header = 28 + 34 + 256;
    let segment = |number: usize| header + number * 65_552..header + (number + 1) * 65_552;
    let mut moved = case.file.clone();
    moved.copy_within(segment(2), header + 3 * 65_552);
    let mut files = vec![moved];
    for at in [segment(2).start, segment(3).end - 1, case.file.len() - 1] {
        let mut flipped = case.file.clone();
        flipped[at] ^= 1;
        files.push(flipped);
    }
    for file in files {
        let (taken, result) = case.fetch_with(&RangeServer::new(&file), &[&*KEY], &["b.js"]);
        assert!(taken.is_empty());
        assert_eq!(result.unwrap_err().kind(), ErrorKind::DecryptionFailed);
    }
}
