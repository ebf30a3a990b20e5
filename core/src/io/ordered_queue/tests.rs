#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const FIVE: Window = Window {
    count: 5,
    weight: usize::MAX,
};

#[test]
fn results_come_in_order_whatever_the_workers_do() {
    let queue = OrderedQueue::new(1000, FIVE, |_| 0);
    let mut results = Vec::new();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                queue.work(|number| {
                    thread::sleep(std::time::Duration::from_micros((number as u64 * 7919) % 50));
                    number
                });
            });
        }
        while let Some(number) = queue.next_result() {
            results.push(number);
        }
    });
    assert_eq!(results, (0..1000).collect::<Vec<_>>());
}

#[test]
fn workers_wait_for_the_consumer_beyond_the_window() {
    let queue = OrderedQueue::new(1000, FIVE, |_| 0);
    let started = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| queue.work(|_| started.fetch_add(1, Ordering::SeqCst)));
        thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(started.load(Ordering::SeqCst), 5);
        queue.stop();
    });
}

#[test]
fn workers_wait_while_what_waits_is_too_heavy() {
    let window = Window {
        count: 1000,
        weight: 10,
    };
    let queue = OrderedQueue::new(1000, window, |weight| *weight);
    let started = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            queue.work(|_| {
                started.fetch_add(1, Ordering::SeqCst);
                4
            });
        });
        thread::sleep(std::time::Duration::from_millis(50));
        assert_eq!(started.load(Ordering::SeqCst), 3, "the third brought it over ten");
        (0..1000).for_each(|_| assert_eq!(queue.next_result(), Some(4)));
        assert_eq!(queue.next_result(), None);
    });
}

#[test]
fn a_panicking_worker_wakes_the_consumer() {
    let queue: OrderedQueue<()> = OrderedQueue::new(10, FIVE, |()| 0);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        thread::scope(|scope| {
            scope.spawn(|| queue.work(|_| panic!("on purpose")));
            assert!(queue.next_result().is_none());
        });
    }));
    assert!(outcome.is_err(), "the panic reaches the caller");
}
