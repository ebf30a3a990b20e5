//! Bundles that are assembled by a patch.

use super::*;

// The maker of patches, which devices do not link, and which its package checks.
#[allow(
    dead_code,
    clippy::pedantic,
    missing_docs,
    unfulfilled_lint_expectations,
    reason = "of another package"
)]
#[path = "../../../../publish/src/patch/encoder.rs"]
mod encoder;
#[allow(
    dead_code,
    clippy::pedantic,
    missing_docs,
    unfulfilled_lint_expectations,
    reason = "of another package"
)]
#[path = "../../../../publish/src/patch/matches.rs"]
mod matches;
#[allow(
    dead_code,
    clippy::pedantic,
    missing_docs,
    unfulfilled_lint_expectations,
    reason = "of another package"
)]
#[path = "../../../../publish/src/patch/parse.rs"]
mod parse;

/// Scripts of which the second version has a few changed words, under other names.
fn two_edited_versions() -> [Files; 2] {
    let version = |changed: &str| {
        let mut files = files(&[("index.html", changed), ("same.css", "style")]);
        for number in 0..4 {
            let lines = (0..400).map(|line| format!("let value{number}_{line} = compute({});\n", line * 7919 % 1009));
            let text = format!("// {changed}\n{}// {changed}\n", lines.collect::<String>());
            files.insert(format!("chunk{number}-{changed}.js"), text.into_bytes());
        }
        files
    };
    [version("one"), version("two")]
}

/// A patch between two releases.
fn patch_between([old, new]: [&Published; 2], [old_files, new_files]: [&Files; 2]) -> Vec<u8> {
    let lists = [old, new].map(|release| FileList::parse(&release.files).unwrap());
    let old_side = concatenation(old_files, &lists[0].files().iter().collect::<Vec<_>>());
    let new_side = concatenation(new_files, &new_side(&lists[0], &lists[1]));
    let header = PatchHeader {
        old_list: Sha256Digest::of(&old.files),
        new_list: Sha256Digest::of(&new.files),
        old_size: old_side.len() as u64,
        new_size: new_side.len() as u64,
    };
    let text = [&old_side[..], &new_side, &[0; matches::PADDING]].concat();
    [header.to_bytes().to_vec(), parse::encode(&text, old_side.len())].concat()
}

/// The same release with a patch, which is published. Returns its path as well.
fn with_patch(device: &Device, net: &Net, new: &Published, from: &Published, patch: &[u8]) -> (Published, String) {
    let mut identity = PatchIdentity {
        from: from.bundle().files_digest,
        size: patch.len() as u64,
        digest: Sha256Digest::of(patch),
        sealed: None,
    };
    let mut bytes = patch.to_vec();
    if new.bundle().sealed.is_some() {
        let (plain, to) = (device.beside("patch"), device.beside("patch.sealed"));
        fs::write(&plain, patch).unwrap();
        let recipients = options()
            .content_keys
            .iter()
            .map(|key| ContentKey::public(key).clone())
            .collect::<Vec<_>>();
        let sealing = sealed::Sealing {
            expected: &identity.digest,
            recipients: &recipients,
        };
        let sealed = sealed::seal(&plain, &to, &sealing, &Control::new()).unwrap();
        identity.sealed = Some(SealedIdentity {
            size: sealed.size,
            header_digest: sealed.header_digest,
        });
        bytes = fs::read(&to).unwrap();
    }
    let published = new.but(&[super::publisher::key(0)], |release| release.patches = vec![identity]);
    let (at, size) = paths::patch_of(&identity);
    assert_eq!(size, bytes.len() as u64);
    net.put(&at, &bytes);
    net.publish(&published);
    net.offer(Some(published.release.sequence), None);
    (published, at)
}

#[test]
fn a_patch_from_an_installed_bundle_is_all_that_is_downloaded_sealed_or_not() {
    for sealed in [false, true] {
        let (device, net) = (Device::new(), Net::default());
        let author = if sealed {
            Publisher::sealed(&device)
        } else {
            Publisher::plain(&device)
        };
        let [old, new] = two_edited_versions();
        let first = author.release_of_files(&old, "1", 1);
        net.publish(&first);
        net.offer(Some(1), None);
        update(&device.open(), &net);
        let second = author.release_of_files(&new, "2", 2);
        let patch = patch_between([&first, &second], [&old, &new]);
        let (second, at) = with_patch(&device, &net, &second, &first, &patch);
        net.requests();

        let update = update(&device.open(), &net);

        let record = super::channels::installed(&update);
        assert_eq!(read(&device.open().folder(&record.id)), new);
        let delivery = update.delivery.unwrap();
        assert_eq!((delivery.way, delivery.copied), (DeliveryWay::Patch, 5));
        assert_eq!(delivery.received, (net.came(&at) + second.files.len()) as u64);
        assert!(patch.len() * 10 < second.archive.len(), "{} bytes", patch.len());
        assert!(net.requests().iter().all(|path| !path.starts_with("archives/")));
        assert_eq!(device.names("downloads").len() + device.names("staging").len(), 0);
        assert!(device.open().take_warnings().is_empty());
    }
}

