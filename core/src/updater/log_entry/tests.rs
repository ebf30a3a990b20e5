#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

fn entry(event: LogEvent) -> LogEntry {
    LogEntry::new(Timestamp(7), event)
}

#[test]
fn every_event_is_read_back_from_its_name() {
    for (event, name) in NAMES {
        assert_eq!((event.as_str(), &LogEvent::of_name(name)), (name, &event));
        assert_eq!(LogEntry::of_line(entry(event.clone()).json().as_bytes()), entry(event));
    }
}

#[test]
fn an_entry_is_read_back_with_all_of_its_members() {
    let bundle: BundleRef = "0123456789".parse().unwrap();
    let error = Error::invalid_input("channel", "expected a name");
    let entry = entry(LogEvent::FellBack)
        .with_bundle(bundle)
        .with_version("1.0.0")
        .with_previous("2.0.0")
        .with_reason("trial_failed")
        .with_code("code")
        .with_error(&error)
        .with_url("https://example.com/a")
        .with_channel("beta")
        .with_count(3);

    assert_eq!(LogEntry::of_line(entry.json().as_bytes()), entry);
    assert_eq!(
        entry.json(),
        concat!(
            r#"{"at":7,"bundle":"0123456789","channel":"beta","code":"code","count":3,"error":"invalid_input","#,
            r#""event":"fell_back","previous":"2.0.0","reason":"trial_failed","text":"channel: expected a name","#,
            r#""url":"https://example.com/a","version":"1.0.0"}"#
        )
    );
}

#[test]
fn an_event_and_members_of_a_later_version_are_kept() {
    let line = r#"{"at":7,"bundle":5,"event":"teleported","speed":{"unit":"c","value":1},"version":"1.0.0"}"#;

    let entry = LogEntry::of_line(line.as_bytes());

    assert_eq!(entry.event, LogEvent::Unknown("teleported".to_owned()));
    assert_eq!((entry.version.as_deref(), &entry.bundle), (Some("1.0.0"), &None));
    assert_eq!(entry.json(), line);
    assert_eq!(serde_json::to_string(&entry).unwrap(), line);
}

#[test]
fn a_line_that_is_not_an_entry_becomes_one_that_shows_it() {
    for line in [
        "",
        "torn {\"at\":7",
        "[]",
        r#"{"event":"launch"}"#,
        r#"{"at":-1,"event":"launch"}"#,
    ] {
        let entry = LogEntry::of_line(line.as_bytes());
        assert_eq!((entry.event, entry.text.as_deref()), (LogEvent::LogDamaged, Some(line)));
    }
    assert_eq!(
        LogEntry::of_line(b"\xff\0").text.unwrap(),
        "\u{fffd} ",
        "bytes that are not text"
    );
}

#[test]
fn no_text_of_an_entry_contains_a_query_or_credentials() {
    for (text, clean) in [
        (
            "https://example.com/app?token=secret: the server answered 500",
            "https://example.com/app: the server answered 500",
        ),
        (
            "from <https://user:secret@example.com/a#secret>, to \"http://[::1]:80?secret\".",
            "from <https://example.com/a>, to \"http://[::1]:80\".",
        ),
        ("https://example.com/a/b@2 is it?", "https://example.com/a/b@2 is it?"),
        ("no URL? none:// at all://", "no URL? none:// at all://"),
    ] {
        let entry = entry(LogEvent::DownloadFailed).with_text(text).with_url(text);
        assert_eq!(
            (entry.text.as_deref(), entry.url.as_deref()),
            (Some(clean), Some(clean))
        );
    }
}

#[test]
fn long_texts_are_cut_so_that_no_line_is_longer_than_four_kilobytes() {
    for character in ["\"", "\u{1}", "ä", "\u{10ffff}", "\\"] {
        let long = character.repeat(9000);
        let entry = entry(LogEvent::DownloadFailed)
            .with_version(&long)
            .with_previous(&long)
            .with_reason(&long)
            .with_code(&long)
            .with_text(&long)
            .with_url(&long)
            .with_channel(&long);

        assert!(entry.json().len() < 4096, "{character:?}: {}", entry.json().len());
        assert!(entry.text.unwrap().ends_with('…'));
    }
    assert_eq!(entry(LogEvent::Check).with_text("short").text.unwrap(), "short");
}
