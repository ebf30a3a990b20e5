//! A site in memory that fails after a given number of changes, and calls a check after each one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Mutex;

use super::super::storage::{Content, Item, LockGuard, PutOutcome, SiteStorage, WriteCondition, WriteOutcome};
use crate::error::{Error, Result};
use capbundle::progress::Control;
use capbundle::time::Timestamp;

type Files = BTreeMap<String, (Vec<u8>, Timestamp)>;
type Look = Box<dyn Fn(&Memory) + Send + Sync>;

#[derive(Default)]
pub(in crate::site) struct Memory {
    inner: Mutex<Inner>,
    look: Option<Look>,
}

#[derive(Default)]
struct Inner {
    files: Files,
    now: Timestamp,
    changes: usize,
    /// After this many changes every operation fails.
    dies_after: Option<usize>,
    dead: bool,
    /// Files below this folder are stored, but reported as refused.
    unconfirmed: Option<&'static str>,
}

impl Memory {
    /// A site that calls `look` after each change.
    pub(in crate::site) fn watched(look: impl Fn(&Self) + Send + Sync + 'static) -> Self {
        Self {
            inner: Mutex::default(),
            look: Some(Box::new(look)),
        }
    }

    /// A copy without the check.
    pub(in crate::site) fn copied(other: &Self) -> Self {
        let copy = Self::watched(|_| {});
        let (files, now) = {
            let inner = other.inner.lock().unwrap();
            (inner.files.clone(), inner.now)
        };
        let mut inner = copy.inner.lock().unwrap();
        (inner.files, inner.now) = (files, now);
        drop(inner);
        copy
    }

    pub(in crate::site) fn at(self, now: u64) -> Self {
        self.set_time(now);
        self
    }

    pub(in crate::site) fn set_time(&self, now: u64) {
        self.inner.lock().unwrap().now = Timestamp(now);
    }

    /// The process dies after this many more changes.
    pub(in crate::site) fn dies_after(&self, changes: usize) {
        let mut inner = self.inner.lock().unwrap();
        inner.changes = 0;
        inner.dies_after = Some(changes);
    }

    /// Starts a new process. Returns whether the previous one died.
    pub(in crate::site) fn revives(&self) -> bool {
        let mut inner = self.inner.lock().unwrap();
        inner.dies_after = None;
        std::mem::take(&mut inner.dead)
    }

    /// From now on, files below this folder are stored, but reading them back is denied.
    pub(in crate::site) fn confirms_nothing_below(&self, folder: &'static str) {
        self.inner.lock().unwrap().unconfirmed = Some(folder);
    }

    fn confirm<T>(&self, path: &str, done: T) -> Result<T> {
        let folder = self.inner.lock().unwrap().unconfirmed;
        if folder.is_some_and(|folder| path.starts_with(folder)) {
            return Err(Error::Core(capbundle::Error::Server {
                url: path.to_owned(),
                status: 403,
                problem: "access denied".to_owned(),
            }));
        }
        Ok(done)
    }

    pub(in crate::site) fn paths(&self) -> Vec<String> {
        self.inner.lock().unwrap().files.keys().cloned().collect()
    }

    /// The bytes that a web server serves.
    pub(in crate::site) fn served(&self, path: &str) -> Option<Vec<u8>> {
        self.inner
            .lock()
            .unwrap()
            .files
            .get(path)
            .map(|(bytes, _)| bytes.clone())
    }

    pub(in crate::site) fn set(&self, path: &str, bytes: &[u8]) {
        let mut inner = self.inner.lock().unwrap();
        let now = inner.now;
        inner.files.insert(path.to_owned(), (bytes.to_vec(), now));
    }

    pub(in crate::site) fn remove(&self, path: &str) {
        self.inner.lock().unwrap().files.remove(path);
    }

