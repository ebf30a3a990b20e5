#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::sync::Mutex;

use super::*;
use crate::error::{CallbackError, ErrorKind};
use crate::log::LogLevel;

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl LogObserver for Lines {
    fn on_log(&self, level: LogLevel, message: String) -> Result<(), CallbackError> {
        self.0.lock().unwrap().push(format!("{level:?} {message}"));
        Ok(())
    }
}

#[test]
fn a_panic_is_logged_and_returned() {
    let folder = tempfile::tempdir().unwrap();
    let lines = Arc::new(Lines::default());
    let store = Store {
        store: Arc::new(core::Store::open(folder.path(), core::StoreOptions::default()).unwrap()),
        log: Log::to(Some(Arc::clone(&lines) as _)),
    };

    let error = store.run("launch", |_| -> Result<()> { panic!("a burst pipe") });

    assert_eq!(error.unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(
        *lines.0.lock().unwrap(),
        ["Warning launch: bug in capbundle, please report it: a burst pipe"]
    );
}
