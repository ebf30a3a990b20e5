//! Tests of reading Brotli.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

/// `hello`, as Node.js compresses it.
const HELLO: [u8; 9] = [0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03];

fn plain(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    reader(Box::new(bytes))?.read_to_end(&mut plain)?;
    Ok(plain)
}

#[test]
fn the_odd_forms_of_an_empty_file_are_empty() {
    for empty in [
        &[][..],
        &EMPTY,
        &[0x1b, 0x00, 0x06, 0x03],
        &[0x0b, 0x02, 0x80, 0x03],
        &[0x06],
        &[0x3b],
    ] {
        assert!(plain(empty).unwrap().is_empty(), "{empty:02x?}");
    }
}

#[test]
fn wrapped_bytes_are_unwrapped() {
    assert_eq!(plain(&HELLO).unwrap(), b"hello");
    assert_eq!(
        plain(&[&EMPTY[..], b"any bytes", &[END]].concat()).unwrap(),
        b"any bytes"
    );
}

#[test]
fn a_wrapper_without_its_end_is_read_as_brotli() {
    assert!(plain(&[&EMPTY[..], b"any bytes"].concat()).is_err());
}

#[test]
fn a_truncated_stream_is_refused() {
    // 0x1b, then a length of 8192: the data is missing.
    assert!(plain(&[0x1b, 0xff, 0x1f, 0x00]).is_err());
    assert!(plain(&[0x0b]).is_err());
}
