//! Neither the files nor the modules of a package form a circle, so each file can be read before the files that use it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod graph;
mod source;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use capbundle_tests::peers::tests_folder;
use graph::Graph;
use source::Package;

static CORE: LazyLock<Package> = LazyLock::new(|| Package::read(&tests_folder().join("../core/src")));
static PUBLISH: LazyLock<Package> = LazyLock::new(|| Package::read(&tests_folder().join("../core/publish/src")));

/// Circles that are still to be untied, as sorted files of `core/src`. The list only ever shrinks.
const KNOWN_IN_CORE: &[&[&str]] = &[];

/// The same for `core/publish/src`.
const KNOWN_IN_PUBLISH: &[&[&str]] = &[
];

/// The same for the modules at the top of `core/publish/src`.
const KNOWN_MODULES_OF_PUBLISH: &[&[&str]] = &[];

#[test]
fn no_files_of_the_core_form_a_circle() {
    assert_only_known(&CORE.files(), KNOWN_IN_CORE);
}

#[test]
fn no_modules_of_the_core_form_a_circle() {
    assert_only_known(&CORE.top_modules(), &[]);
}

#[test]
fn no_files_of_publishing_form_a_circle() {
    assert_only_known(&PUBLISH.files(), KNOWN_IN_PUBLISH);
}

#[test]
fn no_modules_of_publishing_form_a_circle() {
    assert_only_known(&PUBLISH.top_modules(), KNOWN_MODULES_OF_PUBLISH);
}

/// A known circle may have become smaller.
fn assert_only_known(graph: &Graph, known: &[&[&str]]) {
    let found: Vec<BTreeSet<String>> = graph.circles().into_iter().map(BTreeSet::from_iter).collect();
    let known: Vec<BTreeSet<String>> = known
        .iter()
        .map(|circle| circle.iter().map(|&file| file.to_owned()).collect())
        .collect();
    let new: Vec<String> = found
        .iter()
        .filter(|circle| !known.iter().any(|known| circle.is_subset(known)))
        .map(|circle| format!("{circle:?} is a new circle:\n{}", graph.shortest_circle_in(circle)))
        .collect();
    let gone: Vec<_> = known
        .iter()
        .filter(|known| !found.iter().any(|circle| circle.is_subset(known)))
        .collect();
    assert!(
        new.is_empty(),
        "{}Known circles that no longer exist: {gone:#?}",
        new.concat()
    );
    assert!(
        gone.is_empty(),
        "no longer circles, remove them from the list: {gone:#?}"
    );
}

#[test]
fn a_circle_is_found_through_re_exports_and_braces() {
    let package = Package::of_sources(&[
        ("lib.rs", "pub mod store;\nmod time;\npub use store::Store;"),
        (
            "store/mod.rs",
            "mod record;\npub use record::Record;\npub struct Store;",
        ),
        (
            "store/record.rs",
            "use crate::{time::{self, Clock}, Limits};\npub struct Record;",
        ),
        ("time.rs", "pub struct Clock;\nfn of(record: &crate::store::Record) {}"),
    ]);

    let circles = package.files().circles();

    assert_eq!(circles, [["store/record.rs", "time.rs"]]);
    assert_eq!(package.top_modules().circles(), [["store", "time"]]);
}

#[test]
fn a_module_that_only_re_exports_and_its_tests_form_no_circle() {
    let package = Package::of_sources(&[
        ("lib.rs", "mod store;\nmod time;"),
        (
            "store.rs",
            "mod record;\n#[cfg(test)]\nmod tests;\npub use record::Record;\npub const LIMIT: u32 = 1;",
        ),
        (
            "store/record.rs",
            "use super::LIMIT;\n// crate::time::of\npub struct Record;",
        ),
        ("store/tests.rs", "use super::*;\nuse crate::time;"),
        (
            "time.rs",
            "use crate::store::Record;\n#[cfg(test)]\nmod tests { use crate::time::*; }",
        ),
    ]);

    assert_eq!(package.files().circles(), [[""; 0]; 0]);
    assert_eq!(package.top_modules().circles(), [[""; 0]; 0]);
}
