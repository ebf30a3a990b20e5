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

#[test]
fn no_files_of_the_core_form_a_circle() {
    assert_no_circle(&CORE.files());
}

#[test]
fn no_modules_of_the_core_form_a_circle() {
    assert_no_circle(&CORE.top_modules());
}

#[test]
fn no_files_of_publishing_form_a_circle() {
    assert_no_circle(&PUBLISH.files());
}

#[test]
fn no_modules_of_publishing_form_a_circle() {
    assert_no_circle(&PUBLISH.top_modules());
}

fn assert_no_circle(graph: &Graph) {
    let circles = graph.circles().into_iter().map(|circle| {
        let members = BTreeSet::from_iter(circle);
        format!("{members:?} is a circle:\n{}", graph.shortest_circle_in(&members))
    });
    let circles: Vec<String> = circles.collect();
    assert!(circles.is_empty(), "{}", circles.concat());
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
