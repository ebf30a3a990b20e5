//! Skips tests whose prerequisites are missing.

use std::io::Write as _;
use std::path::PathBuf;

/// Prints that the current test is skipped, and why.
///
/// Writes directly to standard error, because the test harness hides the output of passing tests.
///
/// # Panics
/// If `CI=true`, which permits no skips.
pub fn skipped(reason: &str) {
    let thread = std::thread::current();
    let line = format!("SKIPPED {}: {reason}\n", thread.name().unwrap_or("test"));
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("standard error is open");
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "skipped although CI=true: {reason}"
    );
}

/// The program `name` on the search path. Skips the current test if it is not installed.
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
