//! Servers that try to make a device send requests without end.

use super::*;

/// More requests than any bound allows.
const MANY: usize = 60;

/// The error after these responses are repeated, and the number of requests.
fn fail(device: &Device, answers: &[Answer]) -> (Error, usize) {
    let transport = MockTransport::new(answers.iter().cloned().cycle().take(MANY));
    let error = device.download(&transport).unwrap_err();
    (error, transport.requests().len())
}

#[test]
fn a_server_that_always_discards_the_received_part_is_given_up() {
    let device = Device::new();
    let not_a_part = || Answer::new(416, b"").with("Content-Range", "bytes */1");
    let elsewhere = || Answer::new(206, b"x").with("Content-Range", "bytes 60000-60000/200000");
    for answers in [
        vec![device.cut(70_000), not_a_part()],
        vec![device.cut(70_000), elsewhere()],
        vec![device.cut(70_000), device.cut(10)],
    ] {
        let (error, requests) = fail(&device, &answers);
        assert!(
            matches!(error.kind(), ErrorKind::Network | ErrorKind::Server),
            "{error}"
        );
        assert!(requests <= 7, "{requests} requests: {error}");
    }
}

#[test]
fn a_server_that_restarts_each_time_and_sends_a_little_more_is_given_up() {
    let mut device = Device::new();
    device.file = (0..=255).cycle().take(2_000_000).collect();
    let growing: Vec<_> = (1..25).map(|number| device.cut(number * 70_000)).collect();
    let (error, requests) = fail(&device, &growing);
    assert_eq!(requests, 7, "{error}");
    assert!(error.to_string().contains("lost 6 times"), "{error}");
}

#[test]
fn receiving_lost_bytes_again_is_not_progress() {
    let mut device = Device::new();
    device.options.attempts = 4;
    let lost = Answer::new(416, b"").with("Content-Range", "bytes */1");
    let nothing = || Answer::new(503, b"");
    // The loss and the two attempts after it are failures: receiving the same bytes again does not reset the count.
    let transport = MockTransport::new([device.cut(70_000), lost, nothing(), device.cut(70_000), device.whole()]);
    assert_eq!(device.download(&transport).unwrap_err().kind(), ErrorKind::Network);
    assert_eq!(transport.requests().len(), 4);
}

#[test]
fn a_download_succeeds_if_the_server_recovers() {
    let device = Device::new();
    let lost = || Answer::new(416, b"").with("Content-Range", "bytes */1");
    let transport = MockTransport::new([
        device.cut(70_000),
        lost(),
        device.cut(140_000),
        lost(),
        Answer::new(503, b""),
        device.cut(70_000),
        device.rest(70_000),
    ]);
    let downloaded = device.assert_downloaded(device.download(&transport));
    assert_eq!(downloaded.received, 70_000 + 140_000 + 200_000);
}

impl Device {
    /// Only the size of the file is known beforehand, as for the archive of a release.
    fn of_known_size(mut self) -> Self {
        self.remote.digest = None;
        self.remote.size = Some(self.file.len() as u64);
        self
    }
}

#[test]
fn a_response_of_another_size_is_refused_before_the_free_space_is_checked() {
    let mut device = Device::new().of_known_size();
    device.options.space_margin = u64::MAX / 2;
    for length in ["1073741824", "199999", "0"] {
        let transport = MockTransport::new([Answer::new(200, b"x").with("Content-Length", length)]);
        let error = device.download(&transport).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{error}");
        assert!(error.to_string().contains("expected 200000"), "{error}");
        assert_eq!(transport.requests().len(), 1);
        assert!(device.names().is_empty(), "{:?}", device.names());
    }
}

#[test]
fn a_response_of_another_size_does_not_discard_the_part() {
    let mut device = Device::new().of_known_size();
    device.options.attempts = 1;
    device.download(&MockTransport::new([device.cut(70_000)])).unwrap_err();
    let other = Answer::new(200, b"x").with("Content-Length", "1073741824");
    device.download(&MockTransport::new([other])).unwrap_err();
    let downloaded = device.assert_downloaded(device.download(&MockTransport::new([device.rest(70_000)])));
    assert_eq!(downloaded.received, 130_000);
}

#[test]
fn a_range_of_a_file_of_another_size_is_refused_and_the_whole_file_requested() {
    let device = Device::new().of_known_size();
    let without_length = Answer::new(200, &device.file[..70_000])
        .with("ETag", "\"1\"")
        .then_breaks();
    let other = Answer::new(206, &[1; 5000]).with("Content-Range", "bytes 70000-1073741823/1073741824");
    let downloaded =
        device.assert_downloaded(device.download(&MockTransport::new([without_length, other, device.whole()])));
    assert_eq!(downloaded.received, 270_000);
}

#[test]
fn an_endless_response_ends_at_the_known_size() {
    let device = Device::new().of_known_size();
    for declared in ["", "200000"] {
        let mut endless = Answer::new(200, &vec![1; 1_000_000]);
        if !declared.is_empty() {
            endless = endless.with("Content-Length", declared);
        }
        let transport = MockTransport::new([endless, device.whole()]);
        let error = device.download(&transport).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{error}");
        assert_eq!(transport.requests().len(), 1, "not retried");
        assert!(device.names().is_empty(), "{:?}", device.names());
    }
}

#[test]
fn a_captive_portal_is_not_a_file_of_another_size() {
    let device = Device::new().of_known_size();
    let page = Answer::new(200, b"<html>Welcome to our hotel</html>")
        .with("Content-Type", "text/html")
        .with("Content-Length", "33");
    device.assert_downloaded(device.download(&MockTransport::new([page, device.whole()])));
}

#[test]
fn a_part_of_a_file_of_another_size_is_not_resumed() {
    let mut device = Device::new().of_known_size();
    device.options.attempts = 1;
    device.remote.size = None;
    let other = Answer::new(200, &vec![1; 70_000])
        .with("Content-Length", "1073741824")
        .with("ETag", "\"1\"")
        .then_breaks();
    device.download(&MockTransport::new([other])).unwrap_err();
    device.remote.size = Some(200_000);
    let transport = MockTransport::new([device.whole()]);
    device.assert_downloaded(device.download(&transport));
    assert_eq!(transport.request_headers("Range"), ["-"]);
}
