//! Which ranges to fetch for some files, and what they cost.

use std::ops::Range;

use super::directory::Place;
use super::source::Source;

/// Ranges with at most this many bytes between them are joined: a request costs about 1 KiB of headers and a round
/// trip, in which a slow connection carries a few KiB.
const JOIN_GAP: u64 = 4 << 10;
/// Further gaps, the smallest first, are fetched in vain to save round trips: up to this share of the needed bytes.
const MAX_WASTE_PERCENT: u64 = 5;
/// The most requests for one update. More gaps are fetched to stay below it.
const MAX_REQUESTS: usize = 256;
/// From this share of the archive on, ranges save too little to be worth their round trips.
const TOO_LARGE_PERCENT: u64 = 80;

/// What fetching files by ranges costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RangeCost {
    /// Bytes of response bodies.
    pub bytes: u64,
    /// Number of requests.
    pub requests: u32,
    /// Bytes of the largest entry: the size of the temporary file.
    pub largest: u64,
    /// Bytes of the whole archive on the server.
    pub archive: u64,
}

impl RangeCost {
    /// Whether the ranges are most of the archive, so that fetching it as a whole is better.
    #[must_use]
    pub fn is_most_of_archive(&self) -> bool {
        is_most(self.bytes, self.archive)
    }
}

pub(super) fn is_most(bytes: u64, archive: u64) -> bool {
    bytes.saturating_mul(100) >= archive.saturating_mul(TOO_LARGE_PERCENT)
}

/// The entries to fetch, in the order of the archive, and which of them one request fetches.
pub(super) struct RangePlan<'a> {
    pub(super) cost: RangeCost,
    places: Vec<Place<'a>>,
    /// The number of entries of each request.
    batches: Vec<usize>,
}

impl<'a> RangePlan<'a> {
    pub(super) fn of(mut places: Vec<Place<'a>>, source: &Source<'_>) -> Self {
        places.sort_unstable_by_key(|place| place.range.start);
        places.dedup_by_key(|place| place.range.start);
        let wire: Vec<_> = places.iter().map(|place| source.wire_range(&place.range)).collect();
        let batches = join(&wire);
        let mut bytes = 0;
        let mut first = 0;
        for count in &batches {
            bytes += wire[first + count - 1].end - wire[first].start;
            first += count;
        }
        let lengths = places.iter().map(|place| place.range.end - place.range.start);
        let cost = RangeCost {
            bytes,
            requests: u32::try_from(batches.len()).unwrap_or(u32::MAX),
            largest: lengths.max().unwrap_or_default(),
            archive: source.wire_size(),
        };
        Self { cost, places, batches }
    }

    /// The entries of each request.
    pub(super) fn batches(&self) -> impl Iterator<Item = &[Place<'a>]> {
        let mut rest = self.places.as_slice();
        self.batches.iter().map(move |&count| {
            let (batch, after) = rest.split_at(count);
            rest = after;
            batch
        })
    }
}

/// How many of these ascending ranges each request fetches.
fn join(wire: &[Range<u64>]) -> Vec<usize> {
    let gap = |after: usize| wire[after].start.saturating_sub(wire[after - 1].end);
    // Segments that two entries share count twice, which does not matter here.
    let needed: u64 = wire.iter().map(|range| range.end - range.start).sum();
    let mut gaps: Vec<_> = (1..wire.len()).map(|after| (gap(after), after)).collect();
    gaps.sort_unstable();
    let mut splits: Vec<usize> = Vec::new();
    let (mut waste, mut requests) = (0, wire.len());
    for (gap, after) in gaps {
        let is_cheap = waste + gap <= needed / 100 * MAX_WASTE_PERCENT;
        if gap <= JOIN_GAP || is_cheap || requests > MAX_REQUESTS {
            waste += gap;
            requests -= 1;
        } else {
            splits.push(after);
        }
    }
    splits.sort_unstable();
    let ends = splits.iter().copied().chain((!wire.is_empty()).then_some(wire.len()));
    let mut before = 0;
    ends.map(|end| end - std::mem::replace(&mut before, end)).collect()
}

#[cfg(test)]
mod tests;
