//! No circles among the files of a package, nor among its modules: what a file uses can be read without reading the file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod graph;
mod source;

use std::collections::BTreeSet;

use capbundle_tests::peers::tests_folder;
use graph::Graph;
use source::Package;

/// Circles that are still to be untied, as sorted files of `core/src`. The list only ever shrinks.
const KNOWN_CIRCLES_OF_FILES: &[&[&str]] = &[];

/// The same for the modules at the top of `core/src`.
const KNOWN_CIRCLES_OF_MODULES: &[&[&str]] = &[];

#[test]
fn no_files_of_the_core_form_a_circle() {
    assert_only_known(&core().files(), KNOWN_CIRCLES_OF_FILES);
}

#[test]
fn no_modules_of_the_core_form_a_circle() {
    assert_only_known(&core().top_modules(), KNOWN_CIRCLES_OF_MODULES);
}

fn core() -> Package {
    Package::read(&tests_folder().join("../core/src"))
}

fn assert_only_known(graph: &Graph, known: &[&[&str]]) {
    let found: BTreeSet<Vec<String>> = graph.circles().into_iter().collect();
    let known: BTreeSet<Vec<String>> = known
        .iter()
        .map(|circle| circle.iter().map(|&file| file.to_owned()).collect())
        .collect();
    for circle in found.difference(&known) {
        eprintln!("{circle:?}, among others by\n{}", graph.shortest_circle_in(circle));
    }
    for circle in known.difference(&found) {
        eprintln!("{circle:?} is no circle any more: take it off the list");
    }
    assert!(found == known, "the circles differ from the known ones: see above");
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
