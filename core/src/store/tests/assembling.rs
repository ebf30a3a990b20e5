//! Bundles that are assembled from files on the device.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::sync::atomic::Ordering;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::device::Device;
use super::faulty::Operation;
use super::publisher::{Net, Published, Publisher, download_options, options, source};
use super::*;
use crate::digest::Sha256Digest;
use crate::keys::ContentKey;
use crate::limits::Limits;
use crate::patch::{HEADER_BYTES, PatchHeader, new_side};
use crate::progress::Control;
use crate::release::{FileList, ListedFile, PatchIdentity, SealedIdentity, paths};
use crate::sealed;
use crate::store::assemble::{AssemblyTree, Delivery, DeliveryWay, PatchOutput, Way};
use crate::store::install::{Installing, acceptance_of};

mod patching;

type Files = BTreeMap<String, Vec<u8>>;

fn files(of: &[(&str, &str)]) -> Files {
    let file = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec());
    of.iter().map(file).collect()
}

/// The files below a folder, by path.
fn read(folder: &Path) -> Files {
    let mut found = Files::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn update(store: &Store, net: &Net) -> ChannelUpdate {
    let (source, options) = (source(), download_options());
    store
        .update_from_channel(net, &source, &options, &Control::new())
        .unwrap()
}

/// Publishes these files as version and sequence, and updates to them.
fn update_to(device: &Device, net: &Net, files: &Files, sequence: u64) -> (BundleId, Delivery) {
    let published = Publisher::plain(device).release_of_files(files, &sequence.to_string(), sequence);
    net.publish(&published);
    net.offer(Some(sequence), None);
    let update = update(&device.open(), net);
    let ChannelOutcome::Installed(record) = update.outcome else {
        panic!("{update:?}")
    };
    assert_eq!(read(&device.open().folder(&record.id)), *files);
    assert_eq!(device.names("downloads").len(), 0);
    (record.id, update.delivery.unwrap())
}

const FIRST: &[(&str, &str)] = &[
    ("index.html", "page"),
    ("a.js", "script"),
    ("old/b.js", "another"),
    ("c.css", "style"),
];

#[test]
fn a_release_whose_files_are_all_installed_is_assembled_without_its_archive() {
    for clones in [false, true] {
        let (device, net) = (Device::new(), Net::default());
        device.files.clones.store(clones, Ordering::Relaxed);
        let (_, first) = update_to(&device, &net, &files(FIRST), 1);
        assert_eq!((first.way, first.copied), (DeliveryWay::Archive, 0));
        net.requests();

        let moved = files(&[
            ("index.html", "page"),
            ("assets/a-1.js", "script"),
            ("assets/again/a-2.js", "script"),
            ("c.css", "style"),
        ]);
        let (id, second) = update_to(&device, &net, &moved, 2);

        assert_eq!((second.way, second.copied), (DeliveryWay::AtHand, 15));
        assert!(net.requests().iter().all(|path| !path.starts_with("archives/")));
        assert_eq!(device.open().verify_bundle(&id, &Control::new()).unwrap(), []);
        let record = device
            .open()
            .list()
            .unwrap()
            .into_iter()
            .find(|(record, _)| record.id == id);
        let record = record.unwrap().0;
        assert_eq!(record.proof.unwrap().kind, ProofKind::Release);
        assert!(record.content_digest.is_some() && record.digest.is_some());
    }
}

#[test]
fn a_damaged_file_at_hand_counts_as_missing_and_is_never_copied_forward() {
    type Damage = fn(&Path);
    let damages: [Damage; 4] = [
        |path| fs::write(path, "scripT").unwrap(),
        |path| fs::write(path, "").unwrap(),
        |path| fs::remove_file(path).unwrap(),
        |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        },
    ];
    for damage in damages {
        for clones in [false, true] {
            let (device, net) = (Device::new(), Net::default());
            device.files.clones.store(clones, Ordering::Relaxed);
            let (first, _) = update_to(&device, &net, &files(FIRST), 1);
            damage(&device.open().folder(&first).join("a.js"));

            let moved = files(&[("index.html", "page"), ("b.js", "script")]);
            let (_, second) = update_to(&device, &net, &moved, 2);

            assert_eq!(second.way, DeliveryWay::Archive);
        }
    }
}

