//! The result, as Markdown.

use std::fmt;
use std::fs;

use capbundle_tests::measure::Measurement;
use capbundle_tests::peers::tests_folder;

use crate::works::Work;

/// Where the table stands in `docs/performance.md`.
const MARKERS: [&str; 2] = ["<!-- compare: begin -->", "<!-- compare: end -->"];

/// The corpus that the budgets are for.
const BUDGETED: &str = "large";

/// One piece of work on one corpus in one place.
pub(crate) struct Row(String);

impl Row {
    pub(crate) fn new(work: &Work, corpus: &str, place: &str, ours: &[Measurement], peer: &[Measurement]) -> Self {
        let (our_time, peer_time) = (median(ours, |run| run.seconds), median(peer, |run| run.seconds));
        let budgeted = corpus == BUDGETED;
        let speed = if budgeted {
            format!("≥ {}", work.speed_budget)
        } else {
            "–".to_owned()
        };
        let memory = work
            .memory_budget
            .filter(|_| budgeted)
            .map_or("–".to_owned(), |limit| format!("< {limit} MiB"));
        Self(format!(
            "| {} | {corpus} | {place} | {our_time:.3} s | {peer_time:.3} s | **{:.1}** | {speed} | {:.1} | {} MiB | {memory} | {} MiB |",
            work.name,
            peer_time / our_time,
            median(peer, |run| run.processor) / median(ours, |run| run.processor),
            peak(ours),
            peak(peer),
        ))
    }
}

/// All rows.
pub(crate) struct Table {
    runs: usize,
    rows: Vec<Row>,
}

impl Table {
    pub(crate) fn new(runs: usize) -> Self {
        Self { runs, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Replaces the table in `docs/performance.md`.
    pub(crate) fn put_into_the_documentation(&self) {
        let path = tests_folder().join("../docs/performance.md");
        let page = fs::read_to_string(&path).unwrap();
        let [begin, end] = MARKERS;
        let (before, rest) = page.split_once(begin).expect("the page has the first marker");
        let (_, after) = rest.split_once(end).expect("the page has the second marker");
        fs::write(path, format!("{before}{begin}\n{self}\n{end}{after}")).unwrap();
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        writeln!(
            formatter,
            "{cores} cores; medians of {} alternating runs; peak memory is the largest.\n",
            self.runs
        )?;
        writeln!(
            formatter,
            "| work | corpus | on | ours | peer | times as fast | budget | times less CPU | our peak | budget | peer's peak |"
        )?;
        writeln!(formatter, "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")?;
        self.rows.iter().try_for_each(|Row(line)| writeln!(formatter, "{line}"))
    }
}

fn median(runs: &[Measurement], seconds_of: fn(&Measurement) -> f64) -> f64 {
    let mut seconds: Vec<f64> = runs.iter().map(seconds_of).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// In whole MiB, rounded up.
fn peak(runs: &[Measurement]) -> u64 {
    let bytes = runs.iter().map(|run| run.peak_memory).max().unwrap_or_default();
    bytes.div_ceil(1 << 20)
}
