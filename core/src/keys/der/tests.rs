#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

#[test]
fn elements_of_every_length_are_read_as_they_were_written() {
    for length in [0, 1, 127, 128, 255, 256, 257, 65_535] {
        let contents = vec![7; length];
        let written = element(SEQUENCE, &contents);
        let mut reader = Reader::new(&written);
        assert_eq!(reader.element(SEQUENCE).unwrap(), contents, "{length}");
        assert!(reader.end().is_some());
    }
}

#[test]
fn a_length_not_in_the_shortest_form_is_refused() {
    for bytes in [
        &[0x30, 0x81, 1, 0][..],
        &[0x30, 0x82, 0, 1, 0],
        &[0x30, 0x80, 0, 0],
        &[0x30, 0x83, 0, 0, 1, 0],
    ] {
        assert!(Reader::new(bytes).element(SEQUENCE).is_none(), "{bytes:x?}");
    }
}

#[test]
fn truncation_at_every_byte_is_refused() {
    let written = element(SEQUENCE, &[7; 300]);
    for end in 0..written.len() {
        assert!(Reader::new(&written[..end]).element(SEQUENCE).is_none(), "{end}");
    }
}

#[test]
fn integers_must_be_in_shortest_form_and_not_negative() {
    for (bytes, number) in [
        (&[2, 1, 0][..], Some(&[0][..])),
        (&[2, 1, 0x7f], Some(&[0x7f])),
        (&[2, 2, 0, 0x80], Some(&[0x80])),
        (&[2, 2, 0, 0x7f], None),
        (&[2, 1, 0x80], None),
        (&[2, 0], None),
        (&[3, 1, 1], None),
    ] {
        assert_eq!(Reader::new(bytes).unsigned(), number, "{bytes:x?}");
    }
    assert_eq!(unsigned(&[0x80]), [2, 2, 0, 0x80]);
    assert_eq!(unsigned(&[0x7f]), [2, 1, 0x7f]);
    assert_eq!(unsigned(&[]), [2, 1, 0]);
}

#[test]
fn object_identifiers_are_printed_in_dotted_form() {
    assert_eq!(
        dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]),
        "1.2.840.113549.1.1.1"
    );
    assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), "1.2.840.10045.2.1");
    assert_eq!(dotted(&[0x88, 0x37]), "2.999");
}