/// Has every file of a release, and may fail.
struct Memory<'a> {
    kind: DeliveryWay,
    files: &'a Files,
    cost: u64,
    /// It delivers so many files before it fails.
    fails_after: usize,
    /// It delivers what a patch between these lists writes, in pieces of this size.
    patch: Option<([FileList; 2], usize)>,
    delivered: Cell<usize>,
}

impl<'a> Memory<'a> {
    fn of(files: &'a Files) -> Self {
        Self {
            kind: DeliveryWay::Ranges,
            files,
            cost: 1,
            fails_after: usize::MAX,
            patch: None,
            delivered: Cell::new(0),
        }
    }
}

/// The bytes of these files, one after the other.
fn concatenation(files: &Files, listed: &[&ListedFile]) -> Vec<u8> {
    listed
        .iter()
        .flat_map(|file| files[file.path.as_str()].clone())
        .collect()
}

impl Memory<'_> {
    fn write_patch(&self, tree: &mut AssemblyTree<'_>, [old, new]: &[FileList; 2], piece: usize) -> Result<()> {
        let new = new_side(old, new);
        let mut bytes = concatenation(self.files, &new);
        if self.fails_after < bytes.len() {
            bytes[self.fails_after] ^= 1;
        }
        let mut output = PatchOutput::new(tree, &new)?;
        let put = bytes.chunks(piece).try_for_each(|piece| output.put(piece));
        output.finish().and(put)
    }
}

impl Way for Memory<'_> {
    fn kind(&self) -> DeliveryWay {
        self.kind
    }

    fn bytes(&self, _missing: &[&ListedFile]) -> u64 {
        self.cost
    }

    fn scratch(&self, _missing: &[&ListedFile]) -> u64 {
        0
    }

    fn fetch(&self, tree: &mut AssemblyTree<'_>, received: &mut u64, _control: &Control) -> Result<()> {
        if let Some((lists, piece)) = &self.patch {
            return self.write_patch(tree, lists, *piece);
        }
        for file in tree.needs().files {
            if self.delivered.get() == self.fails_after {
                // Wrong bytes, which the tree refuses.
                return tree.take(file, &mut io::repeat(7).take(file.size));
            }
            let bytes = self.files.values().find(|bytes| Sha256Digest::of(bytes) == file.digest);
            tree.take(file, &mut bytes.unwrap().as_slice())?;
            self.delivered.set(self.delivered.get() + 1);
            *received += file.size;
        }
        Ok(())
    }
}

/// Installs a release from files at hand and these ways. `None` if the archive would follow.
fn assemble(store: &Store, published: &Published, ways: &[&dyn Way]) -> Result<Option<(BundleRecord, Delivery)>> {
    let trusted = store.check_release(&published.envelope, &options())?;
    let files = trusted.verify_files(&published.files)?;
    let (new, acceptance) = acceptance_of(&trusted, &files);
    store.downloads(&[&files.content_digest().to_string()])?;
    let installing = Installing {
        new: &new,
        acceptance: Some(&acceptance),
        archive: published.bundle().archive,
        proof: files.proof(),
    };
    store.install_assembled(&installing, &files, (ways, 1000), &mut 0, &Control::new())
}

