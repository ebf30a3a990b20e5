#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::Write as _;

use super::*;

fn read(body: &Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    body.reader().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn parts_are_read_in_order_and_can_be_read_again() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"0123456789").unwrap();
    let file = Arc::new(file);
    let (offset, length) = (2, 5);
    let body = Body::Parts(vec![
        Body::Bytes(b"<".to_vec()),
        Body::File { file, offset, length },
        Body::Bytes(Vec::new()),
        Body::Parts(vec![Body::Bytes(b">".to_vec()), Body::Parts(Vec::new())]),
    ]);
    assert_eq!(body.length(), 7);
    for _ in 0..2 {
        assert_eq!(read(&body), b"<23456>");
    }
    assert_eq!(body.clone().length(), 7);
}
