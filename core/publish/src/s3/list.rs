//! Lists a bucket page by page.

use std::collections::VecDeque;
use std::fmt;

use super::request::S3Request;
use super::xml::{self, Listing};
use super::{Bucket, Object};
use crate::error::{Error, Result};
use capbundle::http::Method;
use capbundle::progress::Control;

impl Bucket {
    /// All objects whose keys begin with `prefix`, in the order of the server. Pages are requested lazily. After an error the
    /// iterator ends.
    #[must_use]
    pub fn list<'a>(&'a self, prefix: &str, control: &'a Control) -> Objects<'a> {
        Objects {
            bucket: self,
            control,
            prefix: prefix.to_owned(),
            page: VecDeque::new(),
            next: Next::First,
        }
    }
}

/// Objects of a bucket; see [`Bucket::list`].
pub struct Objects<'a> {
    bucket: &'a Bucket,
    control: &'a Control,
    prefix: String,
    page: VecDeque<Object>,
    next: Next,
}

enum Next {
    First,
    After(String),
    End,
}

impl Objects<'_> {
    fn fetch(&mut self) -> Result<()> {
        let mut query = vec![("list-type", "2"), ("max-keys", "1000")];
        if !self.prefix.is_empty() {
            query.push(("prefix", &self.prefix));
        }
        if let Next::After(token) = &self.next {
            query.push(("continuation-token", token));
        }
        let mut request = S3Request::new(Method::Get, None, "list a bucket");
        request.query = &query;
        let reply = self.bucket.send(&request, self.control, &mut ())?.done()?;
        let refuse = |problem: String| {
            Error::Core(capbundle::Error::Server {
                url: self.bucket.place.base_url().to_string(),
                status: reply.head.status,
                problem,
            })
        };
        let listing: Listing = xml::parse(&reply.body).map_err(refuse)?;
        let next = match (listing.is_truncated, listing.next_continuation_token) {
            (false, _) => Next::End,
            (true, Some(token)) if !matches!(&self.next, Next::After(before) if *before == token) => Next::After(token),
            // Otherwise the same page would be requested again and again.
            (true, _) => return Err(refuse("truncated list without a continuation token".to_owned())),
        };
        self.next = next;
        self.page.extend(listing.contents.into_iter().map(|listed| Object {
            key: listed.key,
            size: listed.size,
            sha256: None,
            checksum: None,
            etag: listed.etag,
            modified: listed.last_modified,
            content_type: None,
            cache_control: None,
        }));
        Ok(())
    }
}

impl Iterator for Objects<'_> {
    type Item = Result<Object>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(object) = self.page.pop_front() {
                return Some(Ok(object));
            }
            if matches!(self.next, Next::End) {
                return None;
            }
            if let Err(error) = self.fetch() {
                self.next = Next::End;
                return Some(Err(error));
            }
        }
    }
}

impl fmt::Debug for Objects<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Objects")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
