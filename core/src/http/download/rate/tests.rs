#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

#[test]
fn a_drip_is_told_from_a_slow_line() {
    let start = Instant::now();
    let at = |seconds: u64| start + Duration::from_secs(seconds);
    let mut slow = Rate::new(512, start);
    assert!((1..120).all(|second| slow.received(600, at(second)).is_ok()));
    let lately = slow.current().unwrap();
    assert!((500..700).contains(&lately), "{lately}");

    let mut drip = Rate::new(512, start);
    let ended = (1..120).find(|second| drip.received(10, at(*second)).is_err());
    assert_eq!(ended, Some(30));
}
