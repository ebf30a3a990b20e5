use super::*;

/// The number of ranges of each request. Each range is given by its start and length.
fn joined(ranges: &[(u64, u64)]) -> Vec<usize> {
    let ranges: Vec<_> = ranges.iter().map(|(start, length)| *start..start + length).collect();
    join(&ranges)
}

#[test]
fn no_range_needs_no_request() {
    assert!(joined(&[]).is_empty());
    assert_eq!(joined(&[(5, 1)]), [1]);
}

#[test]
fn ranges_close_to_each_other_are_joined() {
    assert_eq!(joined(&[(0, 10), (10, 10), (4_116, 10), (8_223, 10)]), [3, 1]);
}

#[test]
fn the_smallest_gaps_are_joined_up_to_a_twentieth_of_the_bytes() {
    let (range, gap) = (1_000_000, 60_000);
    let ranges: Vec<_> = (0..5).map(|number| (number * (range + gap), range)).collect();
    assert_eq!(joined(&ranges), [5]);
    let mut ranges = ranges;
    ranges[4].0 += 20_000;
    assert_eq!(joined(&ranges), [4, 1]);
}

#[test]
fn ranges_that_share_a_segment_are_one_request() {
    assert_eq!(joined(&[(0, 65_552), (0, 131_104), (65_552, 65_552)]), [3]);
}

#[test]
fn the_number_of_requests_is_bounded() {
    let ranges: Vec<_> = (0..10_000).map(|number| (number * 1_000_000, 1)).collect();
    let requests = joined(&ranges);
    assert_eq!((requests.len(), requests.iter().sum::<usize>()), (MAX_REQUESTS, 10_000));
}
