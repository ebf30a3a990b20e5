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
