//! Ctrl-C and SIGTERM: what is half made is removed before the command ends.
//!
//! The first signal cancels the one token of this process, which stops the operation that runs; that removes its
//! temporary files, and the command ends with an error. A second signal ends the process at once. A signal within a second of the
//! first one is no second one: GNU `timeout` sends each of its own twice, to its child and to its group, and so do wrappers that pass
//! on what the terminal has sent to the whole group.

use std::io;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use capbundle::progress::{CancelToken, Control};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The signals, and how the process ends after them: 128 and the number of the signal, as shells say it.
const SIGNALS: [(i32, u8); 2] = [(SIGINT, 130), (SIGTERM, 143)];

/// How often the watcher looks. Nobody notices the delay, and looking costs nothing.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Signals that come within this time of the first one are the same.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(1);

/// Signals come to a process, so there is one token in it.
static TOKEN: LazyLock<CancelToken> = LazyLock::new(CancelToken::new);
/// Cancelled when the time that the user gave is over.
static DEADLINE: LazyLock<CancelToken> = LazyLock::new(CancelToken::new);
/// Whether the next signal ends the process.
static EXIT_ON_NEXT_SIGNAL: AtomicBool = AtomicBool::new(false);
/// The exit code of the signal that came; 0 while none has.
static SIGNAL_EXIT_CODE: AtomicUsize = AtomicUsize::new(0);

/// From now on a signal cancels [`control`] instead of ending the process.
pub(crate) fn install() -> io::Result<()> {
    for (signal, exit) in SIGNALS {
        flag::register_conditional_shutdown(signal, i32::from(exit), &EXIT_ON_NEXT_SIGNAL)?;
        flag::register_usize(signal, &SIGNAL_EXIT_CODE, usize::from(exit))?;
    }
    // A handler may do no more than raise a flag, and the token's own is not ours to give away.
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

/// What every operation is handed: a signal stops it.
pub(crate) fn control() -> Control {
    Control::new().with_cancel_token(&TOKEN).with_cancel_token(&DEADLINE)
}

/// From now on every operation has this long, all together. What has to be undone then is not counted.
pub(crate) fn start_deadline(time: Duration) -> io::Result<()> {
    let watcher = thread::Builder::new().name("deadline".to_owned());
    watcher.spawn(move || {
        thread::sleep(time);
        DEADLINE.cancel();
    })?;
    Ok(())
}

/// Whether that time is over, and no signal came before.
pub(crate) fn is_past_deadline() -> bool {
    DEADLINE.is_cancelled() && exit_code().is_none()
}

/// The exit code of a command that a signal stopped, if one came.
pub(crate) fn exit_code() -> Option<u8> {
    u8::try_from(SIGNAL_EXIT_CODE.load(Ordering::Relaxed))
        .ok()
        .filter(|code| *code != 0)
}
