//! Ctrl-C and SIGTERM: temporary files are removed before the command ends.
//!
//! The first signal cancels the process-wide token. The running operation stops and removes its temporary files, and
//! the command ends with an error. A second signal ends the process at once. Signals within one second of the first
//! do not count as a second one: GNU `timeout` sends each signal twice, to its child and to its process group, and
//! wrappers that forward signals from the terminal do the same.

use std::io;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use capbundle::progress::{CancelToken, Control};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The handled signals and their exit codes: 128 plus the number of the signal, the convention of shells.
const SIGNALS: [(i32, u8); 2] = [(SIGINT, 130), (SIGTERM, 143)];

/// How often the watcher thread polls: short enough not to be noticed, long enough to cost nothing.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Signals within this time of the first one are duplicates of it.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(1);

/// Signals are sent to the process, so it has a single token.
static TOKEN: LazyLock<CancelToken> = LazyLock::new(CancelToken::new);
/// Cancelled when the time limit set by the user has passed.
static DEADLINE: LazyLock<CancelToken> = LazyLock::new(CancelToken::new);
/// Whether the next signal ends the process.
static EXIT_ON_NEXT_SIGNAL: AtomicBool = AtomicBool::new(false);
/// The exit code of the received signal; 0 before any signal.
static SIGNAL_EXIT_CODE: AtomicUsize = AtomicUsize::new(0);

/// Makes signals cancel [`control`] instead of ending the process.
pub(crate) fn install() -> io::Result<()> {
    for (signal, exit) in SIGNALS {
        flag::register_conditional_shutdown(signal, i32::from(exit), &EXIT_ON_NEXT_SIGNAL)?;
        flag::register_usize(signal, &SIGNAL_EXIT_CODE, usize::from(exit))?;
    }
    // A signal handler may only set a flag, and the token does not expose its own.
    thread::Builder::new().name("signals".to_owned()).spawn(|| {
        while SIGNAL_EXIT_CODE.load(Ordering::Relaxed) == 0 {
            thread::sleep(POLL_INTERVAL);
        }
        TOKEN.cancel();
        thread::sleep(DUPLICATE_WINDOW);
        EXIT_ON_NEXT_SIGNAL.store(true, Ordering::Relaxed);
    })?;
    Ok(())
}

/// The control for every operation: signals and the time limit cancel it.
pub(crate) fn control() -> Control {
    Control::new().with_cancel_token(&TOKEN).with_cancel_token(&DEADLINE)
}

/// Starts the time limit for all operations together. Rolling back afterwards is not limited.
pub(crate) fn start_deadline(time: Duration) -> io::Result<()> {
    let watcher = thread::Builder::new().name("deadline".to_owned());
    watcher.spawn(move || {
        thread::sleep(time);
        DEADLINE.cancel();
    })?;
    Ok(())
}

/// Whether the time limit has passed and no signal was received before.
pub(crate) fn is_past_deadline() -> bool {
    DEADLINE.is_cancelled() && exit_code().is_none()
}

/// The exit code for a command stopped by a signal, if one was received.
pub(crate) fn exit_code() -> Option<u8> {
    u8::try_from(SIGNAL_EXIT_CODE.load(Ordering::Relaxed))
        .ok()
        .filter(|code| *code != 0)
}
