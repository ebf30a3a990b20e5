//! Updates over networks that are slow and break connections.

use std::time::{Duration, Instant};

use capbundle::updater::{ServerSource, Source, UpdateMode};
use capbundle_tests::lossy_proxy::{LossyProxy, Network, Passed};

use super::app::{App, Behaviour, Process, Published};

/// 64 kbit/s.
const SLOW: u64 = 8_000;
/// Bytes of the archive, of about 120 kB.
const SIZE: usize = 120_000;
/// The share of the bytes that may be received in vain, with the heads of responses.
const WASTE_PERCENT: u64 = 5;
const DEVICES: u64 = 25;

/// An app before this network, with the waits of a phone made short.
fn app_before(network: Network, update: &Published) -> (App, LossyProxy) {
    let mut app = App::new(UpdateMode::AtBackground, Behaviour::offering(update));
    let proxy = LossyProxy::before(app.server.address(), network);
    let source = ServerSource::new(proxy.url("/updates").parse().unwrap());
    app.options.source = Source::Server(source);
    app.options.stats_url = Some(proxy.url("/stats").parse().unwrap());
    app.options.response_timeout = Duration::from_secs(20);
    app.options.download.stall_timeout = Duration::from_secs(30);
    app.options.download.attempts = 6;
    app.options.download.first_wait = Duration::from_millis(20);
    (app, proxy)
}

/// Updates, as often as the network comes back.
fn update(process: &mut Process<'_>) {
    process.confirm();
    for _ in 0..10 {
        process.work();
        if process.updater.store().next().unwrap().is_some() {
            process.background();
            return;
        }
        process.updater.connectivity_returned();
    }
    panic!("the update did not complete");
}

/// The bytes of the archive that reached the device, and the connections for it that broke.
fn of_archive(passed: &[Passed]) -> (u64, usize) {
    let of_archive = || passed.iter().filter(|passed| passed.request.contains("/bundle.zip"));
    let broken = of_archive().filter(|passed| passed.is_broken).count();
    (of_archive().map(|passed| passed.bytes).sum(), broken)
}

#[test]
fn an_update_over_64_kbit_a_second_and_breaking_connections_wastes_under_5_percent() {
    let published = Published::plain("2.0.0", SIZE);
    let network = Network {
        rate: Some(SLOW),
        broken_percent: 30,
        breaks_before: SIZE as u64,
        // Four connections for the archive break, one after the other.
        seed: 5088,
    };
    let (app, proxy) = app_before(network, &published);
    let started = Instant::now();
    let mut process = app.process();
    update(&mut process);
    assert_eq!(process.title(), "2.0.0");
    let (bytes, broken) = of_archive(&proxy.passed());
    let size = published.bytes.len() as u64;
    println!(
        "{bytes} bytes for {size}, {broken} broken connections, {:?}",
        started.elapsed()
    );
    assert!(broken >= 4, "only {broken} connections broke: {:?}", proxy.passed());
    assert!(
        started.elapsed() > Duration::from_secs(size / SLOW),
        "the network is slow"
    );
    assert!(bytes * 100 < size * (100 + WASTE_PERCENT), "{bytes} bytes for {size}");
}

#[test]
fn many_devices_update_over_breaking_connections_and_waste_under_5_percent() {
    let published = Published::plain("2.0.0", SIZE);
    let (mut received, mut broken) = (0, 0);
    for seed in 0..DEVICES {
        let network = Network {
            rate: None,
            broken_percent: 30,
            breaks_before: SIZE as u64,
            seed,
        };
        let (app, proxy) = app_before(network, &published);
        let mut process = app.process();
        update(&mut process);
        assert_eq!(process.title(), "2.0.0");
        let (bytes, breaks) = of_archive(&proxy.passed());
        received += bytes;
        broken += breaks;
    }
    let needed = DEVICES * published.bytes.len() as u64;
    println!("{received} bytes for {needed}, {broken} broken connections");
    assert!(broken >= 5, "only {broken} connections broke");
    assert!(
        received * 100 < needed * (100 + WASTE_PERCENT),
        "{received} bytes for {needed}"
    );
}
