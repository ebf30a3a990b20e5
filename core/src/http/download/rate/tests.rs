#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

#[test]
fn only_a_rate_below_the_minimum_for_half_a_minute_is_an_error() {
    let start = Instant::now();
    let at = |seconds: u64| start + Duration::from_secs(seconds);
    let mut slow = Rate::new(512, start);
    assert!((1..120).all(|second| slow.received(600, at(second)).is_ok()));
    let current = slow.current().unwrap();
    assert!((500..700).contains(&current), "{current}");

    let mut drip = Rate::new(512, start);
    let ended = (1..120).find(|second| drip.received(10, at(*second)).is_err());
    assert_eq!(ended, Some(30));
}
