//! The corpora of the interop, memory and comparison tests match their recipes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use capbundle_tests::corpus::Corpus;
use capbundle_tests::peers::Listing;

#[test]
fn every_corpus_matches_its_recipe() {
    for corpus in Corpus::ALL {
        let Some(folder) = corpus.folder() else { return };
        assert!(folder.join("index.html").is_file());
        assert!(!Listing::of_folder(&folder).is_empty());
    }
}
