//! The results as a Markdown table.

use std::fmt;
use std::fs;

use capbundle_tests::measure::Measurement;
use capbundle_tests::peers::tests_folder;

use crate::DISK;
use crate::tasks::Task;

/// The markers around the table in `docs/performance.md`.
const MARKERS: [&str; 2] = ["<!-- compare: begin -->", "<!-- compare: end -->"];

const GIGABYTE: f64 = 1e9;

/// The corpus that the budgets apply to.
const BUDGETED: &str = "large";

/// The required share of a budget: the medians of equal programs that wait for the same instructions or disk differ by
/// this much.
const ALLOWANCE: f64 = 0.97;

/// The result of one task on one corpus in one place.
pub(crate) struct Row {
    line: String,
    /// The missed budget, if any.
    missed: Option<String>,
}

impl Row {
    pub(crate) fn new(task: &Task, corpus: &str, place: &str, ours: &[Measurement], peer: &[Measurement]) -> Self {
        let (our_time, peer_time) = (median(ours, |run| run.seconds), median(peer, |run| run.seconds));
        let budgeted = corpus == BUDGETED;
        let on_disk = task.disk_budget.filter(|_| place == DISK);
        let speed_budget = on_disk.or(task.speed_budget).filter(|_| budgeted);
        let memory_budget = task.memory_budget.filter(|_| budgeted);
        let (speed, our_peak) = (peer_time / our_time, peak(ours));
        let line = format!(
            "| {} | {corpus} | {place} | {our_time:.3} s | {peer_time:.3} s | **{speed:.1}** | {} | {:.1} | {our_peak} MiB | {} | {} MiB |",
            task.name,
            speed_budget.map_or("–".to_owned(), |budget| format!("≥ {budget}")),
            median(peer, |run| run.processor) / median(ours, |run| run.processor),
            memory_budget.map_or("–".to_owned(), |budget| format!("< {budget} MiB")),
            peak(peer),
        );
        let too_slow = speed_budget.is_some_and(|budget| speed < budget * ALLOWANCE);
        let too_large = memory_budget.is_some_and(|budget| our_peak >= budget);
        let missed = (too_slow || too_large).then(|| line.clone());
        Self { line, missed }
    }

    /// A cipher in memory. `ours` and `peer` are bytes per second.
    pub(crate) fn in_memory(name: &str, ours: &[f64], peer: &[f64], budget: f64) -> Self {
        let (ours, peer) = (median(ours, |rate| *rate), median(peer, |rate| *rate));
        let ratio = ours / peer;
        let line = format!(
            "| {name} | 1 GB | memory | {:.3} s | {:.3} s | **{ratio:.2}** | ≥ {budget} | – | – | – | – |",
            GIGABYTE / ours,
            GIGABYTE / peer,
        );
        let missed = (ratio < budget * ALLOWANCE).then(|| line.clone());
        Self { line, missed }
    }
}

/// All results.
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

    /// The missed budgets.
    pub(crate) fn missed(&self) -> Vec<String> {
        self.rows.iter().filter_map(|row| row.missed.clone()).collect()
    }

    /// Replaces the table in `docs/performance.md`.
    pub(crate) fn update_documentation(&self) {
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
        self.rows.iter().try_for_each(|row| writeln!(formatter, "{}", row.line))
    }
}

fn median<T>(runs: &[T], seconds_of: fn(&T) -> f64) -> f64 {
    let mut seconds: Vec<f64> = runs.iter().map(seconds_of).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// The largest peak memory in MiB, rounded up.
fn peak(runs: &[Measurement]) -> u64 {
    let bytes = runs.iter().map(|run| run.peak_memory).max().unwrap_or_default();
    bytes.div_ceil(1 << 20)
}
