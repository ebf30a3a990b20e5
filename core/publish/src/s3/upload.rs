//! Uploads a file to a key, completely and verified.

mod conditional_put;
mod job;
mod multipart;
mod open_upload;
mod plan;
mod progress;
mod resume;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

pub use job::Checked;

use self::conditional_put::Arrived;
use self::job::{Job, OPERATION, SendOutcome, Sent};
use self::multipart::with_left;
use self::plan::Plan;
use self::progress::{Share, Tally};
use super::bucket::Bucket;
use super::header::{CHECKSUM, DIGEST, base64, header};
use super::object::{Looked, Object, StoredObject};
use super::request::S3Request;
use super::response::{Refused, S3Response};
use super::{key, request};
use crate::error::{Error, Result};
use crate::setters::setters;
use capbundle::digest::Sha256Digest;
use capbundle::http::Method;
use capbundle::progress::Control;

/// Enough to saturate a connection with high latency, few enough for a small machine.
const PARALLEL: usize = 4;
/// Maximum number of concurrent part uploads.
const MAX_PARALLEL: usize = 32;

/// How to upload.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UploadOptions {
    /// `Content-Type`. `application/zip`.
    pub content_type: String,
    /// `Cache-Control`, such as `public, max-age=31536000, immutable` for keys that never name another file. Not sent if `None`.
    pub cache_control: Option<String>,
    /// Additional metadata, sent as `x-amz-meta-…`. The name `sha256` is reserved.
    pub metadata: Vec<(String, String)>,
    /// Whether to replace other bytes under this key. `false`: devices that expect their checksum would refuse the new bytes. If the
    /// credentials may not read, the upload has the precondition that no object exists; a server without preconditions then
    /// requires this option.
    pub replace: bool,
    /// Parts sent concurrently, 1 to 32. 4.
    pub parallel: usize,
}

impl Default for UploadOptions {
    fn default() -> Self {
        Self {
            content_type: "application/zip".to_owned(),
            cache_control: None,
            metadata: Vec::new(),
            replace: false,
            parallel: PARALLEL,
        }
    }
}

impl UploadOptions {
    setters! {
        with_content_type(content_type: impl Into<String>);
        with_cache_control(cache_control: impl Into<Option<String>>);
        with_metadata(metadata: Vec<(String, String)>);
        with_replace(replace: bool);
        with_parallel(parallel: usize);
    }
}

/// The result of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Uploaded {
    /// The key of the object.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of the whole file.
    pub sha256: Sha256Digest,
    /// Whether the same bytes were already stored, so that nothing was sent.
    pub already_there: bool,
    /// The number of parts; 1 for a single `PUT`.
    pub parts: u32,
    /// How many parts an interrupted upload had already sent.
    pub resumed_parts: u32,
    /// How the stored bytes were compared.
    pub checked: Checked,
    /// Whether the object was read back after the upload. `false` if the credentials may write but not read.
    pub confirmed: bool,
    /// The entity tag, if the server sent one.
    pub etag: Option<String>,
}

impl Bucket {
    /// Uploads a file. A stored copy of it, and parts of an interrupted upload, are not sent again.
    ///
    /// Reads the file twice, for its digests and to send it, with 64 KiB in memory for each parallel part. Reports progress in the
    /// phases `Hash` and `Upload`.
    ///
    /// Aborts other open multipart uploads of the same key unless their parts are of this file.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for an invalid key or option, and if other bytes are stored under
    /// the key and [`replace`](UploadOptions::replace) is not set; [`Server`](capbundle::ErrorKind::Server) with the meaning of a
    /// refusal and what to do; [`Network`](capbundle::ErrorKind::Network) after five attempts of one request;
    /// [`Cancelled`](capbundle::ErrorKind::Cancelled). No multipart upload is left open; if aborting fails, the error says so.
    /// If the file was written and only reading it back failed, the error says that it is stored.
    pub fn upload(&self, file: &Path, key: &str, options: &UploadOptions, control: &Control) -> Result<Uploaded> {
        let mut written = None;
        self.upload_noting(file, key, options, &mut written, control)
            .map_err(|error| {
                if written.is_none() {
                    return error;
                }
                let left = format!("the object was written and remains at s3://{}/{key}", self.name());
                with_left(error, Err(left))
            })
    }

