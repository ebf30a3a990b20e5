#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use super::*;

/// Every hit in `text` as (line, first byte before, first byte after), read in pieces of one to three bytes.
fn hits(text: &str) -> Vec<(u64, Option<u8>, Option<u8>)> {
    struct Dripping<'a>(&'a [u8], usize);
    impl Read for Dripping<'_> {
        fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
            self.1 = self.1 % 3 + 1;
            let count = self.1.min(target.len()).min(self.0.len());
            target[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }
    let mut hits = Vec::new();
    find_each(&mut Dripping(text.as_bytes(), 0), "needle", |hit| {
        hits.push((hit.line, hit.before.last().copied(), hit.after.first().copied()));
        ControlFlow::Continue(())
    })
    .unwrap();
    hits
}

#[test]
fn each_hit_is_found_once_with_its_line_at_any_read_boundary() {
    for offset in (CHUNK - 600..CHUNK + 600).step_by(7) {
        let text = format!("{}\n(needle)\n[needle", "x".repeat(offset));
        assert_eq!(
            hits(&text),
            [(2, Some(b'('), Some(b')')), (3, Some(b'['), None)],
            "{offset}"
        );
    }
}

#[test]
fn a_hit_at_the_very_start_or_alone_is_found() {
    assert_eq!(hits("needle"), [(1, None, None)]);
    assert_eq!(hits("needleneedle").len(), 2);
    assert_eq!(hits("needl").len(), 0);
}

#[test]
fn the_search_ends_when_the_caller_breaks() {
    let mut seen = 0;
    find_each(&mut &b"needle needle needle"[..], "needle", |_| {
        seen += 1;
        ControlFlow::Break(())
    })
    .unwrap();
    assert_eq!(seen, 1);
}
