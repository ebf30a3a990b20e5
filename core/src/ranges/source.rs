//! The plain bytes of a remote archive, sealed or not.

use std::ops::Range;

use crate::error::Result;
use crate::http::download::{RemoteFile, TakeBytes, Traffic};
use crate::progress::Control;
use crate::sealed::SegmentOpener;

pub(super) struct Source<'a> {
    file: RemoteFile<'a>,
    opener: Option<SegmentOpener>,
    /// Bytes of the plain archive.
    size: u64,
}

impl<'a> Source<'a> {
    pub(super) fn plain(file: RemoteFile<'a>) -> Self {
        Self {
            size: file.size,
            file,
            opener: None,
        }
    }

    pub(super) fn sealed(file: RemoteFile<'a>, opener: SegmentOpener, size: u64) -> Self {
        Self {
            file,
            opener: Some(opener),
            size,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of the file on the server.
    pub(super) fn wire_size(&self) -> u64 {
        self.file.size
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.file.traffic()
    }

    /// Announces that ranges of `bytes` on the wire are fetched next.
    pub(super) fn expect(&mut self, bytes: u64) {
        self.file.expect(bytes);
    }

    /// As [`expect`](Self::expect), for one range of plain bytes.
    pub(super) fn expect_range(&mut self, plain: &Range<u64>) {
        let wire = self.wire_range(plain);
        self.expect(wire.end - wire.start);
    }

    /// The range on the wire that carries these plain bytes.
    pub(super) fn wire_range(&self, plain: &Range<u64>) -> Range<u64> {
        match &self.opener {
            Some(opener) if !plain.is_empty() => opener.sealed_range(&opener.segments(plain)),
            _ => plain.clone(),
        }
    }

    /// The plain bytes that arrive with these in any case.
    pub(super) fn widened(&self, plain: Range<u64>) -> Range<u64> {
        match &self.opener {
            Some(opener) if !plain.is_empty() => opener.plain_range(&opener.segments(&plain)),
            _ => plain,
        }
    }

    /// Passes these plain bytes to `take`, in order.
    pub(super) fn fetch(&mut self, plain: &Range<u64>, take: TakeBytes<'_>, control: &Control) -> Result<()> {
        let Some(opener) = self.opener.as_ref().filter(|_| !plain.is_empty()) else {
            return self.file.fetch(plain, take, control);
        };
        let segments = opener.segments(plain);
        let mut number = segments.start;
        let mut segment = Vec::new();
        let mut on_bytes = |mut bytes: &[u8]| {
            while !bytes.is_empty() {
                let this = number..number + 1;
                let missing = length(&opener.sealed_range(&this)).saturating_sub(segment.len());
                let (now, later) = bytes.split_at(missing.min(bytes.len()));
                segment.extend_from_slice(now);
                bytes = later;
                if now.len() < missing {
                    break;
                }
                let position = opener.plain_range(&this);
                let wanted = plain.start.max(position.start)..plain.end.min(position.end);
                let skipped = length(&(position.start..wanted.start));
                let content = opener.open(number, &mut segment)?;
                take(content.get(skipped..skipped + length(&wanted)).unwrap_or_default())?;
                segment.clear();
                number += 1;
            }
            Ok(())
        };
        self.file.fetch(&opener.sealed_range(&segments), &mut on_bytes, control)
    }
}

fn length(range: &Range<u64>) -> usize {
    usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX)
}