#[test]
fn the_cheapest_way_is_taken_and_the_next_one_continues_where_it_failed() {
    let (device, net) = (Device::new(), Net::default());
    update_to(&device, &net, &files(FIRST), 1);
    let new = files(&[
        ("index.html", "new page"),
        ("a.js", "script"),
        ("d.js", "4"),
        ("e.js", "5"),
    ]);
    let published = Publisher::plain(&device).release_of_files(&new, "2", 2);
    let patch = Memory {
        kind: DeliveryWay::Patch,
        cost: 10,
        fails_after: 2,
        ..Memory::of(&new)
    };
    let ranges = Memory {
        cost: 20,
        ..Memory::of(&new)
    };
    let expensive = Memory {
        cost: 1000,
        ..Memory::of(&new)
    };
    let store = device.open();

    let (record, delivery) = assemble(&store, &published, &[&ranges, &expensive, &patch])
        .unwrap()
        .unwrap();

    assert_eq!(read(&store.folder(&record.id)), new);
    assert_eq!((delivery.way, delivery.copied), (DeliveryWay::Ranges, 6));
    assert_eq!(
        (patch.delivered.get(), ranges.delivered.get(), expensive.delivered.get()),
        (2, 1, 0)
    );
    let warnings: Vec<String> = store.take_warnings().iter().map(ToString::to_string).collect();
    assert!(
        warnings.len() == 1 && warnings[0].contains("expected SHA-256"),
        "{warnings:?}"
    );
}

#[test]
fn what_an_interrupted_attempt_left_is_not_fetched_again_unless_it_was_changed() {
    let device = Device::new();
    let new = files(&[
        ("index.html", "page"),
        ("a/b/c.js", "1"),
        ("a/d.js", "2"),
        ("e.js", "3"),
    ]);
    let published = Publisher::plain(&device).release_of_files(&new, "1", 1);
    let interrupted = Memory {
        fails_after: 3,
        ..Memory::of(&new)
    };
    assert!(assemble(&device.open(), &published, &[&interrupted]).unwrap().is_none());
    let tree = device.root().join("downloads");
    let name = device
        .names("downloads")
        .into_iter()
        .find(|name| name.contains(".tree"));
    let tree = tree.join(name.unwrap());
    assert_eq!(read(&tree).len(), 3);
    fs::write(tree.join("a/d.js"), "X").unwrap();
    fs::write(tree.join("a/extra.js"), "in no list").unwrap();
    fs::create_dir_all(tree.join("in/no list")).unwrap();

    let again = Memory::of(&new);
    let (record, delivery) = assemble(&device.open(), &published, &[&again]).unwrap().unwrap();

    assert_eq!(read(&device.open().folder(&record.id)), new);
    assert_eq!(again.delivered.get(), 2);
    assert_eq!(delivery.copied, 2);
    assert_eq!(device.names("downloads").len(), 0);
}

#[test]
fn a_call_for_another_release_removes_what_was_collected() {
    let device = Device::new();
    let author = Publisher::plain(&device);
    let (one, two) = (
        files(&[("index.html", "1"), ("a.js", "1a")]),
        files(&[("index.html", "2")]),
    );
    let interrupted = Memory {
        fails_after: 1,
        ..Memory::of(&one)
    };
    let published = author.release_of_files(&one, "1", 1);
    assert!(assemble(&device.open(), &published, &[&interrupted]).unwrap().is_none());
    assert_eq!(device.names("downloads").len(), 1);

    let published = author.release_of_files(&two, "2", 2);
    assemble(&device.open(), &published, &[&Memory::of(&two)])
        .unwrap()
        .unwrap();

    assert_eq!(device.names("downloads").len(), 0);
}

#[test]
fn the_missing_space_is_known_before_anything_is_copied() {
    for (clones, fits) in [(false, false), (true, true)] {
        let (device, net) = (Device::new(), Net::default());
        let large = "large".repeat(100_000);
        update_to(&device, &net, &files(&[("index.html", "page"), ("a.js", &large)]), 1);
        device.files.clones.store(clones, Ordering::Relaxed);
        device.files.set_free_space(400_000);
        let moved = files(&[("index.html", "page"), ("b.js", &large)]);
        let published = Publisher::plain(&device).release_of_files(&moved, "2", 2);

        let result = assemble(&device.open(), &published, &[]);

        match result {
            Ok(installed) => assert!(fits && installed.is_some()),
            Err(error) => assert!(!fits && error.kind() == ErrorKind::NoSpace, "{error}"),
        }
    }
}

