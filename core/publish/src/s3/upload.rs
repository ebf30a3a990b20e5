//! A file to a key, whole, once, and proved.

mod conditional_put;
mod multipart;
mod plan;
mod progress;
mod resume;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use self::conditional_put::Arrived;
use self::multipart::with_left;
use self::plan::Plan;
use self::progress::{Share, Tally};
use super::error::Refused;
use super::object::{CHECKSUM, DIGEST, Looked};
use super::request;
use super::request::{S3Request, S3Response};
use super::{Bucket, Object, key};
use crate::error::{Error, Result};
use capbundle::digest::Sha256Digest;
use capbundle::http::Method;
use capbundle::progress::Control;

pub(super) const OPERATION: &str = "upload a file";
/// Enough to fill a line whose round trips are long, few enough for a small machine.
const PARALLEL: usize = 4;
/// More would only make servers angry.
const MAX_PARALLEL: usize = 32;

/// How to upload.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UploadOptions {
    /// `Content-Type`; `application/zip` unless said otherwise.
    pub content_type: String,
    /// `Cache-Control`, such as `public, max-age=31536000, immutable` for keys that never mean another file. Not sent if `None`.
    pub cache_control: Option<String>,
    /// More about the file, for people and other programs; sent as `x-amz-meta-…`. `sha256` is taken.
    pub metadata: Vec<(String, String)>,
    /// Whether other bytes under this key may be replaced. Not unless said: devices that were told their checksum would
    /// refuse the new ones. Where the credentials may not look what is there, the server is asked to write only where nothing
    /// is, and one that knows no such condition is written to only if this is set.
    pub replace: bool,
    /// Parts sent at once, 1 to 32.
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

/// Who compared what arrived with what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checked {
    /// The server, by the SHA-256 of every part; it said so.
    ByServer,
    /// Nobody but for the size: this server says nothing of checksums. The signature covers the digests all the same, and
    /// most servers hold what comes against it, but none says that it did.
    BySize,
}

/// What an upload came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Uploaded {
    /// The key it has.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// Of the whole file.
    pub sha256: Sha256Digest,
    /// Nothing was sent, since the same bytes were there.
    pub already_there: bool,
    /// How many parts it has; 1 if it went as a whole.
    pub parts: u32,
    /// How many of them an interrupted upload had already sent.
    pub resumed_parts: u32,
    /// Who compared.
    pub checked: Checked,
    /// Whether it was looked at after the upload. `false` where the credentials may write but not read.
    pub confirmed: bool,
    /// The server's mark of this content, if it told it.
    pub etag: Option<String>,
}

impl Bucket {
    /// Uploads a file. What is there already is not sent again, be it the whole file or parts of an upload that was killed.
    ///
    /// Reads the file twice: for its digests, and to send it; 64 KiB for each of the parallel parts are in memory. Progress is
    /// told in the phases `Hash` and `Upload`.
    ///
    /// An upload in parts that others have open for the same key is aborted if its parts are not those of this file.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a key or option that is none, and if other bytes are stored under
    /// the key and [`replace`](UploadOptions::replace) is not set; [`Server`](capbundle::ErrorKind::Server) with what a refusal
    /// means and what to do; [`Network`](capbundle::ErrorKind::Network) after five tries of one request;
    /// [`Cancelled`](capbundle::ErrorKind::Cancelled). No upload in parts is left open; if even that cannot be had, the error says
    /// so. Where the file was written and only the look at it failed, the error says that it is there.
    pub fn upload(&self, file: &Path, key: &str, options: &UploadOptions, control: &Control) -> Result<Uploaded> {
        let mut written = None;
        self.upload_noting(file, key, options, &mut written, control)
            .map_err(|error| {
                if written.is_none() {
                    return error;
                }
                let left = format!("the upload was written and is left at s3://{}/{key}", self.name());
                with_left(error, Err(left))
            })
    }

    /// As [`upload`](Self::upload); `written` is what the server was seen to write, also when it fails.
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
            // What an open upload will become is seen only when it is done.
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
            "{}: another file of {} bytes is stored there, this one has {}; devices may have been told its checksum: take another \
             key or version, or allow replacing it (`replace`; `--s3-replace`)",
            object.key, object.size, plan.size
        );
        Error::invalid_input(format!("S3 key in bucket {}", self.name()), problem)
    }

    fn not_as_sent(&self, key: &str, problem: &str) -> Error {
        Error::Core(capbundle::Error::Server {
            url: self.place.object_url(key).to_string(),
            status: 200,
            problem: format!("it took the upload, but what is stored is not what was sent: {problem}"),
        })
    }
}

/// One file on its way to one key.
struct Job<'a> {
    bucket: &'a Bucket,
    plan: &'a Plan,
    key: &'a str,
    /// What the object will be known by.
    headers: Vec<(String, String)>,
    parallel: usize,
    /// Whether checksums are spoken of.
    checksums: bool,
    /// Whether an open upload may be gone on with.
    resume: bool,
    /// Whether the server is to write only where nothing is, since nobody can look.
    only_if_absent: bool,
    /// What was written, as soon as the server has said so. Whatever fails later, it is there.
    written: &'a Mutex<Option<StoredObject>>,
    control: &'a Control,
}

/// An object that a server was seen to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredObject {
    digest: Sha256Digest,
    /// Where the server gave one.
    etag: Option<String>,
}