    /// As [`upload`](Self::upload). Sets `written` once the server confirmed a write, also if the upload then fails.
    pub(crate) fn upload_noting(
        &self,
        file: &Path,
        key: &str,
        options: &UploadOptions,
        written: &mut Option<StoredObject>,
        control: &Control,
    ) -> Result<Uploaded> {
        key::check(key)?;
        let headers = headers(options)?;
        let plan = Plan::read(file, control)?;
        let may_look = match self.look(key, control)? {
            Looked::There(object) if plan.is(&object) => return Ok(already_there(&plan, object)),
            Looked::There(object) if !options.replace => return Err(self.taken(&plan, &object)),
            Looked::There(_) | Looked::Absent => true,
            Looked::Hidden(_) => false,
        };
        let only_if_absent = !may_look && !options.replace;
        let mut job = Job {
            bucket: self,
            plan: &plan,
            key,
            headers,
            parallel: options.parallel.clamp(1, MAX_PARALLEL),
            checksums: self.checksums.are_sent(),
            // The metadata of a resumed upload must be read back when it is complete.
            resume: may_look,
            only_if_absent,
            written: &Mutex::default(),
            control,
        };
        let uploaded = job.run(may_look);
        *written = job.written.lock().unwrap_or_else(PoisonError::into_inner).take();
        uploaded
    }

    fn taken(&self, plan: &Plan, object: &Object) -> Error {
        let problem = format!(
            "{}: another file of {} bytes is stored there, this one has {}; devices may already expect it: use another \
             key or version, or allow replacing it (`replace`; `--s3-replace`)",
            object.key, object.size, plan.size
        );
        Error::invalid_input(format!("S3 key in bucket {}", self.name()), problem)
    }
}

