//! Servers that refuse ranges, lie about them, or change the file.

use super::super::*;
use super::case::{Case, noise, text};
use super::server::{Fault, RangeServer};
use crate::error::ErrorKind;
use crate::progress::CancelToken;

fn case() -> Case {
    Case::new(&[
        ("a.js", text(1, 150_000)),
        ("b.js", noise(2, 100_000)),
        ("c.js", text(3, 70_000)),
        ("d/e.css", noise(4, 30_000)),
    ])
}

/// The error of fetching `a.js` and `c.js` (two ranges) from a server with this fault in the response of this number.
fn error_of(case: &Case, response: usize, fault: Fault) -> (Error, RangeServer) {
    let faults = (0..response).map(|_| None).chain([Some(fault)]);
    let server = RangeServer::with_faults(&case.file, faults);
    let (_, result) = case.fetch(&server, &["a.js", "c.js"]);
    (result.unwrap_err(), server)
}

#[test]
fn a_server_without_ranges_costs_one_request_and_no_body() {
    for case in [case(), case().sealed()] {
        let (error, server) = error_of(&case, 0, Fault::Whole);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert_eq!((server.requests(), server.sent()), (1, 0));
    }
}

#[test]
fn a_response_that_is_not_the_requested_range_is_refused_before_its_body() {
    for (fault, words) in [
        (Fault::Shifted, "expected bytes"),
        (Fault::Shorter, "expected bytes"),
        (Fault::OtherTotal, "expected a file of"),
        (Fault::NoRange, "Content-Range"),
        (Fault::Gzip, "Content-Encoding"),
        (Fault::Status(416), "not part of the file"),
        (Fault::Status(404), "no such file"),
    ] {
        for response in [0, 1, 2] {
            let (error, server) = error_of(&case(), response, fault);
            assert_eq!(error.kind(), ErrorKind::Server, "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
            assert_eq!(server.requests(), response + 1);
        }
    }
}

#[test]
fn a_file_that_changes_between_two_ranges_is_refused() {
    for fault in [Fault::OtherTag, Fault::Whole] {
        let (error, server) = error_of(&case(), 1, fault);
        assert!(error.to_string().contains("changed between two ranges"), "{error}");
        assert_eq!(server.headers("if-range"), ["-", "\"1\""]);
    }
}

#[test]
fn a_body_longer_than_its_range_is_refused() {
    let (error, _) = error_of(&case(), 1, Fault::LongerBody);
    assert!(error.to_string().contains("longer than its Content-Range"), "{error}");
}

#[test]
fn a_range_that_is_cut_resumes_where_it_ended() {
    for case in [case(), case().sealed()] {
        for fault in [Fault::Cut(7), Fault::Short(7), Fault::Status(503)] {
            let faults = [Some(fault), None, Some(fault), Some(fault), None, Some(fault)];
            let server = RangeServer::with_faults(&case.file, faults);
            let (taken, result) = case.fetch(&server, &["a.js", "c.js"]);
            result.unwrap();
            assert_eq!(taken["a.js"], case.files["a.js"]);
            assert_eq!(taken["c.js"], case.files["c.js"]);
        }
    }
    let case = case();
    let server = RangeServer::with_faults(&case.file, [None, Some(Fault::Cut(1000))]);
    case.expect(&server, &["b.js"]);
    let ranges = server.headers("range");
    let start = |range: &str| -> u64 { range["bytes=".len()..range.find('-').unwrap()].parse().unwrap() };
    assert_eq!(start(&ranges[2]), start(&ranges[1]) + 1000);
}

#[test]
fn a_connection_that_always_breaks_ends_after_the_attempts() {
    let server = RangeServer::with_faults(
        &case().file,
        [None, Some(Fault::Cut(0)), Some(Fault::Cut(0)), Some(Fault::Cut(0))],
    );
    let (_, result) = case().fetch(&server, &["a.js"]);
    let error = result.unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::Network, 4), "{error}");
}

#[test]
fn files_taken_before_a_fault_stay_taken() {
    let case = case();
    let server = RangeServer::with_faults(&case.file, [None, None, Some(Fault::Status(404))]);
    let (taken, result) = case.fetch(&server, &["a.js", "c.js"]);
    assert!(result.is_err());
    assert_eq!(taken.keys().collect::<Vec<_>>(), ["a.js"]);
}

#[test]
fn an_error_of_the_receiver_ends_the_transfer() {
    let case = case();
    let server = case.server();
    let work = case.folder.path().join("work");
    let mut archive = RangedArchive::open(&server, case.request(&[], &work), &Control::new()).unwrap();
    let mut take = |_: &ListedFile, _: &mut dyn Read| Err(Error::invalid_input("disk", "full"));
    let wanted = case.wanted(&["a.js", "c.js"]);
    let error = archive.fetch(&wanted, &mut take, &Control::new()).unwrap_err();
    assert_eq!((error.to_string().as_str(), server.requests()), ("disk: full", 2));
}

#[test]
fn a_receiver_that_does_not_read_to_the_end_is_refused() {
    let case = case();
    let server = case.server();
    let work = case.folder.path().join("work");
    let mut archive = RangedArchive::open(&server, case.request(&[], &work), &Control::new()).unwrap();
    let mut take = |_: &ListedFile, _: &mut dyn Read| Ok(());
    let error = archive
        .fetch(&case.wanted(&["a.js"]), &mut take, &Control::new())
        .unwrap_err();
    assert!(error.to_string().contains("not read to the end"), "{error}");
}

#[test]
fn a_cancelled_fetch_ends_without_a_request() {
    let case = case();
    let server = case.server();
    let work = case.folder.path().join("work");
    let mut archive = RangedArchive::open(&server, case.request(&[], &work), &Control::new()).unwrap();
    let token = CancelToken::new();
    token.cancel();
    let control = Control::new().with_cancel_token(&token);
    let mut take = |_: &ListedFile, _: &mut dyn Read| panic!("nothing arrives");
    let error = archive.fetch(&case.wanted(&["a.js"]), &mut take, &control).unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::Cancelled, 1));
}

#[test]
fn secrets_are_sent_only_in_the_headers_of_the_request() {
    let mut case = case();
    case.remote.headers.add("Authorization", "Bearer token").unwrap();
    let server = case.server();
    case.expect(&server, &["a.js"]);
    assert_eq!(server.headers("authorization"), ["Bearer token", "Bearer token"]);
}

#[test]
fn plain_http_is_refused_before_a_request() {
    let mut case = case();
    case.remote.url = "http://example.com/app.zip".parse().unwrap();
    let server = case.server();
    let (_, result) = case.fetch(&server, &["a.js"]);
    assert_eq!(
        (result.unwrap_err().kind(), server.requests()),
        (ErrorKind::NotTrusted, 0)
    );
}
