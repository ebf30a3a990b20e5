//! Tests of the cipher of single files.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Read as _;

use super::*;

/// The output of OpenSSL for `hello`.
const OPENSSL_HELLO: [u8; 16] = [
    0xdc, 0xe3, 0x3d, 0x8f, 0x09, 0xd8, 0x87, 0xf5, 0xaa, 0xab, 0xb3, 0x84, 0xbf, 0x21, 0x04, 0x68,
];

fn cipher() -> FileCipher {
    FileCipher {
        session_key: SessionKey(Box::new([7; 16])),
        iv: [9; BLOCK],
    }
}

fn encrypted(plain: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    cipher().encrypt(&mut &plain[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

fn decrypted(mut bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    cipher().decrypt(&mut bytes).read_to_end(&mut plain)?;
    Ok(plain)
}

#[test]
fn a_file_of_any_length_is_decrypted_to_what_was_encrypted() {
    for length in [
        0,
        1,
        15,
        16,
        17,
        STEP - 1,
        STEP,
        STEP + 1,
        STEP + 16,
        STEP + 17,
        3 * STEP,
        3 * STEP + 5,
    ] {
        let plain: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let bytes = encrypted(&plain);
        assert_eq!(bytes.len(), (length / 16 + 1) * 16, "{length}");
        assert_eq!(decrypted(&bytes).unwrap(), plain, "{length}");
    }
}

#[test]
fn a_truncated_file_is_refused() {
    let bytes = encrypted(&[200; 100]);
    for end in [0, 1, 15, 17, 96, bytes.len() - 1] {
        let error = decrypted(&bytes[..end]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{end}");
    }
}

#[test]
fn the_bytes_are_those_of_openssl() {
    // printf 'hello' | openssl enc -aes-128-cbc -K 0707… -iv 0909…
    assert_eq!(encrypted(b"hello"), OPENSSL_HELLO);
}