#[test]
fn a_folder_that_cannot_be_used_does_not_keep_a_device_from_the_update() {
    let (device, net) = (Device::new(), Net::default());
    update_to(&device, &net, &files(FIRST), 1);
    device.files.fail(|operation, path| {
        let is_tree = path.to_string_lossy().contains(".tree");
        (is_tree && operation == Operation::CreateFolder).then_some(io::ErrorKind::Other)
    });

    let (_, delivery) = update_to(&device, &net, &files(&[("index.html", "page"), ("b.js", "script")]), 2);

    assert_eq!(delivery.way, DeliveryWay::Archive);
}

#[test]
fn a_list_that_no_archive_could_have_is_not_assembled() {
    let limits = Limits::default();
    let list = |paths: &[&str]| {
        let files: Vec<String> = paths
            .iter()
            .map(|path| format!(r#"{{"path":"{path}","size":1,"sha256":"{}"}}"#, Sha256Digest::of(b"1")))
            .collect();
        let text = format!(r#"{{"format":1,"files":[{}]}}"#, files.join(","));
        crate::release::FileList::parse(text.as_bytes()).unwrap()
    };
    let is_assemblable =
        |paths: &[&str], limits: &Limits| crate::store::assemble::is_assemblable(list(paths).files(), limits);
    assert!(is_assemblable(&["a/b", "index.html"], &limits));
    assert!(!is_assemblable(&["a/b"], &limits), "no page");
    assert!(
        !is_assemblable(&["a", "a/b", "index.html"], &limits),
        "a file in a file"
    );
    for limits in [
        limits.clone().with_entries(2),
        limits.clone().with_total_size(1),
        limits.clone().with_file_size(0),
        limits.clone().with_path_length(9),
        limits.clone().with_depth(1),
    ] {
        assert!(!is_assemblable(&["a/b", "index.html"], &limits), "{limits:?}");
    }
}

/// Bytes that no compression makes fewer.
fn noise(seed: u8, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let block = Sha256Digest::of(&[&[seed], bytes.len().to_string().as_bytes()].concat());
        bytes.extend_from_slice(block.as_bytes());
    }
    bytes
}

/// Two versions that share most of their bytes.
fn two_versions() -> [Files; 2] {
    let version = |changed: u8| {
        let mut files = files(&[("index.html", if changed == 1 { "one" } else { "two" })]);
        for number in 10..16 {
            files.insert(format!("{number}.bin"), noise(number, 20_000));
        }
        files.insert(format!("changed-{changed}.bin"), noise(changed, 20_000));
        files
    };
    [version(1), version(2)]
}

#[test]
fn only_the_changed_entries_of_an_archive_are_fetched_sealed_or_not() {
    for sealed in [false, true] {
        let (device, net) = (Device::new(), Net::default());
        let author = if sealed {
            Publisher::sealed(&device)
        } else {
            Publisher::plain(&device)
        };
        let update_to = |files: &Files, sequence: u64| {
            let published = author.release_of_files(files, &sequence.to_string(), sequence);
            net.publish(&published);
            net.offer(Some(sequence), None);
            net.requests();
            let update = update(&device.open(), &net);
            let record = super::channels::installed(&update);
            assert_eq!(read(&device.open().folder(&record.id)), *files);
            (published, update.delivery.unwrap())
        };
        let [old, new] = two_versions();
        update_to(&old, 1);

        let (published, delivery) = update_to(&new, 2);

        assert_eq!(delivery.way, DeliveryWay::Ranges);
        assert_eq!(delivery.copied, 120_000);
        let [_, list, archive] = published.paths();
        assert_eq!(delivery.received, (net.came(&archive) + net.came(&list)) as u64);
        // Segments of a sealed archive are 64 KiB.
        assert!(net.came(&archive) < published.archive.len() - 2000, "{delivery:?}");
        assert!(sealed || net.came(&archive) < 23_000, "{delivery:?}");
        assert_eq!(device.names("downloads").len(), 0);
    }
}

#[test]
fn a_server_without_ranges_costs_one_request() {
    let (device, net) = (Device::new(), Net::default());
    let [old, new] = two_versions();
    update_to(&device, &net, &old, 1);
    net.ignores_ranges.store(true, Ordering::Relaxed);
    net.requests();

    let (_, delivery) = update_to(&device, &net, &new, 2);

    assert_eq!(delivery.way, DeliveryWay::Archive);
    let of_archive = |path: &&String| path.starts_with("archives/");
    assert_eq!(net.requests().iter().filter(of_archive).count(), 2);
}

#[test]
fn parts_of_a_forged_archive_are_refused_and_so_is_the_whole() {
    let (device, net) = (Device::new(), Net::default());
    let [old, new] = two_versions();
    update_to(&device, &net, &old, 1);
    let published = Publisher::plain(&device).release_of_files(&new, "2", 2);
    let mut forged = published.clone();
    let place = forged
        .archive
        .windows(32)
        .rposition(|window| *window == noise(2, 32))
        .unwrap();
    forged.archive[place] ^= 1;
    net.publish(&forged);
    net.offer(Some(2), None);

    let refused = update(&device.open(), &net);

    assert_eq!(refused.outcome, ChannelOutcome::Refused);
    assert_eq!(device.open().list().unwrap().len(), 1);
    net.publish(&published);
    let update = update(&device.open(), &net);
    assert_eq!(update.delivery.unwrap().way, DeliveryWay::Ranges);
}

/// The assets of a native app.
#[derive(Debug, Default)]
struct Assets {
    files: Mutex<Files>,
    opened: Mutex<Vec<String>>,
}

impl Assets {
    fn of(files: &Files) -> Arc<Self> {
        let assets = Arc::new(Self::default());
        *assets.files.lock().unwrap() = files.clone();
        assets
    }

    /// A device with a native app that contains them.
    fn device(self: &Arc<Self>) -> Device {
        let assets: Arc<Self> = Arc::clone(self);
        Device::with(|options| options.built_in_files = Some(assets))
    }

    /// The files that were opened since the last call.
    fn take_opened(&self) -> Vec<String> {
        std::mem::take(&mut *self.opened.lock().unwrap())
    }
}

impl BuiltInFiles for Assets {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.files.lock().unwrap().keys().cloned().collect())
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn io::Read + Send>> {
        self.opened.lock().unwrap().push(path.to_owned());
        let bytes = self.files.lock().unwrap().get(path).cloned();
        let bytes = bytes.ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(io::Cursor::new(bytes)))
    }
}

