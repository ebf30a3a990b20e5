#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use super::*;

fn names() -> (AppId, ChannelName) {
    ("com.example.app".parse().unwrap(), "production".parse().unwrap())
}

fn parse(text: &str) -> Result<ChannelFile> {
    let (app, channel) = names();
    ChannelFile::parse(text.as_bytes(), &app, &channel)
}

fn reason(text: &str) -> RefusalReason {
    match parse(text) {
        Err(Error::ReleaseRefused { reason, .. }) => reason,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[test]
fn the_example_in_the_format_is_parsed_and_serialized() {
    let text = r#"{"format":1,"app_id":"com.example.app","channel":"production","stable":{"sequence":42},"candidate":{"sequence":43,"rollout_bps":500}}"#;
    let file = parse(text).unwrap();
    assert_eq!(file.stable, Some(42));
    assert_eq!(
        file.candidate,
        Some(Candidate {
            sequence: 43,
            rollout_bps: 500
        })
    );
    assert_eq!(file.to_json().unwrap(), text.as_bytes());
    assert_eq!(file.sequences().collect::<Vec<_>>(), [42, 43]);
}

#[test]
fn a_channel_may_offer_nothing_and_have_unknown_members() {
    let file = parse(r#"{"format":1,"app_id":"com.example.app","channel":"production","mood":{"calm":1}}"#).unwrap();
    assert_eq!(file.sequences().count(), 0);
}

#[test]
fn another_app_or_channel_is_refused() {
    let other_app = r#"{"format":1,"app_id":"com.example.other","channel":"production"}"#;
    let other_channel = r#"{"format":1,"app_id":"com.example.app","channel":"beta"}"#;
    assert_eq!(reason(other_app), RefusalReason::WrongApp);
    assert_eq!(reason(other_channel), RefusalReason::WrongChannel);
}

#[test]
fn invalid_channel_files_are_refused() {
    let of = |rest: &str| format!(r#"{{"app_id":"com.example.app","channel":"production",{rest}}}"#);
    let malformed = [
        r#""format":1,"candidate":{"sequence":1,"rollout_bps":10001}"#,
        r#""format":1,"candidate":{"sequence":1}"#,
        r#""format":1,"stable":{"sequence":0}"#,
        r#""format":1,"stable":null"#,
        r#""format":1,"stable":{"sequence":1},"stable":{"sequence":2}"#,
        r#""format":1,"stable":{"sequence":9007199254740992}"#,
    ];
    for text in malformed {
        assert_eq!(reason(&of(text)), RefusalReason::Malformed, "{text}");
    }
    assert_eq!(reason(&of(r#""format":2"#)), RefusalReason::UnknownFormat);
    let critical = r#""format":1,"stable":{"sequence":1},"critical":["stable"]"#;
    assert_eq!(reason(&of(critical)), RefusalReason::UnknownCritical);
    assert_eq!(
        reason(&" ".repeat(MAX_CHANNEL_FILE_BYTES + 1)),
        RefusalReason::Malformed
    );
}
