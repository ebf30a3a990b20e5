//! Whether a store is sent `x-amz-checksum-…` headers.
//!
//! Stores that do not know these headers refuse them, each in its own way: Backblaze B2 answers 400 to every request that has one,
//! others 403 or 501, with a reason or without. Such a request is sent again without them. Once that made the difference, none is
//! sent any more by the same [`Bucket`](super::Bucket). What protects the bytes then are the signature, which covers the SHA-256 of
//! each body, and the size of what is stored.

use std::sync::atomic::{AtomicU8, Ordering};

use super::error::Refused;
use super::request::S3Response;

const UNKNOWN: u8 = 0;
const TAKEN: u8 = 1;
const REFUSED: u8 = 2;

/// What is known of a store by now; shared by the threads of an upload.
#[derive(Debug, Default)]
pub(super) struct Checksums {
    writes: AtomicU8,
    reads: AtomicU8,
}

impl Checksums {
    /// Whether the headers are sent.
    pub(super) fn are_sent(&self) -> bool {
        self.writes.load(Ordering::Relaxed) != REFUSED
    }

    /// A write with such a header succeeded.
    pub(super) fn were_taken(&self) {
        // One that was refused stays so: a store may take the header of one request and refuse that of another.
        let _ = self
            .writes
            .compare_exchange(UNKNOWN, TAKEN, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// A request succeeded without them that had been refused with them.
    pub(super) fn were_refused(&self) {
        self.writes.store(REFUSED, Ordering::Relaxed);
    }

    /// Whether a write may have been refused for its header, so that it is worth sending without.
    pub(super) fn may_explain(&self, refused: &Refused) -> bool {
        let is_unknown = self.writes.load(Ordering::Relaxed) == UNKNOWN;
        refused.names_checksums() || (is_unknown && refused.names_no_other_cause())
    }

    /// A `HEAD` with such a header succeeded, or was refused without it too.
    pub(super) fn do_not_matter_to_heads(&self) {
        self.reads.store(TAKEN, Ordering::Relaxed);
    }

    /// Whether a `HEAD` may have been refused for its header, by what a `GET` without any was told at the same time. Amazon, for
    /// one, wants the right to decrypt from who asks for a checksum.
    pub(super) fn may_explain_head(&self, head: &Refused, get: &S3Response) -> bool {
        let is_unknown = self.reads.load(Ordering::Relaxed) == UNKNOWN;
        let could_be = matches!(head.status, 400..=499 | 501);
        could_be
            && match get {
                S3Response::Refused(get) if get.status == head.status => {
                    is_unknown && (get.names_no_other_cause() || get.is_not_allowed())
                }
                S3Response::Done(_) | S3Response::Refused(_) => true,
            }
    }
}
