//! Sealed archives: the cipher alone, in memory, and whole files. `tests/compare/run` sets it beside OpenSSL.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark stops where it fails")]

use std::fs;
use std::hint::black_box;

use capbundle::digest::Sha256Digest;
use capbundle::keys::{ContentKey, KeyBits};
use capbundle::progress::Control;
use capbundle::seal::stream::in_memory::InMemory;
use capbundle::seal::stream::{open_unverified, seal};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const IN_MEMORY: u64 = 4 << 20;
const FILE: usize = 64 << 20;

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
    let plain: Vec<u8> = (0_u32..).flat_map(u32::to_be_bytes).take(FILE).collect();
    fs::write(path("plain"), &plain).unwrap();
    let digest = Sha256Digest::of(&plain);
    let recipients = [key.public().clone()];

    let mut group = criterion.benchmark_group("sealed file");
    group.sample_size(20).throughput(Throughput::Bytes(FILE as u64));
    group.bench_function("seal", |bencher| {
        bencher.iter(|| black_box(seal(&path("plain"), &digest, &path("sealed"), &recipients, &control).unwrap()));
    });
    group.bench_function("open", |bencher| {
        bencher.iter(|| black_box(open_unverified(&path("sealed"), &path("opened"), &key, &control).unwrap()));
    });
    group.finish();
}

criterion_group!(benches, in_memory, files);
criterion_main!(benches);
