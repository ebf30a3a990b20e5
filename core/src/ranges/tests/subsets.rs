//! Any subset of the files of any archive equals its content.

use proptest::prelude::*;

use super::super::*;
use super::case::{Case, noise, text};

fn content(seed: u64, size: usize, shrinks: bool) -> Vec<u8> {
    if shrinks { text(seed, size) } else { noise(seed, size) }
}

fn tree() -> impl Strategy<Value = Vec<(String, Vec<u8>, bool)>> {
    let size = prop_oneof![0..200_usize, 0..5_000_usize, 0..100_000_usize];
    let file = (0..40_u8, any::<u64>(), size, any::<bool>(), any::<bool>());
    prop::collection::vec(file, 1..12).prop_map(|files| {
        let file = |(name, seed, size, shrinks, wanted)| {
            let path = format!("folder{}/file-{name}.js", name % 3);
            (path, content(seed, size, shrinks), wanted)
        };
        let mut files: Vec<_> = files.into_iter().map(file).collect();
        files.sort();
        files.dedup_by(|one, other| one.0 == other.0);
        files
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_subset_of_the_files_of_any_archive_equals_its_content(tree in tree(), seals in any::<bool>()) {
        let files: Vec<_> = tree.iter().map(|(path, bytes, _)| (path.as_str(), bytes.clone())).collect();
        let mut case = Case::new(&files);
        if seals {
            case = case.sealed();
        }
        let wanted: Vec<_> = tree.iter().filter(|(_, _, wanted)| *wanted).map(|(path, _, _)| path.as_str()).collect();
        case.expect(&case.server(), &wanted);
    }
}

#[test]
fn one_file_of_a_plain_archive_costs_its_entry_and_the_directory() {
    let case = Case::new(&[
        ("a.js", noise(1, 300_000)),
        ("b.js", noise(2, 500_000)),
        ("c.js", noise(3, 300_000)),
    ]);
    let traffic = case.expect(&case.server(), &["b.js"]);
    assert_eq!(traffic.requests, 2);
    let entry = 30 + 4 + 500_000;
    assert!((entry..entry + 1_000).contains(&traffic.bytes), "{}", traffic.bytes);
}

#[test]
fn one_file_of_a_sealed_archive_costs_its_segments_the_last_one_and_the_header() {
    let case = Case::new(&[
        ("a.js", noise(1, 300_000)),
        ("b.js", noise(2, 500_000)),
        ("c.js", noise(3, 300_000)),
    ])
    .sealed();
    let traffic = case.expect(&case.server(), &["b.js"]);
    assert_eq!(traffic.requests, 3);
    let most = 500_000 + 3 * 65_552 + 400;
    assert!((500_000..most).contains(&traffic.bytes), "{}", traffic.bytes);
}

#[test]
fn files_beside_each_other_are_fetched_with_one_request() {
    let names: Vec<String> = (0..50).map(|number| format!("chunk-{number:02}.js")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), noise(1, 5_000))).collect();
    let case = Case::new(&files);
    let wanted: Vec<_> = names.iter().skip(10).take(20).map(String::as_str).collect();
    assert_eq!(case.expect(&case.server(), &wanted).requests, 2);
}

#[test]
fn nothing_wanted_costs_nothing_beside_the_directory() {
    let case = Case::new(&[("a.js", text(1, 10_000))]);
    assert_eq!(case.expect(&case.server(), &[]).requests, 1);
}

#[test]
fn an_entry_larger_than_memory_allows_goes_through_a_file() {
    for case in [
        Case::new(&[("a.bin", noise(1, 1_200_000))]),
        Case::new(&[("a.bin", noise(1, 1_200_000))]).sealed(),
    ] {
        case.expect(&case.server(), &["a.bin"]);
    }
}

#[test]
fn the_estimate_needs_no_request_and_is_close() {
    let case = Case::new(&[("a.js", noise(1, 100_000)), ("b.js", noise(2, 100_000))]);
    let work = case.folder.path().to_path_buf();
    let wanted = case.wanted(&["b.js"]);
    let estimated = case.request(&[], &work).estimated_bytes(&wanted);
    let traffic = case.expect(&case.server(), &["b.js"]);
    assert!(
        estimated.abs_diff(traffic.bytes) < 2_000,
        "{estimated} {}",
        traffic.bytes
    );
}

#[test]
fn most_of_an_archive_is_not_worth_its_ranges() {
    let case = Case::new(&[("a.js", noise(1, 100_000)), ("b.js", noise(2, 20_000))]);
    let (server, work) = (case.server(), case.folder.path().to_path_buf());
    let archive = RangedArchive::open(&server, case.request(&[], &work), &Control::new()).unwrap();
    let is_most = |paths: &[&str]| archive.cost(&case.wanted(paths)).unwrap().is_most_of_archive();
    assert_eq!((is_most(&["a.js"]), is_most(&["b.js"])), (true, false));
}
