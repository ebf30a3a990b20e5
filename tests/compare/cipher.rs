//! The cipher of sealed archives in memory, against the one of OpenSSL, in turns.

use std::process::Command;
use std::time::{Duration, Instant};

use capbundle::sealed::in_memory::InMemory;
use capbundle_tests::peers::run;

use crate::table::{Row, Table};

/// Bytes that are sealed and opened again and again. They fit into a cache, as those of OpenSSL do.
const SIZE: u64 = 4 << 20;
/// Long enough that the clock of the processor is the same for both.
const TIME: Duration = Duration::from_secs(1);

/// Row, threads beside the one that waits, and how much of OpenSSL's speed it must reach.
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

/// Bytes a second.
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

/// Bytes a second of one thread of OpenSSL, in blocks of 16 KiB, the largest that it measures by itself.
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
    let said = run(Command::new("openssl").args(arguments)).expect_success();
    // +F:22:AES-256-GCM:5263959120.00
    let line = said
        .lines()
        .find(|line| line.starts_with("+F:"))
        .expect("openssl speed prints a line +F");
    let number = line.rsplit(':').next().unwrap();
    number.parse().expect("it ends with bytes a second")
}
