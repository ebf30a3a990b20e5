#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::error::Error;

/// Run on one thread and on two.
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
        assert!(run(total, |_| failure(), |_| panic!("the second stage must not run")).is_err());
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

const FIVE: Window = Window {
    count: 5,
    weight: usize::MAX,
};

#[test]
fn results_come_in_order_of_their_numbers() {
    let pipeline = Pipeline::new(1000, FIVE, |_| 0);
    let mut results = Vec::new();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                pipeline.work(|number| {
                    thread::sleep(std::time::Duration::from_micros((number as u64 * 7919) % 50));
                    number
                });
            });
        }
        while let Some(number) = pipeline.next_result() {
            results.push(number);
        }
    });
    assert_eq!(results, (0..1000).collect::<Vec<_>>());
}

#[test]
fn workers_wait_for_the_consumer_beyond_the_window() {
    let pipeline = Pipeline::new(1000, FIVE, |_| 0);
    let started = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| pipeline.work(|_| started.fetch_add(1, Ordering::SeqCst)));
        thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(started.load(Ordering::SeqCst), 5);
        pipeline.stop();
    });
}

#[test]
fn workers_wait_while_the_waiting_results_are_too_heavy() {
    let window = Window {
        count: 1000,
        weight: 10,
    };
    let pipeline = Pipeline::new(1000, window, |weight| *weight);
    let started = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            pipeline.work(|_| {
                started.fetch_add(1, Ordering::SeqCst);
                4
            });
        });
        thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(started.load(Ordering::SeqCst), 3, "the third exceeds the weight of ten");
        (0..1000).for_each(|_| assert_eq!(pipeline.next_result(), Some(4)));
        assert_eq!(pipeline.next_result(), None);
    });
}

#[test]
fn a_panicking_worker_wakes_the_consumer() {
    let pipeline: Pipeline<()> = Pipeline::new(10, FIVE, |()| 0);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        thread::scope(|scope| {
            scope.spawn(|| pipeline.work(|_| panic!("on purpose")));
            assert!(pipeline.next_result().is_none());
        });
    }));
    assert!(outcome.is_err(), "the panic reaches the caller");
}

#[test]
fn the_consumer_does_the_work_if_there_is_no_worker() {
    let pipeline = Pipeline::new(100, FIVE, |_| 0);
    let results: Vec<usize> = std::iter::from_fn(|| pipeline.next_result_or_work(|number| number)).collect();
    assert_eq!(results, (0..100).collect::<Vec<_>>());
}

#[test]
fn nothing_follows_the_number_that_a_worker_declares_the_last() {
    let pipeline = Pipeline::new(usize::MAX, FIVE, |_| 0);
    let mut results = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            pipeline.work(|number| {
                if number == 20 {
                    pipeline.end_after(number);
                }
                number
            });
        });
        while let Some(number) = pipeline.next_result() {
            results.push(number);
        }
    });
    assert_eq!(results, (0..=20).collect::<Vec<_>>());
}