    fn read_with<T>(&self, read: impl FnOnce(&Inner) -> T) -> Result<T> {
        let inner = self.inner.lock().unwrap();
        if inner.dead { Err(died()) } else { Ok(read(&inner)) }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Files, Timestamp) -> T) -> Result<T> {
        let changed = {
            let mut inner = self.inner.lock().unwrap();
            if inner.dies_after == Some(inner.changes) {
                inner.dead = true;
            }
            if inner.dead {
                return Err(died());
            }
            inner.changes += 1;
            let now = inner.now;
            change(&mut inner.files, now)
        };
        if let Some(look) = &self.look {
            look(self);
        }
        Ok(changed)
    }
}

fn died() -> Error {
    Error::Core(capbundle::Error::Io {
        operation: "publish",
        path: "memory".into(),
        source: std::io::Error::other("the process died"),
    })
}

impl SiteStorage for Memory {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn lock(&self, _: &Control) -> Result<LockGuard> {
        Ok(LockGuard::by_nothing())
    }

    fn read(&self, path: &str, limit: u64, _: &Control) -> Result<Option<Content>> {
        let bytes = self.read_with(|inner| inner.files.get(path).map(|(bytes, _)| bytes.clone()))?;
        assert!(bytes.as_ref().is_none_or(|bytes| bytes.len() as u64 <= limit));
        Ok(bytes.map(|bytes| Content { bytes, mark: None }))
    }

    fn read_start(&self, path: &str, length: u64, control: &Control) -> Result<Option<Vec<u8>>> {
        let content = self.read(path, u64::MAX, control)?;
        Ok(content.map(|content| {
            content
                .bytes
                .into_iter()
                .take(usize::try_from(length).unwrap())
                .collect()
        }))
    }

    fn head(&self, path: &str, _: &Control) -> Result<Option<Item>> {
        self.read_with(|inner| inner.files.get(path).map(|file| item(path, file)))
    }

    fn list(&self, folder: &str, _: &Control) -> Result<Vec<Item>> {
        let prefix = format!("{folder}/");
        self.read_with(|inner| {
            let below = inner.files.iter().filter(|(path, _)| path.starts_with(&prefix));
            below.map(|(path, file)| item(path, file)).collect()
        })
    }

    fn write(&self, path: &str, bytes: &[u8], only_if: WriteCondition<'_>, _: &Control) -> Result<WriteOutcome> {
        self.change(|files, now| {
            let found = files.get(path).map(|(bytes, _)| bytes);
            let holds = match only_if {
                WriteCondition::Absent => found.is_none(),
                WriteCondition::Unchanged(before) => found == Some(&before.bytes),
            };
            if !holds {
                return WriteOutcome::Changed;
            }
            files.insert(path.to_owned(), (bytes.to_vec(), now));
            WriteOutcome::Done
        })
        .and_then(|written| self.confirm(path, written))
    }

    fn put_file(&self, path: &str, file: &Path, _: &Control) -> Result<PutOutcome> {
        let bytes = std::fs::read(file).unwrap();
        self.change(|files, now| match files.insert(path.to_owned(), (bytes.clone(), now)) {
            None => PutOutcome::Now,
            Some((before, _)) => {
                assert_eq!(before, bytes, "{path} was another file");
                PutOutcome::Before
            }
        })
        .and_then(|sent| self.confirm(path, sent))
    }

    fn touch(&self, path: &str, _: &Control) -> Result<bool> {
        self.change(|files, now| files.get_mut(path).map(|file| file.1 = now).is_some())
    }

    fn delete(&self, path: &str, _: &Control) -> Result<()> {
        self.change(|files, _| {
            files.remove(path);
        })
    }

    fn is_guarded(&self) -> bool {
        true
    }
}

fn item(path: &str, (bytes, modified): &(Vec<u8>, Timestamp)) -> Item {
    Item {
        path: path.to_owned(),
        size: bytes.len() as u64,
        modified: Some(*modified),
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.paths()).finish()
    }
}
