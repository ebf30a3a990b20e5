//! Two concurrent updates, and the progress of one.

use std::sync::{Mutex, mpsc};

use super::device::Device;
use super::publisher::{Net, Published, Publisher, download_options, source};
use super::*;
use crate::http::{Receiver, Request, Transport, TransportError};
use crate::progress::{Control, Phase, Progress};

fn demanding() -> Device {
    Device::with(|options| options.required_proof = RequiredProof::Release)
}

/// A network on which one request waits until it is released.
#[derive(Debug)]
struct Slow<'a> {
    net: &'a Net,
    path: String,
    began: mpsc::Sender<()>,
    released: Mutex<mpsc::Receiver<()>>,
}

impl Transport for Slow<'_> {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        if request.url.as_str().ends_with(&self.path) {
            self.began.send(()).unwrap();
            self.released.lock().unwrap().recv().unwrap();
        }
        self.net.send(request, receiver)
    }
}

/// Makes one update wait for the archive while `meanwhile` runs, which may release it.
fn while_one_downloads(
    device: &Device,
    net: &Net,
    archive: &str,
    update: impl Fn(&Store, &dyn Transport) -> Result<()> + Sync,
    meanwhile: impl FnOnce(&mpsc::Sender<()>),
) {
    let (began, has_begun) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let slow = Slow {
        net,
        path: archive.to_owned(),
        began,
        released: Mutex::new(released),
    };
    let store = device.open();
    thread::scope(|scope| {
        let first = scope.spawn(|| update(&store, &slow));
        has_begun.recv().unwrap();
        meanwhile(&release);
        // It may have been released already.
        let _ = release.send(());
        first.join().unwrap().unwrap();
    });
}

type Update = fn(&Store, &dyn Transport, &Published) -> Result<()>;

/// Each method that downloads a bundle.
const UPDATES: [(&str, Update); 2] = [
    ("update_from_channel", |store, net, _| {
        let update = store.update_from_channel(net, &source(), &download_options(), &Control::new())?;
        assert!(
            matches!(
                update.outcome,
                ChannelOutcome::Installed(_) | ChannelOutcome::UpToDate(_)
            ),
            "{update:?}"
        );
        Ok(())
    }),
    ("install_from", |store, net, published| {
        let url = source().site.url(&published.paths()[2])?;
        let proof = ExpectedProof::Digest(published.archive_digest());
        let from = RemoteArchive::new(url, proof, NewBundle::new("1.0"));
        store
            .install_from(net, &from, &download_options(), &Control::new())
            .map(drop)
    }),
];

fn published(device: &mut Device, name: &str) -> (Net, Published, String) {
    if name == "update_from_channel" {
        device.options.required_proof = RequiredProof::Release;
    }
    let net = Net::default();
    let published = Publisher::plain(device).release("1.0", 7);
    net.publish(&published);
    net.offer(Some(7), None);
    let archive = published.paths()[2].clone();
    (net, published, archive)
}

#[test]
fn the_second_of_two_concurrent_updates_reports_how_long_it_waited() {
    for (name, update) in UPDATES {
        let mut device = Device::new();
        let (net, published, archive) = published(&mut device, name);
        while_one_downloads(
            &device,
            &net,
            &archive,
            |store, net| update(store, net, &published),
            |_| {
                let error = update(&device.open(), &net, &published).unwrap_err();
                let Error::Busy { waited, .. } = &error else {
                    panic!("{name}: {error}")
                };
                assert!(*waited >= device.options.lock_timeout, "{name}: {waited:?}");
                let text = error.to_string();
                assert!(
                    text.contains(&format!("waited {} ms", waited.as_millis())),
                    "{name}: {text}"
                );
                assert!(text.contains("retry when it has finished"), "{name}: {text}");
            },
        );
        assert_eq!(device.open().list().unwrap().len(), 1, "{name}");
    }
}

#[test]
fn the_second_of_two_concurrent_updates_waits_and_downloads_nothing() {
    for (name, update) in UPDATES {
        let mut device = Device::with(|options| options.lock_timeout = Duration::from_secs(60));
        let (net, published, archive) = published(&mut device, name);
        let store = device.open();
        let (second, network, release) = (&store, &net, &published);
        thread::scope(|scope| {
            let mut waiting = None;
            while_one_downloads(
                &device,
                &net,
                &archive,
                |store, net| update(store, net, &published),
                |go_on| {
                    waiting = Some(scope.spawn(move || update(second, network, release)));
                    // It usually waits by now. Otherwise it finds the bundle installed; both are correct.
                    thread::sleep(Duration::from_millis(100));
                    go_on.send(()).unwrap();
                },
            );
            waiting.unwrap().join().unwrap().unwrap();
        });
        assert_eq!(net.came(&archive), published.archive.len(), "{name}");
        assert_eq!(second.list().unwrap().len(), 1, "{name}");
        assert_eq!(
            std::fs::read_dir(device.root().join("downloads")).map_or(0, Iterator::count),
            0,
            "{name}"
        );
    }
}

