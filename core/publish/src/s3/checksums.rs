//! Whether to send `x-amz-checksum-…` headers to a store.
//!
//! Stores that do not support these headers refuse them in different ways: Backblaze B2 responds with 400 to every request that has
//! one, others with 403 or 501, with or without a reason. Such a request is sent again without them. If that succeeds, the same
//! [`Bucket`](super::Bucket) sends no more of them. The bytes are then protected by the signature, which covers the SHA-256 of
//! each body, and by a comparison of the stored size.

use std::sync::atomic::{AtomicU8, Ordering};

use super::response::{Refused, S3Response};

const UNKNOWN: u8 = 0;
const TAKEN: u8 = 1;
const REFUSED: u8 = 2;

/// The known support of a store, shared by the threads of an upload.
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
        // A refusal stays: a store may accept the header in one request and refuse it in another.
        let _ = self
            .writes
            .compare_exchange(UNKNOWN, TAKEN, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// A request that was refused with the headers succeeded without them.
    pub(super) fn were_refused(&self) {
        self.writes.store(REFUSED, Ordering::Relaxed);
    }

    /// Whether a write may have been refused because of its header, so that it is worth sending without.
    pub(super) fn may_explain(&self, refused: &Refused) -> bool {
        let is_unknown = self.writes.load(Ordering::Relaxed) == UNKNOWN;
        refused.names_checksums() || (is_unknown && refused.names_no_other_cause())
    }

    /// A `HEAD` with such a header succeeded, or was refused without it too.
    pub(super) fn do_not_matter_to_heads(&self) {
        self.reads.store(TAKEN, Ordering::Relaxed);
    }

    /// Whether a `HEAD` may have been refused because of its header, judging by the response to a `GET` without it. Amazon, for
    /// example, requires the right to decrypt for requests of a checksum.
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