impl StoredObject {
    /// Whether this object is it, by what was noted with it or by the server's mark.
    pub(super) fn is(&self, object: &Object) -> bool {
        object.sha256 == Some(self.digest) || (self.etag.is_some() && self.etag == object.etag)
    }
}

/// What sending came to.
enum Outcome {
    Sent(Sent),
    /// The server takes no request that speaks of checksums; nothing is left of it.
    NoChecksums(Refused),
}

struct Sent {
    resumed: u32,
    checked: Checked,
    etag: Option<String>,
}

impl Job<'_> {
    fn run(&mut self, may_look: bool) -> Result<Uploaded> {
        loop {
            let sent = match self.send_all()? {
                Outcome::Sent(sent) => sent,
                Outcome::NoChecksums(refused) if !self.checksums => return Err(refused.into_error()),
                Outcome::NoChecksums(_) => {
                    self.checksums = false;
                    continue;
                }
            };
            self.bucket.note_checksums(self.checksums);
            match self.confirm(sent, may_look)? {
                Some(uploaded) => return Ok(uploaded),
                None if self.resume => self.resume = false,
                None => {
                    let problem = "its type or metadata is not what was sent";
                    return Err(self.bucket.not_as_sent(self.key, problem));
                }
            }
        }
    }

    fn send_all(&self) -> Result<Outcome> {
        if self.plan.is_single() {
            self.put()
        } else {
            self.multipart()
        }
    }

    fn put(&self) -> Result<Outcome> {
        let plan = self.plan;
        let mut asked = S3Request::new(Method::Put, Some(self.key), OPERATION);
        asked.headers.clone_from(&self.headers);
        asked.headers.push((DIGEST.to_owned(), plan.digest.to_string()));
        asked.headers.extend(self.condition());
        let checksum = base64(&plan.digest);
        if self.checksums {
            asked.headers.push((CHECKSUM.to_owned(), checksum.clone()));
        }
        asked.body = Some((request::file_part(&plan.file, 0, plan.size), plan.digest));
        let tally = Tally::new(self.control, plan.size, 0);
        let mut share = Share::new(&tally);
        let reply = match self.bucket.send(&asked, self.control, &mut share)? {
            S3Response::Refused(refused) if self.checksums && self.bucket.checksums.may_explain(&refused) => {
                return Ok(Outcome::NoChecksums(refused));
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
        Ok(Outcome::Sent(Sent {
            resumed: 0,
            checked: self.compare(headers.get(CHECKSUM), &checksum)?,
            etag: headers.get("etag").map(str::to_owned),
        }))
    }

    fn note_written(&self, etag: Option<&str>) {
        let written = StoredObject {
            digest: self.plan.digest,
            etag: etag.map(str::to_owned),
        };
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = Some(written);
    }

    /// The refusal of a later try says nothing of the first one.
    fn refused_again(&self, refused: Refused) -> Result<Outcome> {
        // Of a server that broke nobody knows anyway, and looking would not help.
        if refused.status >= 500 {
            return Err(self.not_written(refused));
        }
        match self.arrived(0) {
            Arrived::Yes(sent) => Ok(Outcome::Sent(sent)),
            Arrived::No => Err(self.not_written(refused)),
            Arrived::Unseen => Err(self.unknown(refused)),
        }
    }

    /// What a server says that it received, against what was sent.
    fn compare(&self, theirs: Option<&str>, ours: &str) -> Result<Checked> {
        match theirs {
            None => Ok(Checked::BySize),
            Some(theirs) if theirs == ours => Ok(Checked::ByServer),
            Some(theirs) => {
                let problem = format!("its SHA-256 in Base64 is {theirs}, sent was {ours}");
                Err(self.bucket.not_as_sent(self.key, &problem))
            }
        }
    }

    /// Looks at what is stored now. `None` if the parts of an open upload were ours, but not what else that upload said of its
    /// file: its type, the digest of the whole.
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
            Looked::Absent => return Err(self.bucket.not_as_sent(self.key, "nothing is there")),
            // Some stores hide what does not exist yet, so this was worth a try.
            Looked::Hidden(_) if !may_look => return Ok(Some(uploaded)),
            Looked::Hidden(refused) => return Err(refused.into_error()),
        };
        if object.size != plan.size {
            let problem = format!("it has {} bytes, sent were {}", object.size, plan.size);
            return Err(self.bucket.not_as_sent(self.key, &problem));
        }
        match plan.agrees(object.checksum.as_deref()) {
            Some(true) => uploaded.checked = Checked::ByServer,
            Some(false) => {
                let problem = "the checksum that it keeps is another: somebody else wrote there at the same time, or the \
                               server is broken";
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

    /// Whether the object has the headers that this upload gives.
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

/// Checked here, since a server would only say that the signature is wrong.
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
            let problem = format!(
                "{name:?}: expected letters, digits, - and _, each name once, and not sha256, which is set anyway"
            );
            return Err(Error::invalid_input("S3 metadata", problem));
        }
        headers.push((full, header(name, value)?));
    }
    Ok(headers)
}

/// As it is signed: blanks are not told apart.
pub(super) fn header(name: &str, value: &str) -> Result<String> {
    let clean = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    if clean.is_empty() || !clean.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        let problem = format!("expected text in ASCII, found {value:?}");
        return Err(Error::invalid_input(name, problem));
    }
    Ok(clean)
}

pub(super) fn base64(digest: &Sha256Digest) -> String {
    BASE64.encode(digest.as_bytes())
}

#[cfg(test)]
mod tests;
