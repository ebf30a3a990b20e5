//! A site in a bucket or a folder of one, with or without a CDN.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::storage::{self, Content, Item, LockGuard, PutOutcome, SiteStorage, WriteCondition, WriteOutcome};
use crate::error::Result;
use crate::s3;
use crate::s3::{Bucket, Put, SmallObject, UploadOptions};
use capbundle::progress::Control;
use capbundle::release::paths::{CHANNELS, RELEASES};
use capbundle::time::Timestamp;

/// A valid entity tag that no non-empty file has.
const NO_MARK: &str = "\"00000000000000000000000000000000\"";

/// A folder of a bucket.
///
/// There is no lock: shared files are written with preconditions (`If-None-Match`, `If-Match`), so that the second of two
/// concurrent publishers is refused. A store without preconditions is [not guarded](SiteStorage::is_guarded): run one
/// publishing job at a time there.
#[derive(Debug)]
pub struct BucketSite {
    bucket: Bucket,
    /// Empty, or ending with a slash.
    prefix: String,
    preconditions_unsupported: AtomicBool,
}

impl BucketSite {
    /// The site below this prefix, a folder with or without surrounding slashes; empty for the bucket itself.
    #[must_use]
    pub fn new(bucket: Bucket, prefix: &str) -> Self {
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Self {
            bucket,
            prefix,
            preconditions_unsupported: AtomicBool::new(false),
        }
    }

    fn key(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Compares the stored bytes, since the response to a successful write may have been lost.
    fn is_there(&self, path: &str, bytes: &[u8], control: &Control) -> Result<bool> {
        let found = self
            .bucket
            .read_start(&self.key(path), bytes.len() as u64 + 1, control)?;
        Ok(found.is_some_and(|found| found.bytes == bytes))
    }

    /// Writes the same bytes again under conditions that do not hold: a server that accepts and ignores conditions shows only
    /// that way. For files that never change.
    fn supports_preconditions(&self, path: &str, bytes: &[u8], control: &Control) -> Result<bool> {
        for condition in [s3::Precondition::Absent, s3::Precondition::Unchanged(NO_MARK)] {
            let put = self
                .bucket
                .write(&self.key(path), &object(path, bytes), condition, control)?;
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
            // Consoles create objects that stand for folders.
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

    fn write(&self, path: &str, bytes: &[u8], only_if: WriteCondition<'_>, control: &Control) -> Result<WriteOutcome> {
        let condition = match only_if {
            WriteCondition::Absent => s3::Precondition::Absent,
            WriteCondition::Unchanged(Content { mark: Some(mark), .. }) => s3::Precondition::Unchanged(mark),
            WriteCondition::Unchanged(Content { mark: None, .. }) => s3::Precondition::None,
        };
        let key = self.key(path);
        let mut put = self.bucket.write(&key, &object(path, bytes), condition, control)?;
        if put == Put::NoConditions || condition == s3::Precondition::None {
            self.preconditions_unsupported.store(true, Ordering::Relaxed);
        }
        if put == Put::NoConditions {
            // The next best: check the condition here before writing.
            let holds = match only_if {
                WriteCondition::Absent => self.head(path, control)?.is_none(),
                WriteCondition::Unchanged(before) => self.is_there(path, &before.bytes, control)?,
            };
            put = if holds {
                self.bucket
                    .write(&key, &object(path, bytes), s3::Precondition::None, control)?
            } else {
                Put::Refused
            };
        }
        if put == Put::Refused {
            // A channel file with these bytes is the one that was written. For any other existing file the caller must know,
            // since it then touches it.
            let is_channel = path.starts_with(CHANNELS);
            if !self.is_there(path, bytes, control)? || (condition == s3::Precondition::Absent && !is_channel) {
                return Ok(WriteOutcome::Changed);
            }
        }
        let is_probe = path.starts_with(RELEASES) && condition == s3::Precondition::Absent;
        if is_probe && self.is_guarded() && !self.supports_preconditions(path, bytes, control)? {
            self.preconditions_unsupported.store(true, Ordering::Relaxed);
        }
        Ok(WriteOutcome::Done)
    }

    fn put_file(&self, path: &str, file: &Path, control: &Control) -> Result<PutOutcome> {
        let options = UploadOptions::default()
            .with_content_type(storage::content_type(path))
            .with_cache_control(storage::cache_control(path).to_owned());
        let uploaded = self.bucket.upload(file, &self.key(path), &options, control)?;
        if !uploaded.already_there {
            return Ok(PutOutcome::Now);
        }
        self.touch(path, control)?;
        Ok(PutOutcome::Before)
    }

    fn touch(&self, path: &str, control: &Control) -> Result<bool> {
        self.bucket.renew(&self.key(path), control)
    }

    fn delete(&self, path: &str, control: &Control) -> Result<()> {
        self.bucket.delete(&self.key(path), control)
    }

    fn is_guarded(&self) -> bool {
        !self.preconditions_unsupported.load(Ordering::Relaxed)
    }
}

fn object<'a>(path: &str, bytes: &'a [u8]) -> SmallObject<'a> {
    SmallObject {
        bytes,
        content_type: storage::content_type(path),
        cache_control: storage::cache_control(path),
    }
}

/// As in the response to `HEAD`.
fn http_date(text: &str) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Timestamp(since.as_secs()))
}

/// As in a listing.
fn iso_date(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.trim().parse().ok()?;
    u64::try_from(time.as_second()).ok().map(Timestamp)
}