#[test]
fn the_first_update_takes_unchanged_files_from_the_native_app_which_is_hashed_once() {
    let [old, new] = two_versions();
    let mut with_more = old.clone();
    with_more.insert("cordova.js".to_owned(), b"of the native app".to_vec());
    let assets = Assets::of(&with_more);
    let (device, net) = (assets.device(), Net::default());
    device.launch();

    let (_, delivery) = update_to(&device, &net, &new, 1);

    assert_eq!((delivery.way, delivery.copied), (DeliveryWay::Ranges, 120_000));
    assert_eq!(assets.take_opened().len(), old.len() + 1 + 6, "hashed, then copied");
    let mut again = new.clone();
    again.insert("11.bin".to_owned(), b"changed".to_vec());
    again.insert("old.bin".to_owned(), old["changed-1.bin"].clone());
    update_to(&device, &net, &again, 2);
    assert_eq!(assets.take_opened(), ["changed-1.bin"], "the others are in a bundle");
    device.open().launch(&NativeApp::new("2.0", "2"));
    assets
        .files
        .lock()
        .unwrap()
        .insert("more.js".to_owned(), noise(50, 20_000));
    again.insert("more.js".to_owned(), noise(50, 20_000));
    again.insert("index.html".to_owned(), b"three".to_vec());
    update_to(&device, &net, &again, 3);
    // Its bundles are gone with the old native app.
    let opened = assets.take_opened();
    assert!(
        opened.len() > with_more.len() && opened.contains(&"more.js".to_owned()),
        "{opened:?}"
    );
}

