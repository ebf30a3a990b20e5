#![allow(clippy::panic, reason = "a test of panics")]

use super::*;
use crate::error::invalid_input;

#[test]
fn a_panic_becomes_an_error_that_asks_for_a_report() {
    let error = catch_panic(|| -> Result<()> { panic!("index {} out of range", 7) });
    assert_eq!(
        error,
        Err(CapBundleError::Internal(
            "bug in capbundle, please report it: index 7 out of range".to_owned()
        ))
    );
}

#[test]
fn a_panic_with_a_static_message_becomes_an_error() {
    let error = catch_panic(|| -> Result<()> { panic!("impossible") });
    assert_eq!(error.map_err(|error| error.kind()), Err(ErrorKind::Internal));
}

#[test]
fn results_pass_through() {
    assert_eq!(catch_panic(|| Ok(7)), Ok(7));
    let error = || invalid_input("size", "too small");
    assert_eq!(catch_panic(|| -> Result<()> { Err(error()) }), Err(error()));
}

/// The environment variable that marks the child process of the test below.
const CHILD: &str = "CAPBUNDLE_PANICS_HERE";

#[test]
fn nothing_is_printed_when_something_panics_on_any_thread() {
    if std::env::var_os(CHILD).is_some() {
        print_nothing();
        let fails = || catch_panic(|| -> Result<()> { panic!("a burst pipe") }).is_err();
        assert!(fails());
        assert!(std::thread::spawn(fails).join().is_ok_and(|failed| failed));
        return;
    }
    let this = "catch_panic::tests::nothing_is_printed_when_something_panics_on_any_thread";
    let child = std::process::Command::new(std::env::current_exe().unwrap_or_default())
        .args(["--exact", this, "--nocapture"])
        .env(CHILD, "1")
        .output();
    let child = child.unwrap_or_else(|error| panic!("cannot start the child process: {error}"));
    let (out, err) = (
        String::from_utf8_lossy(&child.stdout),
        String::from_utf8_lossy(&child.stderr),
    );
    assert!(child.status.success() && out.contains("1 passed"), "{out}{err}");
    assert_eq!(err, "");
    assert!(!out.contains("a burst pipe"), "{out}");
}