/// An installed release, its successor with the patch and the files of it, and the folder of the installed one.
fn installed_and_offered(device: &Device, net: &Net) -> (Published, Published, Vec<u8>, Files, PathBuf) {
    let author = Publisher::plain(device);
    let [old, new] = two_edited_versions();
    let first = author.release_of_files(&old, "1", 1);
    net.publish(&first);
    net.offer(Some(1), None);
    let record = update(&device.open(), net);
    let folder = device.open().folder(&super::channels::installed(&record).id);
    let second = author.release_of_files(&new, "2", 2);
    let patch = patch_between([&first, &second], [&old, &new]);
    (first, second, patch, new, folder)
}

#[test]
fn whatever_is_wrong_with_a_patch_the_update_comes_another_way() {
    type Wrong = fn(&mut Vec<u8>);
    let wrongs: [(&str, Wrong); 6] = [
        ("no patch", |patch| *patch = b"not a patch".to_vec()),
        ("cut", |patch| patch.truncate(HEADER_BYTES + 4)),
        ("flipped", |patch| patch[HEADER_BYTES + 4] ^= 1),
        ("from another list", |patch| patch[20] ^= 1),
        ("to another list", |patch| patch[60] ^= 1),
        ("a huge side", |patch| patch[90] ^= 1),
    ];
    for (name, wrong) in wrongs {
        let (device, net) = (Device::new(), Net::default());
        let (first, second, mut patch, new, _) = installed_and_offered(&device, &net);
        wrong(&mut patch);
        with_patch(&device, &net, &second, &first, &patch);
        let store = device.open();

        let update = update(&store, &net);

        let record = super::channels::installed(&update);
        assert_eq!(read(&store.folder(&record.id)), new, "{name}");
        assert_ne!(update.delivery.unwrap().way, DeliveryWay::Patch, "{name}");
        assert_eq!(store.take_warnings().len(), 1, "{name}");
        assert_eq!(device.names("downloads").len(), 0, "{name}");
    }
}

#[test]
fn a_patch_from_a_damaged_bundle_or_one_that_is_not_there_is_not_used() {
    type Wrong = fn(&Net, &str, &Path);
    let wrongs: [(&str, Wrong); 3] = [
        ("missing", |net, path, _| net.remove(path)),
        ("cut off", |net, path, _| net.cut(path, 50)),
        ("damaged", |_, _, folder| {
            let path = folder.join("chunk1-one.js");
            let text = fs::read_to_string(&path).unwrap().replace("value1_300", "value1_XXX");
            fs::write(path, text).unwrap();
        }),
    ];
    for (name, wrong) in wrongs {
        let (device, net) = (Device::new(), Net::default());
        let (first, second, patch, new, folder) = installed_and_offered(&device, &net);
        let (_, at) = with_patch(&device, &net, &second, &first, &patch);
        wrong(&net, &at, &folder);
        let store = device.open();

        let update = update(&store, &net);

        let record = super::channels::installed(&update);
        assert_eq!(read(&store.folder(&record.id)), new, "{name}");
        assert_ne!(update.delivery.unwrap().way, DeliveryWay::Patch, "{name}");
    }
}

#[test]
fn a_patch_writes_the_files_whose_contents_are_in_no_old_one_each_once() {
    let device = Device::new();
    let old = files(&[("index.html", "page"), ("a.js", "script")]);
    let new = files(&[
        ("again.js", "new"),
        ("empty.js", ""),
        ("index.html", "page"),
        ("moved.js", "script"),
        ("new.js", "new"),
        ("other.js", "other"),
    ]);
    let author = Publisher::plain(&device);
    let list = |files: &Files, sequence: u64| {
        let published = author.release_of_files(files, &sequence.to_string(), sequence);
        FileList::parse(&published.files).unwrap()
    };
    let (old_list, new_list) = (list(&old, 1), list(&new, 2));
    let (store, control) = (device.open(), Control::new());
    let tree = || {
        let root = device.beside("tree");
        let _ = fs::remove_dir_all(&root);
        let mut tree = AssemblyTree::new(&store.storage, root, new_list.files(), &control);
        tree.open().unwrap();
        tree
    };
    let written = |tree: &mut AssemblyTree<'_>, bytes: &[u8]| {
        let mut output = PatchOutput::new(tree, &new_side(&old_list, &new_list)).unwrap();
        let put = bytes.chunks(3).try_for_each(|piece| output.put(piece));
        put.and(output.finish()).map_err(|error| error.kind())
    };

    let mut whole = tree();
    assert_eq!(written(&mut whole, b"newother"), Ok(()));
    assert_eq!(
        read(whole.root()),
        files(&[("again.js", "new"), ("empty.js", ""), ("other.js", "other")])
    );
    assert_eq!(written(&mut whole, b"???other"), Ok(()), "what is there is skipped");
    assert_eq!(written(&mut tree(), b"newothe"), Err(ErrorKind::InvalidInput));
    assert_eq!(written(&mut tree(), b"newother!"), Err(ErrorKind::InvalidInput));
    let mut cut = tree();
    assert_eq!(written(&mut cut, b"newotheR"), Err(ErrorKind::DigestMismatch));
    assert_eq!(read(cut.root()), files(&[("again.js", "new"), ("empty.js", "")]));
}
