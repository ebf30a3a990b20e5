#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;

use tempfile::TempDir;

use super::*;

struct Places {
    home: TempDir,
    folder: TempDir,
}

impl Places {
    fn new(in_home: Option<&str>, in_folder: Option<&str>) -> Self {
        let places = Self {
            home: tempfile::tempdir().unwrap(),
            folder: tempfile::tempdir().unwrap(),
        };
        for (folder, text) in [(&places.home, in_home), (&places.folder, in_folder)] {
            if let Some(text) = text {
                fs::write(folder.path().join(".capgo"), text).unwrap();
            }
        }
        places
    }

    fn find(&self, variable: Option<&str>) -> Result<Option<String>> {
        let found = ApiKey::find_in(variable.map(str::to_owned), Some(self.home.path()), self.folder.path())?;
        Ok(found.map(|key| key.secret().to_owned()))
    }
}

#[test]
fn a_key_is_searched_in_the_places_and_order_of_capgo() {
    let both = Places::new(Some("of-home\n"), Some("of-folder"));
    assert_eq!(both.find(Some(" of-variable ")).unwrap().unwrap(), "of-variable");
    assert_eq!(both.find(Some(" ")).unwrap().unwrap(), "of-home");
    assert_eq!(both.find(None).unwrap().unwrap(), "of-home");
    assert_eq!(
        Places::new(None, Some("of-folder\r\n")).find(None).unwrap().unwrap(),
        "of-folder"
    );
    assert_eq!(
        Places::new(Some("\n"), Some("of-folder")).find(None).unwrap().unwrap(),
        "of-folder"
    );
    assert_eq!(Places::new(None, None).find(None).unwrap(), None);
}

#[test]
fn an_explicit_key_takes_precedence_and_must_be_valid() {
    let places = Places::new(None, Some("of-folder"));
    let find = |given: &str| ApiKey::find(Some(given.to_owned()), places.folder.path());
    assert_eq!(find("given").unwrap().unwrap().secret(), "given");
    for wrong in ["", " ", "two words", "line\nbreak", "clé"] {
        let error = find(wrong).unwrap_err();
        assert_eq!(error.kind(), capbundle::ErrorKind::InvalidInput, "{wrong}");
        assert!(wrong.len() < 2 || !error.to_string().contains(wrong), "{error}");
    }
}

#[test]
fn a_file_with_an_invalid_key_is_an_error_that_names_it() {
    for text in ["two words".to_owned(), "x".repeat(5_000)] {
        let error = Places::new(None, Some(&text)).find(None).unwrap_err().to_string();
        assert!(error.contains(".capgo") && !error.contains(&text), "{error}");
    }
    let places = Places::new(None, None);
    fs::write(places.folder.path().join(".capgo"), [0xff, 0xfe]).unwrap();
    assert!(places.find(None).unwrap_err().to_string().contains("not valid Unicode"));
    let places = Places::new(None, None);
    fs::create_dir(places.home.path().join(".capgo")).unwrap();
    assert!(places.find(None).unwrap_err().to_string().contains("found a folder"));
}

#[test]
fn a_key_is_never_printed() {
    let key = ApiKey::new("secret").unwrap();
    assert_eq!(format!("{key:?}"), "ApiKey(from given)");
}