impl Job<'_> {
    fn run(&mut self, may_look: bool) -> Result<Uploaded> {
        loop {
            let sent = match self.send_all()? {
                SendOutcome::Sent(sent) => sent,
                SendOutcome::NoChecksums(refused) if !self.checksums => return Err(refused.into_error()),
                SendOutcome::NoChecksums(_) => {
                    self.checksums = false;
                    continue;
                }
            };
            self.bucket.note_checksums(self.checksums);
            match self.confirm(sent, may_look)? {
                Some(uploaded) => return Ok(uploaded),
                None if self.resume => self.resume = false,
                None => {
                    let problem = "other content type or metadata";
                    return Err(self.bucket.not_as_sent(self.key, problem));
                }
            }
        }
    }

    fn send_all(&self) -> Result<SendOutcome> {
        if self.plan.is_single() {
            self.put()
        } else {
            self.multipart()
        }
    }

    fn put(&self) -> Result<SendOutcome> {
        let plan = self.plan;
        let mut request = S3Request::new(Method::Put, Some(self.key), OPERATION);
        request.headers.clone_from(&self.headers);
        request.headers.push((DIGEST.to_owned(), plan.digest.to_string()));
        request.headers.extend(self.condition());
        let checksum = base64(&plan.digest);
        if self.checksums {
            request.headers.push((CHECKSUM.to_owned(), checksum.clone()));
        }
        request.body = Some((request::file_part(&plan.file, 0, plan.size), plan.digest));
        let tally = Tally::new(self.control, plan.size, 0);
        let mut share = Share::new(&tally);
        let reply = match self.bucket.send(&request, self.control, &mut share)? {
            S3Response::Refused(refused) if self.checksums && self.bucket.checksums.may_explain(&refused) => {
                return Ok(SendOutcome::NoChecksums(refused));
            }
            S3Response::Refused(refused) if share.repeated && !refused.is_transient() => {
                return self.refused_again(refused);
            }
            S3Response::Refused(refused) => return Err(self.not_written(refused)),
            S3Response::Done(reply) => reply,
        };
        share.done(plan.size);
        let headers = &reply.head.headers;
        self.note_written(headers.get("etag"));
        Ok(SendOutcome::Sent(Sent {
            resumed: 0,
            checked: self.compare(headers.get(CHECKSUM), &checksum)?,
            etag: headers.get("etag").map(str::to_owned),
        }))
    }

    /// A refusal of a repeated request says nothing about the first one.
    fn refused_again(&self, refused: Refused) -> Result<SendOutcome> {
        // After a server error the result is unknown anyway.
        if refused.status >= 500 {
            return Err(self.not_written(refused));
        }
        match self.arrived(0) {
            Arrived::Yes(sent) => Ok(SendOutcome::Sent(sent)),
            Arrived::No => Err(self.not_written(refused)),
            Arrived::Unknown => Err(self.unknown(refused)),
        }
    }

    /// Reads back the stored object. `None` if the parts of a resumed upload match, but its metadata does not.
    fn confirm(&self, sent: Sent, may_look: bool) -> Result<Option<Uploaded>> {
        let plan = self.plan;
        let mut uploaded = Uploaded {
            key: self.key.to_owned(),
            size: plan.size,
            sha256: plan.digest,
            already_there: false,
            parts: plan.count(),
            resumed_parts: sent.resumed,
            checked: sent.checked,
            confirmed: false,
            etag: sent.etag,
        };
        let object = match self.bucket.look(self.key, self.control)? {
            Looked::There(object) => object,
            Looked::Absent => return Err(self.bucket.not_as_sent(self.key, "the object is missing")),
            // Some stores respond 403 for missing objects only, so this is checked after the upload.
            Looked::Hidden(_) if !may_look => return Ok(Some(uploaded)),
            Looked::Hidden(refused) => return Err(refused.into_error()),
        };
        if object.size != plan.size {
            let problem = format!("expected {} bytes, found {}", plan.size, object.size);
            return Err(self.bucket.not_as_sent(self.key, &problem));
        }
        match plan.agrees(object.checksum.as_deref()) {
            Some(true) => uploaded.checked = Checked::ByServer,
            Some(false) => {
                let problem = "other checksum: another client wrote the same key concurrently, or the server is \
                               broken";
                return Err(self.bucket.not_as_sent(self.key, problem));
            }
            None => {}
        }
        if sent.resumed > 0 && !self.describes(&object) {
            return Ok(None);
        }
        uploaded.confirmed = true;
        uploaded.etag = object.etag.or(uploaded.etag);
        Ok(Some(uploaded))
    }

    /// Whether the object has the headers of this upload.
    fn describes(&self, object: &Object) -> bool {
        let wanted = |name: &str| {
            self.headers
                .iter()
                .find(|(found, _)| found == name)
                .map(|(_, value)| value.as_str())
        };
        object.sha256 == Some(self.plan.digest)
            && object.content_type.as_deref() == wanted("content-type")
            && object.cache_control.as_deref() == wanted("cache-control")
    }
}

fn already_there(plan: &Plan, object: Object) -> Uploaded {
    let checked = match plan.agrees(object.checksum.as_deref()) {
        Some(true) => Checked::ByServer,
        _ => Checked::BySize,
    };
    Uploaded {
        key: object.key,
        size: plan.size,
        sha256: plan.digest,
        already_there: true,
        parts: plan.count(),
        resumed_parts: 0,
        checked,
        confirmed: true,
        etag: object.etag,
    }
}

/// Validates the headers here, since a server would only report a wrong signature.
fn headers(options: &UploadOptions) -> Result<Vec<(String, String)>> {
    let mut headers = vec![(
        "content-type".to_owned(),
        header("Content-Type", &options.content_type)?,
    )];
    if let Some(cache_control) = &options.cache_control {
        headers.push(("cache-control".to_owned(), header("Cache-Control", cache_control)?));
    }
    for (name, value) in &options.metadata {
        let lower = name.to_ascii_lowercase();
        let is_name = !lower.is_empty()
            && lower
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let full = format!("x-amz-meta-{lower}");
        if !is_name || full == DIGEST || headers.iter().any(|(known, _)| *known == full) {
            let problem =
                format!("{name:?}: expected a unique name of letters, digits, - and _, other than the reserved sha256");
            return Err(Error::invalid_input("S3 metadata", problem));
        }
        headers.push((full, header(name, value)?));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
