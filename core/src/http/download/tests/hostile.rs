//! Servers that would keep a device asking for ever.

use super::*;

/// Asked more often than this, a device would go on for ever.
const MANY: usize = 60;

/// What comes of a server that answers so again and again, and how often it was asked.
fn given_up(device: &Device, answers: &[Answer]) -> (Error, usize) {
    let transport = Scripted::new(answers.iter().cloned().cycle().take(MANY));
    let error = device.download(&transport).unwrap_err();
    (error, transport.asked().len())
}

#[test]
fn a_server_that_takes_back_what_it_gave_is_given_up() {
    let device = Device::new();
    let not_a_part = || Answer::new(416, b"").with("Content-Range", "bytes */1");
    let elsewhere = || Answer::new(206, b"x").with("Content-Range", "bytes 60000-60000/200000");
    for answers in [
        vec![device.cut(70_000), not_a_part()],
        vec![device.cut(70_000), elsewhere()],
        vec![device.cut(70_000), device.cut(10)],
    ] {
        let (error, asked) = given_up(&device, &answers);
        assert!(
            matches!(error.kind(), ErrorKind::Network | ErrorKind::Server),
            "{error}"
        );
        assert!(asked <= 7, "{asked} times: {error}");
    }
}

#[test]
fn a_server_that_begins_anew_each_time_and_comes_a_little_further_is_given_up() {
    let mut device = Device::new();
    device.file = (0..=255).cycle().take(2_000_000).collect();
    let further: Vec<_> = (1..25).map(|number| device.cut(number * 70_000)).collect();
    let (error, asked) = given_up(&device, &further);
    assert_eq!(asked, 7, "{error}");
    assert!(error.to_string().contains("lost 6 times"), "{error}");
}

#[test]
fn what_was_lost_and_came_again_is_nothing_gained() {
    let mut device = Device::new();
    device.options.attempts = 4;
    let lost = Answer::new(416, b"").with("Content-Range", "bytes */1");
    let nothing = || Answer::new(503, b"");
    // The loss is a failure, and the two after it are; that the same bytes come again makes up for none.
    let transport = Scripted::new([device.cut(70_000), lost, nothing(), device.cut(70_000), device.whole()]);
    assert_eq!(device.download(&transport).unwrap_err().kind(), ErrorKind::Network);
    assert_eq!(transport.asked().len(), 4);
}

#[test]
fn a_server_that_comes_to_its_senses_is_forgiven() {
    let device = Device::new();
    let lost = || Answer::new(416, b"").with("Content-Range", "bytes */1");
    let transport = Scripted::new([
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
    /// What the file's size is known to be beforehand, as that of a release's archive is; its digest is not.
    fn of_known_size(mut self) -> Self {
        self.remote.digest = None;
        self.remote.size = Some(self.file.len() as u64);
        self
    }
}

#[test]
fn another_length_than_is_known_is_refused_before_the_disk_is_asked() {
    let mut device = Device::new().of_known_size();
    device.options.space_margin = u64::MAX / 2;
    for length in ["1073741824", "199999", "0"] {
        let transport = Scripted::new([Answer::new(200, b"x").with("Content-Length", length)]);
        let error = device.download(&transport).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{error}");
        assert!(error.to_string().contains("expected 200000"), "{error}");
        assert_eq!(transport.asked().len(), 1);
        assert!(device.names().is_empty(), "{:?}", device.names());
    }
}

#[test]
fn an_answer_of_another_length_takes_nothing_away_from_what_came() {
    let mut device = Device::new().of_known_size();
    device.options.attempts = 1;
    device.download(&Scripted::new([device.cut(70_000)])).unwrap_err();
    let other = Answer::new(200, b"x").with("Content-Length", "1073741824");
    device.download(&Scripted::new([other])).unwrap_err();
    let downloaded = device.assert_downloaded(device.download(&Scripted::new([device.rest(70_000)])));
    assert_eq!(downloaded.received, 130_000);
}

#[test]
fn a_rest_of_another_whole_is_refused_and_the_whole_asked_for() {
    let device = Device::new().of_known_size();
    let unsaid = Answer::new(200, &device.file[..70_000])
        .with("ETag", "\"1\"")
        .then_breaks();
    let other = Answer::new(206, &[1; 5000]).with("Content-Range", "bytes 70000-1073741823/1073741824");
    let downloaded = device.assert_downloaded(device.download(&Scripted::new([unsaid, other, device.whole()])));
    assert_eq!(downloaded.received, 270_000);
}

#[test]
fn a_file_without_end_is_left_at_the_size_that_is_known() {
    let device = Device::new().of_known_size();
    for told in ["", "200000"] {
        let mut endless = Answer::new(200, &vec![1; 1_000_000]);
        if !told.is_empty() {
            endless = endless.with("Content-Length", told);
        }
        let transport = Scripted::new([endless, device.whole()]);
        let error = device.download(&transport).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{error}");
        assert_eq!(transport.asked().len(), 1, "it is no better the next time");
        assert!(device.names().is_empty(), "{:?}", device.names());
    }
}

#[test]
fn a_page_of_the_network_is_not_a_file_of_another_length() {
    let device = Device::new().of_known_size();
    let page = Answer::new(200, b"<html>Welcome to our hotel</html>")
        .with("Content-Type", "text/html")
        .with("Content-Length", "33");
    device.assert_downloaded(device.download(&Scripted::new([page, device.whole()])));
}

#[test]
fn what_came_of_a_file_of_another_size_is_not_gone_on_with() {
    let mut device = Device::new().of_known_size();
    device.options.attempts = 1;
    device.remote.size = None;
    let other = Answer::new(200, &vec![1; 70_000])
        .with("Content-Length", "1073741824")
        .with("ETag", "\"1\"")
        .then_breaks();
    device.download(&Scripted::new([other])).unwrap_err();
    device.remote.size = Some(200_000);
    let transport = Scripted::new([device.whole()]);
    device.assert_downloaded(device.download(&transport));
    assert_eq!(transport.asked_with("Range"), ["-"]);
}