#[test]
fn a_file_of_the_native_app_that_is_not_what_it_was_counts_as_missing() {
    let [old, new] = two_versions();
    let assets = Assets::of(&old);
    let (device, net) = (assets.device(), Net::default());
    let store = device.open();
    let known = store.storage.built_in_files(&*assets, "\n", &Control::new()).unwrap();
    assert_eq!(known.len(), 8);
    assets
        .files
        .lock()
        .unwrap()
        .insert("10.bin".to_owned(), noise(99, 20_000));
    assets.files.lock().unwrap().remove("11.bin");

    let (_, delivery) = update_to(&device, &net, &new, 1);

    assert_eq!(delivery.copied, 80_000);
}

#[test]
fn a_folder_is_listed_with_its_subfolders() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("a/b")).unwrap();
    fs::write(folder.path().join("a/b/c.js"), "c").unwrap();
    fs::write(folder.path().join("index.html"), "page").unwrap();
    let files = BuiltInFolder::new(folder.path());
    let mut names = files.list().unwrap();
    names.sort();
    assert_eq!(names, ["a/b/c.js", "index.html"]);
    let mut text = String::new();
    files.open("a/b/c.js").unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "c");
    assert!(BuiltInFolder::new("/not/there").list().is_err());
}

/// A tree of few paths and few contents, so that trees share files, at the same paths and at others.
fn any_files() -> impl Strategy<Value = Files> {
    let path = prop_oneof!["[abc]\\.js", "x/[abc]\\.js", "x/y/[ab]"];
    btree_map(path, vec(0_u8..3, 0..3), 0..8).prop_map(|mut files| {
        files.insert("index.html".to_owned(), b"page".to_vec());
        files
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_at_hand_the_result_is_the_published_tree(
        old in any_files(),
        new in any_files(),
        damaged in vec(any::<prop::sample::Index>(), 0..3),
        fails_after in 0_usize..4,
        piece in 0_usize..4,
        clones: bool,
    ) {
        // A bundle that is installed is not assembled again.
        prop_assume!(old != new);
        let (device, net) = (Device::new(), Net::default());
        device.files.clones.store(clones, Ordering::Relaxed);
        let (first, _) = update_to(&device, &net, &old, 1);
        let folder = device.open().folder(&first);
        let paths: Vec<&String> = old.keys().collect();
        for index in damaged {
            fs::write(folder.join(index.get(&paths)), "damaged").unwrap();
        }
        let published = Publisher::plain(&device).release_of_files(&new, "2", 2);
        let store = device.open();
        let list = FileList::of_written(&store.storage.listed_files(&first).unwrap().unwrap());
        let lists = [list, FileList::parse(&published.files).unwrap()];
        let patch = (piece > 0).then_some((lists, piece));
        let way = Memory { fails_after, patch, ..Memory::of(&new) };
        let first_try = assemble(&store, &published, &[&way]).unwrap();
        let record = match first_try {
            Some((record, _)) => record,
            None => assemble(&store, &published, &[&Memory::of(&new)]).unwrap().unwrap().0,
        };
        prop_assert_eq!(read(&store.folder(&record.id)), new);
        prop_assert_eq!(store.verify_bundle(&record.id, &Control::new()).unwrap(), []);
    }
}
