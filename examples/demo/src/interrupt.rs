//! Ctrl-C and SIGTERM cancel the running step, so that temporary files are removed. A second signal ends the process.

use std::io;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use capbundle::progress::{CancelToken, Control};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

static TOKEN: LazyLock<CancelToken> = LazyLock::new(CancelToken::new);
const POLL: Duration = Duration::from_millis(20);

/// Makes signals cancel [`control`].
pub(crate) fn install() -> io::Result<()> {
    let received = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order, the first signal only raises the flag.
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&received))?;
        flag::register(signal, Arc::clone(&received))?;
    }
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        while !received.load(Ordering::Relaxed) {
            thread::sleep(POLL);
        }
        TOKEN.cancel();
    })?;
    Ok(())
}

/// The control that every step uses.
pub(crate) fn control() -> Control {
    Control::new().with_cancel_token(&TOKEN)
}
