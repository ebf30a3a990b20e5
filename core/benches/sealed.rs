//! Throughput of sealed archives: the cipher alone in memory, and whole files, also compared with Capgo v2.
//! `tests/compare/run` compares the cipher with OpenSSL.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark stops where it fails, and says what it measured"
)]

use std::fs;
use std::hint::black_box;
use std::time::Instant;

use capbundle::capgo;
use capbundle::capgo::ChecksumForm;
use capbundle::digest::Sha256Digest;
use capbundle::keys::{ContentKey, KeyBits, SigningKey};
use capbundle::progress::Control;
use capbundle::sealed::in_memory::InMemory;
use capbundle::sealed::{Sealing, open_unverified, seal};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const IN_MEMORY: u64 = 4 << 20;
const FILE: usize = 64 << 20;
/// Enough for a median that outliers do not affect.
const RUNS: usize = 15;

fn in_memory(criterion: &mut Criterion) {
    let archive = InMemory::new(IN_MEMORY).unwrap();
    let mut group = criterion.benchmark_group("sealed in memory");
    group.throughput(Throughput::Bytes(IN_MEMORY));
    for (name, threads) in [("one", 0), ("two", 2)] {
        group.bench_function(BenchmarkId::new("seal", name), |bencher| {
            bencher.iter(|| archive.seal(threads).unwrap());
        });
        group.bench_function(BenchmarkId::new("open", name), |bencher| {
            bencher.iter(|| archive.open(threads).unwrap());
        });
    }
    group.finish();
}

fn files(criterion: &mut Criterion) {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    let (key, control) = (ContentKey::generate(KeyBits::B2048).unwrap(), Control::new());
    let plain = plain();
    fs::write(path("plain"), &plain).unwrap();
    let digest = Sha256Digest::of(&plain);
    let recipients = [key.public().clone()];

    let mut group = criterion.benchmark_group("sealed file");
    group.sample_size(20).throughput(Throughput::Bytes(FILE as u64));
    group.bench_function("seal", |bencher| {
        bencher.iter(|| {
            black_box(
                seal(
                    &path("plain"),
                    &path("sealed"),
                    &Sealing {
                        expected: &digest,
                        recipients: &recipients,
                    },
                    &control,
                )
                .unwrap(),
            )
        });
    });
    group.bench_function("open", |bencher| {
        bencher.iter(|| black_box(open_unverified(&path("sealed"), &path("opened"), &key, &control).unwrap()));
    });
    group.finish();
}

/// Opens the same bytes from both formats alternately, each into a file with its digest. A ratio of separate
/// measurements would reflect other load on the machine more than the formats.
fn against_capgo(_: &mut Criterion) {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    let (content_key, control) = (ContentKey::generate(KeyBits::B2048).unwrap(), Control::new());
    let signing_key = SigningKey::generate(KeyBits::B2048).unwrap();
    let verifying_key = signing_key.verifying_key();
    let plain = plain();
    fs::write(path("plain"), &plain).unwrap();
    let digest = Sha256Digest::of(&plain);
    let recipients = [content_key.public().clone()];
    seal(
        &path("plain"),
        &path("sealed"),
        &Sealing {
            expected: &digest,
            recipients: &recipients,
        },
        &control,
    )
    .unwrap();
    let form = ChecksumForm::default();
    let capgo = capgo::encrypt(
        &path("plain"),
        &path("capgo"),
        &capgo::Encryption {
            expected: &digest,
            key: &signing_key,
            form,
        },
        &control,
    )
    .unwrap();

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(seconds(|| {
            open_unverified(&path("sealed"), &path("opened"), &content_key, &control).unwrap()
        }));
        theirs.push(seconds(|| {
            let (sealed, to) = (path("capgo"), path("opened"));
            capgo::decrypt_unverified(
                &sealed,
                &to,
                &capgo::UnverifiedDecryption {
                    iv_session_key: &capgo.iv_session_key,
                    key: &verifying_key,
                },
                &control,
            )
            .unwrap()
        }));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "sealed file/open against Capgo v2: {ours:.4} s, Capgo v2 {theirs:.4} s, {:.2} times as fast \
         ({} MiB, medians of {RUNS} runs in turns)",
        theirs / ours,
        FILE >> 20
    );
}

fn plain() -> Vec<u8> {
    (0_u32..).flat_map(u32::to_be_bytes).take(FILE).collect()
}

fn seconds<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_secs_f64()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

criterion_group!(benches, in_memory, files, against_capgo);
criterion_main!(benches);
