//! A bucket, or a folder of one, as it is or behind a CDN.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::storage::{self, Content, Item, LockGuard, Precondition, Sent, SiteStorage, Written};
use crate::error::Result;
use crate::s3;
use crate::s3::{Bucket, Put, Served, UploadOptions};
use capbundle::progress::Control;
use capbundle::release::paths::{CHANNELS, RELEASES};
use capbundle::time::Timestamp;

/// In the form of an entity tag, and none of a file with a byte in it.
const NO_MARK: &str = "\"00000000000000000000000000000000\"";

/// A folder of a bucket.
///
/// There is no lock: what two publishers must not both change is written under conditions (`If-None-Match`, `If-Match`), so
/// that the second one is refused. A store that knows no conditions is [not guarded](SiteStorage::is_guarded): whoever
/// publishes there sees to it that one job runs at a time.
#[derive(Debug)]
pub struct BucketSite {
    bucket: Bucket,
    /// Empty, or with a slash behind it.
    prefix: String,
    unguarded: AtomicBool,
}

impl BucketSite {
    /// The site below this prefix, which is a folder with or without slashes around it; empty for the bucket itself.
    #[must_use]
    pub fn new(bucket: Bucket, prefix: &str) -> Self {
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Self {
            bucket,
            prefix,
            unguarded: AtomicBool::new(false),
        }
    }

    fn key(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// What is stored decides, since an answer may have been lost after the work was done.
    fn is_there(&self, path: &str, bytes: &[u8], control: &Control) -> Result<bool> {
        let found = self
            .bucket
            .read_start(&self.key(path), bytes.len() as u64 + 1, control)?;
        Ok(found.is_some_and(|found| found.bytes == bytes))
    }

    /// A server may take a condition and not look at it, which only shows where one does not hold. Asked of a file that never
    /// changes, which the same bytes do not harm.
    fn supports_preconditions(&self, path: &str, bytes: &[u8], control: &Control) -> Result<bool> {
        for condition in [s3::Precondition::Absent, s3::Precondition::Unchanged(NO_MARK)] {
            let put = self
                .bucket
                .write(&self.key(path), bytes, served(path), condition, control)?;
            if put != Put::Refused {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl SiteStorage for BucketSite {
    fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket.name(), self.prefix)
            .trim_end_matches('/')
            .to_owned()
    }

    fn lock(&self, _: &Control) -> Result<LockGuard> {
        Ok(LockGuard::by_nothing())
    }

    fn read(&self, path: &str, limit: u64, control: &Control) -> Result<Option<Content>> {
        let found = self.bucket.read(&self.key(path), limit, control)?;
        Ok(found.map(|found| Content {
            bytes: found.bytes,
            mark: found.etag,
        }))
    }

    fn read_start(&self, path: &str, length: u64, control: &Control) -> Result<Option<Vec<u8>>> {
        let found = self.bucket.read_start(&self.key(path), length, control)?;
        Ok(found.map(|found| found.bytes))
    }

    fn head(&self, path: &str, control: &Control) -> Result<Option<Item>> {
        let found = self.bucket.head(&self.key(path), control)?;
        Ok(found.map(|object| Item {
            path: path.to_owned(),
            size: object.size,
            modified: object.modified.as_deref().and_then(http_date),
        }))
    }

    fn list(&self, folder: &str, control: &Control) -> Result<Vec<Item>> {
        let prefix = self.key(&format!("{folder}/"));
        let mut items = Vec::new();
        for object in self.bucket.list(&prefix, control) {
            let object = object?;
            // Consoles make objects that stand for folders.
            let Some(path) = object
                .key
                .strip_prefix(&self.prefix)
                .filter(|path| !path.ends_with('/'))
            else {
                continue;
            };
            items.push(Item {
                path: path.to_owned(),
                size: object.size,
                modified: object.modified.as_deref().and_then(iso_date),
            });
        }
        items.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(items)
    }

    fn write(&self, path: &str, bytes: &[u8], only_if: Precondition<'_>, control: &Control) -> Result<Written> {
        let condition = match only_if {
            Precondition::Absent => s3::Precondition::Absent,
            Precondition::Unchanged(Content { mark: Some(mark), .. }) => s3::Precondition::Unchanged(mark),
            Precondition::Unchanged(Content { mark: None, .. }) => s3::Precondition::Whatever,
        };
        let key = self.key(path);
        let mut put = self.bucket.write(&key, bytes, served(path), condition, control)?;
        if put == Put::NoConditions || condition == s3::Precondition::Whatever {
            self.unguarded.store(true, Ordering::Relaxed);
        }
        if put == Put::NoConditions {
            // The next best: what can be seen before is seen.
            let holds = match only_if {
                Precondition::Absent => self.head(path, control)?.is_none(),
                Precondition::Unchanged(before) => self.is_there(path, &before.bytes, control)?,
            };
            put = if holds {
                self.bucket
                    .write(&key, bytes, served(path), s3::Precondition::Whatever, control)?
            } else {
                Put::Refused
            };
        }
        if put == Put::Refused {
            // A channel file is what was written if it has these bytes. Of any other file that was there, whoever writes it
            // lets the age start anew, and so must know.
            let is_channel = path.starts_with(CHANNELS);
            if !self.is_there(path, bytes, control)? || (condition == s3::Precondition::Absent && !is_channel) {
                return Ok(Written::Changed);
            }
        }
        let tells = path.starts_with(RELEASES) && condition == s3::Precondition::Absent;
        if tells && self.is_guarded() && !self.supports_preconditions(path, bytes, control)? {
            self.unguarded.store(true, Ordering::Relaxed);
        }
        Ok(Written::Done)
    }

    fn put_file(&self, path: &str, file: &Path, control: &Control) -> Result<Sent> {
        let mut options = UploadOptions::default();
        storage::content_type(path).clone_into(&mut options.content_type);
        options.cache_control = Some(storage::cache_control(path).to_owned());
        let uploaded = self.bucket.upload(file, &self.key(path), &options, control)?;
        if !uploaded.already_there {
            return Ok(Sent::Now);
        }
        self.touch(path, control)?;
        Ok(Sent::Before)
    }

    fn touch(&self, path: &str, control: &Control) -> Result<bool> {
        self.bucket.renew(&self.key(path), control)
    }

    fn delete(&self, path: &str, control: &Control) -> Result<()> {
        self.bucket.delete(&self.key(path), control)
    }

    fn is_guarded(&self) -> bool {
        !self.unguarded.load(Ordering::Relaxed)
    }
}

fn served(path: &str) -> Served<'static> {
    Served::new(storage::content_type(path), storage::cache_control(path))
}

/// As a head has it.
fn http_date(text: &str) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp(since.as_secs()))
}

/// As a list has it.
fn iso_date(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.trim().parse().ok()?;
    u64::try_from(time.as_second()).ok().map(Timestamp)
}
