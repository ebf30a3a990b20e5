//! No text of the repository uses a phrase that `tests/banned-words.txt` lists.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;

use capbundle_tests::peers::tests_folder;
use regex::{Regex, RegexBuilder};

use crate::repo::tracked_files;

/// One line of the list: a regular expression, a tab and what to write instead.
struct Banned {
    phrase: Regex,
    advice: String,
}

impl Banned {
    fn in_list() -> Vec<Self> {
        let list = fs::read_to_string(tests_folder().join("banned-words.txt")).unwrap();
        Self::parse(&list)
    }

    fn parse(list: &str) -> Vec<Self> {
        let lines = list
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        lines
            .map(|line| {
                let (phrase, advice) = line.split_once('\t').unwrap_or_else(|| panic!("no tab in {line:?}"));
                let phrase = RegexBuilder::new(phrase).case_insensitive(true).build();
                Self {
                    phrase: phrase.unwrap_or_else(|error| panic!("{line:?}: {error}")),
                    advice: advice.trim().to_owned(),
                }
            })
            .collect()
    }

    fn found_in<'a>(list: &'a [Self], file: &'a str, text: &'a str) -> impl Iterator<Item = String> + 'a {
        let lines = text.lines().enumerate().filter(|(_, line)| !is_of_a_vector(file, line));
        lines.flat_map(move |(number, line)| {
            list.iter().filter_map(move |banned| {
                let found = banned.phrase.find(line)?.as_str();
                Some(format!("{file}:{}: \"{found}\": {}", number + 1, banned.advice))
            })
        })
    }
}

#[test]
fn no_text_uses_a_banned_phrase() {
    let Some(files) = tracked_files() else { return };
    let list = Banned::in_list();
    let root = tests_folder().parent().unwrap();

    let found: Vec<String> = files
        .iter()
        .filter(|file| is_ours(file))
        .flat_map(|file| {
            let text = fs::read_to_string(root.join(file)).unwrap();
            Banned::found_in(&list, file, &text).collect::<Vec<_>>()
        })
        .collect();

    assert!(list.len() > 10, "tests/banned-words.txt lists {} phrases", list.len());
    assert!(
        found.is_empty(),
        "{} banned phrases:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn a_banned_phrase_is_found_with_its_place_and_advice() {
    let list = Banned::parse("# a comment\n\n\\blorem ipsum\\b\tdolor, sit\n");

    let found: Vec<String> = Banned::found_in(&list, "a.md", "Lorem.\nA Lorem Ipsum. Lorem ipsums.").collect();

    assert_eq!(found, ["a.md:2: \"Lorem Ipsum\": dolor, sit"]);
}

#[test]
fn the_reasons_of_vectors_may_use_banned_phrases_and_comments_may_not() {
    let list = Banned::parse("\\blorem\\b\tdolor\n");
    let text = "    \"lorem ipsum\",\n    // lorem";

    let found: Vec<String> = Banned::found_in(&list, "tests/src/vector/releases.rs", text).collect();

    assert_eq!(found, ["tests/src/vector/releases.rs:2: \"lorem\": dolor"]);
    assert_eq!(Banned::found_in(&list, "tests/src/vector.rs", text).count(), 2);
}

/// A line with a string in the sources of the vectors: the reasons of the vectors (`why:`) and their content are part
/// of the committed files, which do not change. Comments are checked.
fn is_of_a_vector(file: &str, line: &str) -> bool {
    file.starts_with("tests/src/vector/") && line.contains('"') && !line.trim_start().starts_with("//")
}

/// Whether a file was written in this project, not generated or copied.
fn is_ours(file: &str) -> bool {
    let extension = Path::new(file).extension().and_then(|extension| extension.to_str());
    let is_text = extension.is_some_and(|extension| ["rs", "md", "kt", "swift"].contains(&extension));
    let is_generated = file.to_lowercase().contains("generated/");
    is_text && !is_generated && !file.starts_with("tests/npm/")
}
