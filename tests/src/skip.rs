//! Tests that cannot run here say so.

use std::io::Write as _;
use std::path::PathBuf;

/// Says on a line of its own that the current test does not run, and why.
///
/// Written past the test harness, which hides what passing tests print.
///
/// # Panics
/// With `CI=true`, where a skip is a failure.
pub fn skipped(why: &str) {
    let thread = std::thread::current();
    let line = format!("SKIPPED {}: {why}\n", thread.name().unwrap_or("test"));
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("standard error is open");
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "skipped although CI=true: {why}"
    );
}

/// The program called `name` on the search path; without it the current test is [`skipped`].
#[must_use]
pub fn tool(name: &str) -> Option<PathBuf> {
    let found = on_search_path(name);
    if found.is_none() {
        skipped(&format!("{name} is not installed"));
    }
    found
}

fn on_search_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}
