//! The cipher of sealed archives in memory compared with that of OpenSSL, in alternating runs.

use std::process::Command;
use std::time::{Duration, Instant};

use capbundle::sealed::in_memory::InMemory;
use capbundle_tests::peers::run;

use crate::table::{Row, Table};

/// Bytes that are sealed and opened repeatedly. They fit into the cache, like those of OpenSSL's benchmark.
const SIZE: u64 = 4 << 20;
/// Long enough that both run at the same processor frequency.
const TIME: Duration = Duration::from_secs(1);

/// The row, the number of threads besides the calling one, and the required share of OpenSSL's speed.
const BUDGETS: [(&str, usize, f64); 2] = [("one thread", 0, 0.4), ("two threads", 2, 0.7)];

pub(crate) fn compare(runs: usize, table: &mut Table) {
    let archive = InMemory::new(SIZE).unwrap();
    for (threads, count, budget) in BUDGETS {
        let (mut sealing, mut opening, mut peer) = (Vec::new(), Vec::new(), Vec::new());
        eprintln!("sealed archive, {threads}, in memory");
        for _ in 0..runs {
            sealing.push(rate(|| archive.seal(count).unwrap()));
            peer.push(openssl());
            opening.push(rate(|| archive.open(count).unwrap()));
        }
        for (what, ours) in [("seal", sealing), ("open", opening)] {
            let name = format!("{what} a sealed archive, {threads}");
            table.add(Row::in_memory(&name, &ours, &peer, budget));
        }
    }
}

/// Bytes per second.
#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
fn rate(work: impl Fn()) -> f64 {
    let start = Instant::now();
    let mut bytes = 0;
    while start.elapsed() < TIME {
        work();
        bytes += SIZE;
    }
    bytes as f64 / start.elapsed().as_secs_f64()
}

/// Bytes per second of OpenSSL with one thread and blocks of 16 KiB, the largest that it measures by default.
fn openssl() -> f64 {
    let seconds = TIME.as_secs().to_string();
    let arguments = [
        "speed",
        "-elapsed",
        "-mr",
        "-seconds",
        &seconds,
        "-bytes",
        "16384",
        "-evp",
        "aes-256-gcm",
    ];
    let output = run(Command::new("openssl").args(arguments)).expect_success();
    // +F:22:AES-256-GCM:5263959120.00
    let line = output
        .lines()
        .find(|line| line.starts_with("+F:"))
        .expect("openssl speed prints a +F line");
    let number = line.rsplit(':').next().unwrap();
    number.parse().expect("the line ends with bytes per second")
}
