//! Runs a process to its end, with a time limit.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Long enough for the slowest program on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(300);

const POLL: Duration = Duration::from_millis(5);

/// A process that ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    described: String,
}

impl Finished {
    /// The standard output of a process that must have succeeded.
    ///
    /// # Panics
    /// If it failed, with a transcript.
    #[must_use]
    pub fn expect_success(self) -> String {
        assert!(self.status.success(), "{}", self.transcript());
        self.stdout
    }

    /// The command, its exit status and its output, for failure messages.
    #[must_use]
    pub fn transcript(&self) -> String {
        let Self {
            status,
            stdout,
            stderr,
            described,
        } = self;
        format!("{described}\nended with {status}\nstdout:\n{stdout}\nstderr:\n{stderr}")
    }
}

/// Runs `command` without standard input.
///
/// # Panics
/// If it cannot be started, or does not end within five minutes; then it is killed.
#[must_use]
pub fn run(command: &mut Command) -> Finished {
    let described = format!("{command:?}");
    let spawned = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("cannot start {described}: {error}"));
    let stdout = read_in_background(child.stdout.take());
    let stderr = read_in_background(child.stderr.take());
    let status = wait(&mut child, &described);
    Finished {
        status,
        stdout: text(stdout),
        stderr: text(stderr),
        described,
    }
}

fn wait(child: &mut Child, described: &str) -> ExitStatus {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().expect("a child can be killed");
            child.wait().expect("a killed child ends");
            panic!("killed after {} seconds: {described}", TIMEOUT.as_secs());
        }
        std::thread::sleep(POLL);
    }
}

fn read_in_background(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    let mut pipe = pipe.expect("the stream is piped");
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    })
}

fn text(reader: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&reader.join().expect("the reading thread ends")).into_owned()
}
