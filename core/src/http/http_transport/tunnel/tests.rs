use super::*;

#[test]
fn the_status_of_a_proxy_is_read_from_its_first_line() {
    for (head, found) in [
        (b"HTTP/1.1 200 Connection established".as_slice(), Some(200)),
        (b"HTTP/1.0 407 Proxy Authentication Required\r\nX: y", Some(407)),
        (b"HTTP/1.1 502", Some(502)),
        (b"SSH-2.0-OpenSSH", None),
        (b"HTTP/1.1 20", None),
        (b"", None),
    ] {
        assert_eq!(status(head), found, "{}", String::from_utf8_lossy(head));
    }
}
