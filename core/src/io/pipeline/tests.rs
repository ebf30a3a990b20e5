#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::error::Error;

/// On one thread and on two.
const TOTALS: [u64; 2] = [0, u64::MAX];

fn through_both(total: u64, bytes: &[u8]) -> Vec<u8> {
    let mut source = bytes;
    let mut arrived = Vec::new();
    let first = |chunk: &mut Chunk| {
        chunk.read_from(&mut source).unwrap();
        Ok(())
    };
    run(total, first, |chunk| {
        arrived.extend_from_slice(chunk.bytes());
        Ok(())
    })
    .unwrap();
    arrived
}

#[test]
fn every_byte_arrives_once_and_in_order() {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 7 * CHUNK + 5] {
        let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
        for total in TOTALS {
            assert!(through_both(total, &bytes) == bytes, "{length} bytes, total {total}");
        }
    }
}

#[test]
fn an_error_in_either_stage_ends_both() {
    let failure = || Err(Error::Cancelled { operation: "test" });
    for total in TOTALS {
        assert!(run(total, |_| failure(), |_| panic!("nothing was made")).is_err());
        assert!(
            run(
                total,
                |chunk| {
                    chunk.set(1, false);
                    Ok(())
                },
                |_| failure()
            )
            .is_err()
        );
        let mut made = 0;
        let late = |chunk: &mut Chunk| {
            made += 1;
            chunk.set(1, false);
            if made > 20 { failure() } else { Ok(()) }
        };
        let mut taken = 0;
        let result = run(total, late, |_| {
            taken += 1;
            Ok(())
        });
        assert!(result.is_err());
        assert_eq!(taken, 20);
    }
}

#[test]
fn a_panic_in_either_stage_reaches_the_caller() {
    for total in TOTALS {
        let first = || run(total, |_| panic!("first"), |_| Ok(()));
        assert!(catch_unwind(AssertUnwindSafe(first)).is_err());
        let second = || {
            run(
                total,
                |chunk| {
                    chunk.set(1, false);
                    Ok(())
                },
                |_| panic!("second"),
            )
        };
        assert!(catch_unwind(AssertUnwindSafe(second)).is_err());
    }
}
