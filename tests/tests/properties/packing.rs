//! Packing is lossless and depends only on names and content.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

use capbundle::Limits;
use capbundle::bundle::{FindingCode, inspect, pack};
use capbundle::progress::Control;
use capbundle_tests::tree::Tree;
use proptest::prelude::*;

use super::strategies::{Workspace, cases, noise, pack_options, trees};

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn packing_then_unpacking_gives_the_same_tree(tree in trees()) {
        let workspace = Workspace::with(&tree);
        workspace.pack(2);
        workspace.unpack(&Control::new()).unwrap();
        prop_assert!(workspace.unpacked() == tree);
    }

    #[test]
    fn inspecting_finds_all_packed_files(tree in trees()) {
        let workspace = Workspace::with(&tree);
        workspace.pack(2);
        let inspection = inspect(&workspace.path("out/bundle.zip"), &Limits::default()).unwrap();
        prop_assert_eq!(inspection.files.len(), tree.files());
        prop_assert_eq!(inspection.unpacked_size, tree.size() as u64);
        prop_assert!(inspection.findings.iter().all(|finding| !finding.is_error()));
    }

    #[test]
    fn the_same_names_and_bytes_give_the_same_archive(tree in trees(), age in 0..2_000_000_000_u64) {
        let (here, there) = (Workspace::with(&tree), Workspace::with(&tree));
        change_times_and_modes(&there.path("web"), age);
        let packed = here.pack(1);
        for threads in [1, 2, 3, 8] {
            prop_assert!(there.pack(threads) == packed, "{} threads", threads);
        }
    }
}

#[test]
fn thousands_of_files_survive_a_round_trip() {
    let tree = (0..5_000).fold(Tree::bundle(), |tree, number| {
        let path = format!("assets/{}/chunk-{number}.js", number % 37);
        tree.with_file(
            &path,
            format!("export const number = {number};\n")
                .repeat(number % 50)
                .as_bytes(),
        )
    });
    let workspace = Workspace::with(&tree);
    workspace.pack(2);
    workspace.unpack(&Control::new()).unwrap();
    assert!(workspace.unpacked() == tree);
}

#[test]
fn paths_at_the_limits_survive_a_round_trip() {
    let deepest = "a/".repeat(63) + "a.txt";
    let longest = format!("{}/", "b".repeat(99)).repeat(10) + &"c".repeat(24);
    let tree = Tree::bundle()
        .with_file(&deepest, b"deep")
        .with_file(&longest, b"long")
        .with_file(&"d".repeat(255), b"wide")
        .with_file(&"\u{1f680}".repeat(63), b"wide in bytes");
    let workspace = Workspace::with(&tree);
    workspace.pack(2);
    workspace.unpack(&Control::new()).unwrap();
    assert!(workspace.unpacked() == tree);
}

/// The longest path of a folder: the name of its entry is one byte longer, because of the slash.
#[test]
fn an_empty_folder_at_the_limits_survives_a_round_trip() {
    let longest = format!("{}/", "b".repeat(99)).repeat(10) + &"c".repeat(24);
    let tree = Tree::bundle()
        .with_folder(&longest)
        .with_folder("e/".repeat(64).trim_end_matches('/'));
    let workspace = Workspace::with(&tree);
    workspace.pack(2);
    workspace.unpack(&Control::new()).unwrap();
    assert!(workspace.unpacked() == tree);
}

#[test]
fn large_files_survive_a_round_trip() {
    let text = b"the quick brown fox jumps over the lazy dog. ".repeat(200_000);
    let tree = Tree::bundle()
        .with_file("large.txt", &text)
        .with_file("large.bin", &noise(9_000_000, 7));
    let workspace = Workspace::with(&tree);
    let packed = workspace.pack(1);
    assert!(workspace.pack(3) == packed);
    workspace.unpack(&Control::new()).unwrap();
    assert!(workspace.unpacked() == tree);
}

/// Unpacking must accept every bundle that is packed without a warning.
#[test]
fn packing_warns_about_a_bundle_that_devices_refuse() {
    let workspace = Workspace::with(&Tree::bundle().with_file("sparse.bin", &vec![0; (16 << 20) + 1]));
    let packed = pack(
        &workspace.path("web"),
        &workspace.path("out/bundle.zip"),
        &pack_options(2),
        &Control::new(),
    )
    .unwrap();
    let warned = packed
        .findings
        .iter()
        .any(|finding| finding.code == FindingCode::OverDeviceLimit);
    assert!(
        warned || workspace.unpack(&Control::new()).is_ok(),
        "packed without a warning, refused when unpacked"
    );
}

/// Changes the times and permissions of all files in `folder`.
fn change_times_and_modes(folder: &Path, age: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(age);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            change_times_and_modes(&path, age);
        }
        File::open(&path).unwrap().set_modified(time).unwrap();
        set_mode(&path, if age.is_multiple_of(2) { 0o700 } else { 0o777 });
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) {}
