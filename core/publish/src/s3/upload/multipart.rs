//! Multipart uploads: created, sent by several threads, and completed or aborted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::super::header::{CHECKSUM, DIGEST};
use super::super::request;
use super::super::request::S3Request;
use super::super::response::{Refused, S3Response};
use super::super::xml::{self, Complete, CompletePart, Completed, Created};
use super::conditional_put::Arrived;
use super::job::{Checked, Job, OPERATION, SendOutcome, Sent};
use super::open_upload::{NO_SUCH_UPLOAD, Open, StoredPart, left_open};
use super::plan::Part;
use super::progress::{Share, Tally};
use crate::error::{Error, Result};
use capbundle::digest::Sha256Digest;
use capbundle::http::client::UploadProgress;
use capbundle::http::{Body, Method};
use capbundle::progress::{CancelToken, Control};

/// Why a multipart upload failed.
enum Failure {
    Error(Error),
    NoChecksums(Refused),
    /// It was already completed, or another client aborted it.
    Gone(Refused),
}

impl Failure {
    fn into_error(self) -> Error {
        match self {
            Self::Error(error) => error,
            Self::NoChecksums(refused) | Self::Gone(refused) => refused.into_error(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Job<'_> {
    pub(super) fn multipart(&self) -> Result<SendOutcome> {
        let found = if self.resume { self.find_open()? } else { None };
        let open = match found {
            Some(open) => open,
            None => match self.create()? {
                Ok(open) => open,
                Err(refused) => return Ok(SendOutcome::NoChecksums(refused)),
            },
        };
        let resumed = open.there.iter().flatten().count();
        let resumed = u32::try_from(resumed).unwrap_or(u32::MAX);
        let id = open.id.clone();
        let failure = match self.fill(open).and_then(|stored| self.complete(&id, &stored)) {
            Ok((checked, etag)) => {
                return Ok(SendOutcome::Sent(Sent { resumed, checked, etag }));
            }
            Err(failure) => failure,
        };
        let failure = match failure {
            Failure::Gone(refused) => match self.arrived(resumed) {
                Arrived::Yes(sent) => return Ok(SendOutcome::Sent(sent)),
                Arrived::No => Failure::Error(self.not_written(refused)),
                Arrived::Unknown => Failure::Error(self.unknown(refused)),
            },
            failure => failure,
        };
        match (failure, self.abort(&id)) {
            (Failure::NoChecksums(refused), Ok(())) => Ok(SendOutcome::NoChecksums(refused)),
            (failure, aborted) => {
                let error = failure.into_error();
                Err(with_left(error, aborted.map_err(|why| left_open(&id, &why))))
            }
        }
    }

    fn create(&self) -> Result<Result<Open, Refused>> {
        let mut request = S3Request::new(Method::Post, Some(self.key), OPERATION);
        request.query = &[("uploads", "")];
        request.headers.clone_from(&self.headers);
        request.headers.push((DIGEST.to_owned(), self.plan.digest.to_string()));
        if self.checksums {
            request
                .headers
                .push(("x-amz-checksum-algorithm".to_owned(), "SHA256".to_owned()));
        }
        let mut repeated = Repeated(false);
        let answer = self.bucket.send(&request, self.control, &mut repeated);
        let surely_none = !repeated.0 && matches!(answer, Ok(S3Response::Refused(_)));
        let failure = match self.opened(answer, repeated.0) {
            Ok(id) => {
                return Ok(Ok(Open {
                    id,
                    there: vec![None; self.plan.parts.len()],
                }));
            }
            Err(failure) => failure,
        };
        // Every request without a response may have created an upload.
        match (failure, if surely_none { Ok(()) } else { self.abort_all() }) {
            (Failure::NoChecksums(refused), Ok(())) => Ok(Err(refused)),
            (failure, left) => Err(with_left(failure.into_error(), left)),
        }
    }

    /// The ID of the created upload, after any duplicate is aborted.
    fn opened(&self, answer: Result<S3Response>, repeated: bool) -> Result<String, Failure> {
        let reply = match answer? {
            S3Response::Refused(refused) if self.checksums && self.bucket.checksums.may_explain(&refused) => {
                return Err(Failure::NoChecksums(refused));
            }
            answer => answer.done()?,
        };
        let created: Created = xml::parse(&reply.body).map_err(|problem| {
            Error::Core(capbundle::Error::Server {
                url: self.bucket.place.object_url(self.key).to_string(),
                status: reply.head.status,
                problem,
            })
        })?;
        if repeated {
            // An upload whose response was lost is open too.
            self.abort_others(&created.upload_id)?;
        }
        Ok(created.upload_id)
    }

    /// Sends the missing parts concurrently. The first failure stops the others.
    fn fill(&self, open: Open) -> Result<Vec<StoredPart>, Failure> {
        let Open { id, there } = open;
        let missing: Vec<&Part> = self
            .plan
            .parts
            .iter()
            .zip(&there)
            .filter(|(_, there)| there.is_none())
            .map(|(part, _)| part)
            .collect();
        let to_send: u64 = missing.iter().map(|part| part.length).sum();
        let tally = Tally::new(self.control, self.plan.size, self.plan.size - to_send);
        let stop = CancelToken::new();
        let control = self.control.clone().with_cancel_token(&stop);
        let next = AtomicUsize::new(0);
        let stored = Mutex::new(there);
        let failed: Mutex<Option<Failure>> = Mutex::new(None);
        let work = || {
            while let Some(part) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                match self.send(&id, part, &control, &tally) {
                    Ok(sent) => {
                        stored.lock().unwrap_or_else(PoisonError::into_inner)[part.number as usize - 1] = Some(sent);
                    }
                    Err(failure) => {
                        failed
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .get_or_insert(failure);
                        stop.cancel();
                        return;
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.parallel.min(missing.len()) {
                scope.spawn(work);
            }
            work();
        });
        if let Some(failure) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(failure);
        }
        let stored = stored.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(stored.into_iter().flatten().collect())
    }

    fn send(&self, id: &str, part: &Part, control: &Control, tally: &Tally<'_>) -> Result<StoredPart, Failure> {
        let number = part.number.to_string();
        let query = [("partNumber", number.as_str()), ("uploadId", id)];
        let mut request = S3Request::new(Method::Put, Some(self.key), OPERATION);
        request.query = &query;
        if self.checksums {
            request.headers.push((CHECKSUM.to_owned(), part.checksum.clone()));
        }
        request.body = Some((
            request::file_part(&self.plan.file, part.offset, part.length),
            part.digest,
        ));
        let mut share = Share::new(tally);
        let reply = match self.bucket.send(&request, control, &mut share)? {
            S3Response::Done(reply) => reply,
            S3Response::Refused(refused) if self.checksums && self.bucket.checksums.may_explain(&refused) => {
                return Err(Failure::NoChecksums(refused));
            }
            S3Response::Refused(refused) if refused.code == NO_SUCH_UPLOAD => return Err(Failure::Gone(refused)),
            S3Response::Refused(refused) => return Err(Failure::Error(refused.into_error())),
        };
        share.done(part.length);
        if self.checksums {
            self.bucket.checksums.were_taken();
        }
        let checked = self.compare(reply.head.headers.get(CHECKSUM), &part.checksum)?;
        let etag = reply.head.headers.get("etag").ok_or_else(|| {
            Error::Core(capbundle::Error::Server {
                url: self.bucket.place.object_url(self.key).to_string(),
                status: reply.head.status,
                problem: "the response to a part has no ETag, which is required to complete the upload".to_owned(),
            })
        })?;
        Ok(StoredPart {
            etag: etag.to_owned(),
            checked: checked == Checked::ByServer,
        })
    }

    fn complete(&self, id: &str, stored: &[StoredPart]) -> Result<(Checked, Option<String>), Failure> {
        let parts = self.plan.parts.iter().zip(stored).map(|(part, stored)| CompletePart {
            etag: &stored.etag,
            checksum: stored.checked.then_some(part.checksum.as_str()),
            part_number: part.number,
        });
        let wanted = Complete { parts: parts.collect() };
        let body = xml::write(&wanted).map_err(|problem| Error::invalid_input("S3 upload in parts", problem))?;
        let digest = Sha256Digest::of(&body);
        let query = [("uploadId", id)];
        let mut request =
            S3Request::new(Method::Post, Some(self.key), OPERATION).with_header("content-type", "application/xml");
        request.headers.extend(self.condition());
        request.query = &query;
        request.body = Some((Body::Bytes(body), digest));
        // The server assembles the parts before it responds.
        request.is_slow = true;
        let mut repeated = Repeated(false);
        let reply = match self.bucket.send(&request, self.control, &mut repeated)? {
            S3Response::Done(reply) => reply,
            // Servers use different codes for an upload that is already complete.
            S3Response::Refused(refused) if repeated.0 || refused.code == NO_SUCH_UPLOAD => {
                return Err(Failure::Gone(refused));
            }
            S3Response::Refused(refused) => return Err(Failure::Error(self.not_written(refused))),
        };
        self.note_written(None);
        let completed: Completed = xml::parse(&reply.body).map_err(|problem| {
            Error::Core(capbundle::Error::Server {
                url: self.bucket.place.object_url(self.key).to_string(),
                status: reply.head.status,
                problem,
            })
        })?;
        self.note_written(completed.etag.as_deref());
        let theirs = completed.checksum.as_deref();
        if self.plan.agrees(theirs) == Some(false) {
            self.compare(theirs, &self.plan.composite())?;
        }
        let all = stored.iter().all(|stored| stored.checked);
        let checked = if all { Checked::ByServer } else { Checked::BySize };
        Ok((checked, completed.etag))
    }
}

/// Whether a request was sent more than once.
struct Repeated(bool);

impl UploadProgress for Repeated {
    fn sent(&mut self, _: u64) {}

    fn restarted(&mut self) {
        self.0 = true;
    }
}

/// Adds to an error what remains on the server.
pub(super) fn with_left(failure: Error, left: Result<(), String>) -> Error {
    let Err(left) = left else { return failure };
    match failure {
        Error::Core(capbundle::Error::Server { url, status, problem }) => Error::Core(capbundle::Error::Server {
            url,
            status,
            problem: format!("{problem}; and {left}"),
        }),
        Error::Core(capbundle::Error::Network { url, problem }) => Error::Core(capbundle::Error::Network {
            url,
            problem: format!("{problem}; and {left}"),
        }),
        other => Error::Core(capbundle::Error::Network {
            url: "S3".to_owned(),
            problem: format!("{other}; and {left}"),
        }),
    }
}
