//! The lines of standard input, read on a thread so that a signal ends the command while it waits for one.

use std::io::{self, BufRead as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::error::{Failure, Result};
use crate::interrupt;

/// How often a wait looks for a signal: short enough not to be noticed, long enough to cost nothing.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(20);

pub(super) struct Input {
    lines: Receiver<io::Result<String>>,
    line_number: u64,
}

impl Input {
    pub(super) fn new() -> Result<Self> {
        let (sender, lines) = sync_channel(1);
        let reader = thread::Builder::new().name("input".to_owned()).spawn(move || {
            for line in io::stdin().lock().lines() {
                let is_last = line.is_err();
                if sender.send(line).is_err() || is_last {
                    return;
                }
            }
        });
        reader.map_err(|error| Failure::refused("io", format!("cannot start a thread: {error}")))?;
        Ok(Self { lines, line_number: 0 })
    }

    /// The next line; `None` at the end of the input.
    pub(super) fn next(&mut self) -> Result<Option<String>> {
        loop {
            interrupt::control().check("wait for a command")?;
            match self.lines.recv_timeout(POLL_INTERVAL) {
                Ok(Ok(line)) => {
                    self.line_number += 1;
                    return Ok(Some(line));
                }
                Ok(Err(error)) => {
                    return Err(Failure::refused("io", format!("cannot read standard input: {error}")));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }

    /// The number of the line that was read last, from 1.
    pub(super) fn line_number(&self) -> u64 {
        self.line_number
    }
}