/// The reports of an update.
fn progress_of(store: &Store, net: &Net) -> (ChannelUpdate, Vec<Progress>) {
    let reported = Arc::new(Mutex::new(Vec::new()));
    let reports = Arc::clone(&reported);
    let control = Control::new().with_observer(Arc::new(move |progress| reports.lock().unwrap().push(progress)));
    let update = store
        .update_from_channel(net, &source(), &download_options(), &control)
        .unwrap();
    let reported = reported.lock().unwrap().clone();
    (update, reported)
}

fn of_phase(reported: &[Progress], phase: Phase) -> Vec<(u64, u64)> {
    let of_phase = reported.iter().filter(|progress| progress.phase == phase);
    of_phase.map(|progress| (progress.done, progress.total)).collect()
}

fn require_never_back(reported: &[Progress]) {
    for phase in [Phase::Download, Phase::Hash, Phase::Open, Phase::Unpack] {
        let steps = of_phase(reported, phase);
        assert!(steps.is_sorted_by_key(|(done, _)| *done), "{phase:?}: {steps:?}");
        assert!(steps.iter().all(|(done, total)| done <= total), "{phase:?}: {steps:?}");
    }
}

#[test]
fn an_update_reports_list_and_archive_as_one_download_and_reads_the_archive_once() {
    for sealed in [false, true] {
        let device = demanding();
        let net = Net::default();
        let author = if sealed {
            Publisher::sealed(&device)
        } else {
            Publisher::plain(&device)
        };
        let published = author.release("1.0", 7);
        net.publish(&published);
        net.offer(Some(7), None);

        let (_, reported) = progress_of(&device.open(), &net);

        require_never_back(&reported);
        let (list, archive) = (published.files.len() as u64, published.archive.len() as u64);
        let downloaded = of_phase(&reported, Phase::Download);
        assert!(
            downloaded.iter().all(|(_, total)| *total == list + archive),
            "{downloaded:?}"
        );
        assert_eq!(downloaded.last(), Some(&(list + archive, list + archive)));
        let hashed = of_phase(&reported, Phase::Hash);
        let once = if sealed { list } else { list + archive };
        assert!(
            hashed.iter().all(|(_, total)| *total == once),
            "sealed: {sealed}, {hashed:?}"
        );
        assert_eq!(hashed.last(), Some(&(once, once)), "sealed: {sealed}");
    }
}

#[test]
fn progress_does_not_decrease_when_the_stable_release_replaces_a_refused_candidate() {
    let device = demanding();
    let net = Net::default();
    let author = Publisher::plain(&device);
    let (stable, candidate) = (author.release("1.0", 7), author.release("1.1", 8));
    net.publish(&stable);
    net.publish(&candidate);
    net.offer(Some(7), Some((8, 10_000)));
    let mut damaged = candidate.archive.clone();
    *damaged.last_mut().unwrap() ^= 1;
    net.put(&candidate.paths()[2], &damaged);

    let (update, reported) = progress_of(&device.open(), &net);

    assert_eq!(update.passed_over.len(), 1, "{update:?}");
    assert!(matches!(update.outcome, ChannelOutcome::Installed(_)), "{update:?}");
    require_never_back(&reported);
}

#[test]
fn an_archive_from_a_url_is_read_once_as_well() {
    let device = Device::new();
    let net = Net::default();
    let published = Publisher::plain(&device).release("1.0", 7);
    net.publish(&published);
    let url = source().site.url(&published.paths()[2]).unwrap();
    let proof = ExpectedProof::Digest(published.archive_digest());
    let from = RemoteArchive::new(url, proof, NewBundle::new("1.0"));
    let hashed = Arc::new(Mutex::new(Vec::new()));
    let reports = Arc::clone(&hashed);
    let control = Control::new().with_observer(Arc::new(move |progress: Progress| {
        if progress.phase == Phase::Hash {
            reports.lock().unwrap().push(progress.done);
        }
    }));

    device
        .open()
        .install_from(&net, &from, &download_options(), &control)
        .unwrap();

    let size = published.archive.len() as u64;
    let finished = hashed.lock().unwrap().iter().filter(|done| **done == size).count();
    assert_eq!(finished, 1, "{hashed:?}");
}
