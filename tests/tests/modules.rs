//! No circles among the files of a package, nor among its modules: what a file uses can be read without reading the file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod graph;
mod source;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use capbundle_tests::peers::tests_folder;
use graph::Graph;
use source::Package;

/// Circles that are still to be untied, as sorted files of `core/src`. The list only ever shrinks.
const KNOWN_CIRCLES_OF_FILES: &[&[&str]] = &[
    &["bundle/archive.rs", "bundle/layout.rs"],
    &["bundle/check.rs", "bundle/check/code.rs"],
    &[
        "bundle/unpack.rs",
        "release/document.rs",
        "release/envelope.rs",
        "release/fields.rs",
        "release/files.rs",
        "release/ring.rs",
        "release/trust.rs",
        "seal/stream/opening.rs",
        "store/trust.rs",
        "store/types.rs",
        "verified.rs",
    ],
    &[
        "digest.rs",
        "error.rs",
        "progress.rs",
        "release/refusal.rs",
        "stages.rs",
    ],
    &["download.rs", "download/answer.rs", "download/part.rs"],
    &["keys.rs", "keys/pem.rs"],
    &["keys/der.rs", "keys/public.rs"],
    &[
        "publish/api/call.rs",
        "publish/api/channel.rs",
        "publish/api/mod.rs",
        "publish/api/pages.rs",
    ],
    &[
        "publish/external.rs",
        "publish/external/fetch.rs",
        "publish/external/probe.rs",
    ],
    &["publish/plan/promote.rs", "publish/plan/register.rs"],
    &["publish/put.rs", "publish/put/form.rs"],
    &[
        "publish/s3/ask.rs",
        "publish/s3/checksums.rs",
        "publish/s3/mod.rs",
        "publish/s3/problem.rs",
    ],
    &[
        "publish/s3/credentials.rs",
        "publish/s3/options.rs",
        "publish/s3/settings.rs",
        "publish/s3/settings/files.rs",
        "publish/s3/settings/sources.rs",
    ],
    &[
        "publish/s3/object.rs",
        "publish/s3/upload.rs",
        "publish/s3/upload/multipart.rs",
        "publish/s3/upload/plan.rs",
        "publish/s3/upload/unseen.rs",
    ],
    &[
        "publish/static_site/existing.rs",
        "publish/static_site/list.rs",
        "publish/static_site/mod.rs",
        "publish/static_site/proved.rs",
        "publish/static_site/ring.rs",
        "publish/static_site/signing.rs",
        "publish/static_site/state.rs",
    ],
    &["store/channel.rs", "store/channel/look.rs"],
    &[
        "store/install.rs",
        "store/launch.rs",
        "store/layout.rs",
        "store/mod.rs",
        "store/persist.rs",
        "store/refused.rs",
        "store/release.rs",
        "store/ring.rs",
        "store/session.rs",
        "store/staging.rs",
        "store/start.rs",
        "store/state.rs",
        "store/state/failures.rs",
        "store/state/launch.rs",
        "store/state/set_aside.rs",
    ],
];

/// The same for the modules at the top of `core/src`.
const KNOWN_CIRCLES_OF_MODULES: &[&[&str]] = &[&[
    "app_id",
    "bundle",
    "digest",
    "download",
    "error",
    "input",
    "keys",
    "output",
    "progress",
    "publish",
    "release",
    "seal",
    "stages",
    "store",
    "transport",
    "update",
    "verified",
]];

#[test]
fn no_files_of_the_core_form_a_circle() {
    assert_only_known(&CORE.files(), KNOWN_CIRCLES_OF_FILES);
}

#[test]
fn no_modules_of_the_core_form_a_circle() {
    assert_only_known(&CORE.top_modules(), KNOWN_CIRCLES_OF_MODULES);
}

static CORE: LazyLock<Package> = LazyLock::new(|| Package::read(&tests_folder().join("../core/src")));

fn assert_only_known(graph: &Graph, known: &[&[&str]]) {
    let found: BTreeSet<Vec<String>> = graph.circles().into_iter().collect();
    let known: BTreeSet<Vec<String>> = known
        .iter()
        .map(|circle| circle.iter().map(|&file| file.to_owned()).collect())
        .collect();
    let new: Vec<String> = found
        .difference(&known)
        .map(|circle| format!("{circle:?} is a new circle:\n{}", graph.shortest_circle_in(circle)))
        .collect();
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(
        new.is_empty(),
        "{}The known ones that are gone: {gone:#?}",
        new.concat()
    );
    assert!(
        gone.is_empty(),
        "no circles any more, take them off the list: {gone:#?}"
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
