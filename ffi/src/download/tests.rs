#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::error::ErrorKind;

fn defaults() -> DownloadOptions {
    DownloadOptions {
        max_size: 1_073_741_824,
        connect_timeout_ms: 15_000,
        stall_timeout_ms: 30_000,
        min_rate: 512,
        attempts: 6,
        first_wait_ms: 500,
        allow_cleartext: false,
        space_margin: 33_554_432,
    }
}

#[test]
fn the_defaults_equal_those_of_the_core() {
    let ours = DownloadOptions::to_core(Some(&defaults())).unwrap();
    assert_eq!(format!("{ours:?}"), format!("{:?}", core::DownloadOptions::default()));
}

#[test]
fn an_invalid_option_is_refused_under_its_name_in_swift_and_kotlin() {
    let options = DownloadOptions {
        stall_timeout_ms: -1,
        ..defaults()
    };
    let error = DownloadOptions::to_core(Some(&options)).unwrap_err();
    assert_eq!(error.to_string(), "stallTimeoutMs: expected 0 or more, found -1");

    let field = HttpHeader {
        name: "Authorization".to_owned(),
        value: "secret\r\nX: y".to_owned(),
    };
    let error = headers(vec![field]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!error.to_string().contains("secret"), "{error}");
}
