#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

fn release(channel: &str, sequence: u64, payload: &str, created_at: u64) -> AcceptedRelease {
    AcceptedRelease {
        app_id: "com.example.app".parse().unwrap(),
        channel: channel.parse().unwrap(),
        sequence,
        payload_sha256: Sha256Digest::of(payload.as_bytes()),
        created_at: Timestamp(created_at),
    }
}

fn last(memory: &RollbackGuard, channel: &str) -> Option<u64> {
    let app = "com.example.app".parse().unwrap();
    let last = memory.last_accepted(&app, &channel.parse().unwrap());
    last.map(|last| last.sequence)
}

#[test]
fn a_sequence_never_decreases_and_each_channel_has_its_own() {
    let mut memory = RollbackGuard::default();
    memory.accept(&release("production", 5, "a", 100)).unwrap();
    memory.accept(&release("beta", 2, "b", 90)).unwrap();
    let before = memory.clone();

    let refused = memory
        .accept(&release("production", 4, "c", 200))
        .unwrap_err()
        .into_error();

    assert!(matches!(
        refused,
        Error::ReleaseRefused {
            reason: RefusalReason::Replayed,
            ..
        }
    ));
    assert_eq!(memory, before);
    assert_eq!((last(&memory, "production"), last(&memory, "beta")), (Some(5), Some(2)));
    assert_eq!(last(&memory, "other"), None);
}

#[test]
fn the_same_sequence_is_accepted_only_with_the_same_payload() {
    let mut memory = RollbackGuard::default();
    memory.accept(&release("production", 5, "a", 100)).unwrap();
    memory.accept(&release("production", 5, "a", 100)).unwrap();
    assert!(memory.accept(&release("production", 5, "b", 100)).is_err());
}

#[test]
fn the_latest_time_never_decreases() {
    let mut memory = RollbackGuard::default();
    memory.accept(&release("production", 1, "a", 100)).unwrap();
    memory.accept(&release("production", 2, "b", 50)).unwrap();
    assert_eq!(memory.latest_time(), Timestamp(100));
    memory.recall(&release("production", 1, "a", 300));
    assert_eq!(
        (last(&memory, "production"), memory.latest_time()),
        (Some(2), Timestamp(300))
    );
}

#[test]
fn every_field_is_read_back() {
    let mut memory = RollbackGuard::default();
    memory.accept(&release("production", (1 << 53) - 1, "a", 100)).unwrap();
    memory.accept(&release("beta", 1, "b", 90)).unwrap();
    memory.device_id = Some("0123".to_owned());
    let text = serde_json::to_vec(&memory).unwrap();
    assert_eq!(json::read::<RollbackGuard>(&text).unwrap(), memory);
}
