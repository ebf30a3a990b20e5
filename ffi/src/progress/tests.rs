#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;

use super::*;
use crate::digest::sha256_of_file;

/// Records every update and throws at one of them.
struct Spy {
    seen: Mutex<Vec<ProgressUpdate>>,
    throws_at: Option<usize>,
}

impl Spy {
    fn new(throws_at: Option<usize>) -> Arc<Self> {
        let seen = Mutex::default();
        Arc::new(Self { seen, throws_at })
    }
}

impl ProgressObserver for Spy {
    fn on_progress(&self, progress: ProgressUpdate) -> Result<(), CallbackError> {
        let mut seen = self.seen.lock().unwrap();
        seen.push(progress);
        if self.throws_at == Some(seen.len()) {
            let reason = "the screen is gone".to_owned();
            return Err(CallbackError::Failed { reason });
        }
        Ok(())
    }
}

fn file_of(size: usize) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), vec![7; size]).unwrap();
    file
}

fn hash(file: &tempfile::NamedTempFile, cancel: Option<Arc<CancelToken>>, spy: Option<Arc<Spy>>) -> Result<String> {
    sha256_of_file(file.path().to_str().unwrap(), cancel, spy.map(|spy| spy as _))
}

#[test]
fn progress_arrives_and_ends_at_the_total() {
    let (file, spy) = (file_of(5 << 20), Spy::new(None));
    hash(&file, None, Some(Arc::clone(&spy))).unwrap();
    let seen = spy.seen.lock().unwrap();
    assert!(seen.len() >= 5, "{seen:?}");
    let last = seen.last().unwrap();
    assert_eq!((last.phase, last.done, last.total), (Phase::Hash, 5 << 20, 5 << 20));
}

#[test]
fn an_observer_that_throws_stops_the_operation_with_its_reason() {
    let (file, spy) = (file_of(64 << 20), Spy::new(Some(2)));
    let error = hash(&file, None, Some(Arc::clone(&spy))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Callback);
    assert_eq!(error.to_string(), "the progress observer threw: the screen is gone");
    assert_eq!(spy.seen.lock().unwrap().len(), 2, "the observer was called again");
}

#[test]
fn an_observer_that_throws_does_not_cancel_the_token_of_the_host() {
    let (file, token) = (file_of(4 << 20), CancelToken::new());
    hash(&file, Some(Arc::clone(&token)), Some(Spy::new(Some(1)))).unwrap_err();
    assert!(!token.is_cancelled());
    hash(&file, Some(token), None).unwrap();
}

#[test]
fn a_cancelled_token_stops_the_operation() {
    let (file, token) = (file_of(4 << 20), CancelToken::new());
    token.cancel();
    let error = hash(&file, Some(token), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}
