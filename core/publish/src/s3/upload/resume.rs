//! Resumes multipart uploads of killed processes if the server confirms that their parts are of the same file.

use super::super::request::S3Request;
use super::super::response::S3Response;
use super::super::xml::{self, ListedPart, OpenUpload, OpenUploads, Parts};
use super::job::Job;
use super::open_upload::{NO_SUCH_UPLOAD, Open, StoredPart, left_open};
use crate::error::{Error, Result};
use capbundle::http::Method;
use capbundle::progress::Control;

const OPERATION: &str = "look for an interrupted upload";

impl Job<'_> {
    /// The open upload of this key with the most parts of this file. Aborts all others of this key, which would otherwise stay
    /// forever.
    pub(super) fn find_open(&self) -> Result<Option<Open>> {
        let Some(uploads) = self.open_uploads()? else {
            return Ok(None);
        };
        let mut best: Option<(usize, Open)> = None;
        for upload in uploads {
            let Some(parts) = self.parts_of(&upload.upload_id)? else {
                continue;
            };
            let open = self.verified(upload.upload_id.clone(), &parts);
            let count = open.as_ref().map_or(0, |open| open.there.iter().flatten().count());
            match open {
                Some(open) if count > best.as_ref().map_or(0, |(count, _)| *count) => {
                    if let Some((_, other)) = best.replace((count, open)) {
                        self.abort(&other.id)?;
                    }
                }
                _ => self.abort(&upload.upload_id)?,
            }
        }
        Ok(best.map(|(_, open)| open))
    }

    /// Aborts all open uploads of this key, also after a cancellation. An error says what may be left.
    pub(super) fn abort_all(&self) -> Result<(), String> {
        let control = Control::new();
        let uncancelled = Job {
            control: &control,
            headers: Vec::new(),
            ..*self
        };
        let left = match uncancelled.open_uploads() {
            Ok(Some(uploads)) => uploads,
            Ok(None) => {
                return Err(one_may_be_left(
                    "the credentials or the store do not allow listing uploads",
                ));
            }
            Err(error) => return Err(one_may_be_left(&format!("listing uploads failed: {error}"))),
        };
        let left = left.iter().filter_map(|upload| {
            let why = self.abort(&upload.upload_id).err()?;
            Some(left_open(&upload.upload_id, &why))
        });
        match left.collect::<Vec<_>>() {
            left if left.is_empty() => Ok(()),
            left => Err(left.join(", ")),
        }
    }

    /// Aborts all open uploads of this key but one.
    pub(super) fn abort_others(&self, id: &str) -> Result<()> {
        let others = self.open_uploads()?.unwrap_or_default();
        others
            .iter()
            .filter(|upload| upload.upload_id != id)
            .try_for_each(|upload| self.abort(&upload.upload_id))
    }

    /// The open uploads of exactly this key; `None` if the server or the permissions do not allow listing them.
    fn open_uploads(&self) -> Result<Option<Vec<OpenUpload>>> {
        let mut found = Vec::new();
        let mut after: Option<(String, String)> = None;
        loop {
            let mut query = vec![("uploads", ""), ("prefix", self.key)];
            if let Some((key, id)) = &after {
                query.extend([("key-marker", key.as_str()), ("upload-id-marker", id.as_str())]);
            }
            let mut request = S3Request::new(Method::Get, None, OPERATION);
            request.query = &query;
            let reply = match self.bucket.send(&request, self.control, &mut ())? {
                S3Response::Done(reply) => reply,
                // Then everything is sent, as without an interrupted upload.
                S3Response::Refused(refused) if refused.is_not_allowed() || matches!(refused.status, 405 | 501) => {
                    return Ok(None);
                }
                S3Response::Refused(refused) => return Err(refused.into_error()),
            };
            let page: OpenUploads = xml::parse(&reply.body).map_err(|problem| self.unreadable(problem))?;
            let next = page.next_key_marker.zip(page.next_upload_id_marker);
            found.extend(page.uploads.into_iter().filter(|upload| upload.key == self.key));
            if !page.is_truncated {
                return Ok(Some(found));
            }
            if next.is_none() || next == after {
                return Err(self.unreadable("truncated list without a continuation marker".to_owned()));
            }
            after = next;
        }
    }

    /// `None` if the upload no longer exists.
    fn parts_of(&self, id: &str) -> Result<Option<Vec<ListedPart>>> {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut query = vec![("uploadId", id)];
            if let Some(number) = &after {
                query.push(("part-number-marker", number));
            }
            let mut request = S3Request::new(Method::Get, Some(self.key), OPERATION);
            request.query = &query;
            let reply = match self.bucket.send(&request, self.control, &mut ())? {
                S3Response::Refused(refused) if refused.code == NO_SUCH_UPLOAD => return Ok(None),
                answer => answer.done()?,
            };
            let page: Parts = xml::parse(&reply.body).map_err(|problem| self.unreadable(problem))?;
            found.extend(page.listed);
            if !page.is_truncated {
                return Ok(Some(found));
            }
            if page.next_part_number_marker.is_none() || page.next_part_number_marker == after {
                return Err(self.unreadable("truncated list without a continuation marker".to_owned()));
            }
            after = page.next_part_number_marker;
        }
    }

    /// The upload, if all of its parts are of this file by size and SHA-256.
    fn verified(&self, id: String, listed: &[ListedPart]) -> Option<Open> {
        let mut there = vec![None; self.plan.parts.len()];
        for part in listed {
            let index = (part.part_number as usize).checked_sub(1)?;
            let ours = self.plan.parts.get(index)?;
            if part.size != ours.length || part.checksum.as_deref() != Some(ours.checksum.as_str()) {
                return None;
            }
            there[index] = Some(StoredPart {
                etag: part.etag.clone(),
                checked: true,
            });
        }
        Some(Open { id, there })
    }

    fn unreadable(&self, problem: String) -> Error {
        Error::Core(capbundle::Error::Server {
            url: self.bucket.place.base_url().to_string(),
            status: 200,
            problem,
        })
    }
}

fn one_may_be_left(why: &str) -> String {
    format!("a multipart upload may be left open on the server, since {why}")
}
