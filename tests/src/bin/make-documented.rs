//! Generates `docs/documented.md`.
#![allow(clippy::expect_used, reason = "a program for developers")]

use capbundle_tests::documented::{page, root};

fn main() {
    std::fs::write(root().join("docs/documented.md"), page()).expect("the page is written");
}
