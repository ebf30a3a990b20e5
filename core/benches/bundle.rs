//! Throughput of the core's operations on a generated web folder: half text, half incompressible bytes.
//!
//! `tests/compare/run` compares whole commands with the tools they replace, on real files.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark stops where it fails")]

use std::fs;
use std::hint::black_box;
use std::path::Path;

use capbundle::VerifiedArchive;
use capbundle::bundle::{PackOptions, UnpackOptions, inspect, pack, unpack};
use capbundle::capgo;
use capbundle::capgo::ChecksumForm;
use capbundle::digest::Sha256Digest;
use capbundle::keys::{KeyBits, SigningKey};
use capbundle::progress::Control;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const FILES: usize = 400;
const FILE_SIZE: usize = 24 << 10;

fn web_folder(folder: &Path) -> u64 {
    fs::create_dir_all(folder.join("assets")).unwrap();
    fs::write(
        folder.join("index.html"),
        "<script>CapacitorUpdater.notifyAppReady()</script>",
    )
    .unwrap();
    let mut state = 1_u64;
    for number in 0..FILES {
        let mut bytes = Vec::with_capacity(FILE_SIZE);
        while bytes.len() < FILE_SIZE {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if number % 2 == 0 {
                bytes.extend(format!("const item{} = render({});\n", state >> 58, state >> 50).into_bytes());
            } else {
                bytes.extend(state.to_be_bytes());
            }
        }
        fs::write(folder.join(format!("assets/{number}")), bytes).unwrap();
    }
    (FILES * FILE_SIZE) as u64
}

fn operations(criterion: &mut Criterion) {
    let work = tempfile::tempdir().unwrap();
    let (www, zip, sealed) = (
        work.path().join("www"),
        work.path().join("a.zip"),
        work.path().join("a.sealed"),
    );
    let size = web_folder(&www);
    let (control, key) = (Control::new(), SigningKey::generate(KeyBits::B2048).unwrap());
    let public = key.verifying_key();
    let packed = pack(&www, &zip, &PackOptions::default(), &control).unwrap();
    let seal = || {
        capgo::encrypt(
            &zip,
            &sealed,
            &capgo::Encryption {
                expected: &packed.digest,
                key: &key,
                form: ChecksumForm::V3,
            },
            &control,
        )
        .unwrap()
    };

    let mut group = criterion.benchmark_group("folder");
    group.sample_size(20).throughput(Throughput::Bytes(size));
    group.bench_function("pack", |bencher| {
        bencher.iter(|| pack(&www, &zip, &PackOptions::default(), &control).unwrap());
    });
    let archive = VerifiedArchive::from_digest(&zip, &packed.digest, &control).unwrap();
    group.bench_function("unpack", |bencher| {
        bencher.iter(|| {
            let target = work.path().join("out");
            unpack(&archive, &target, &UnpackOptions::default(), &control).unwrap();
            fs::remove_dir_all(target).unwrap();
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("archive");
    group.sample_size(30).throughput(Throughput::Bytes(packed.size));
    group.bench_function("sha256", |bencher| {
        bencher.iter(|| black_box(Sha256Digest::of_file(&zip, &control).unwrap()));
    });
    group.bench_function("inspect", |bencher| {
        bencher.iter(|| black_box(inspect(&zip, &capbundle::Limits::default()).unwrap()));
    });
    group.bench_function("seal", |bencher| bencher.iter(|| black_box(seal())));
    // Each encryption has a new session key. Decrypt the last one.
    let parts = seal();
    let open = || {
        capgo::decrypt(
            &sealed,
            work.path(),
            &capgo::Decryption {
                iv_session_key: &parts.iv_session_key,
                checksum: &parts.checksum,
                key: &public,
            },
            &control,
        )
        .unwrap()
    };
    group.bench_function("open", |bencher| bencher.iter(|| black_box(open())));
    group.finish();
}

criterion_group!(benches, operations);
criterion_main!(benches);
