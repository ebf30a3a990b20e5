//! Running a peer to its end, with a limit on how long that may take.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Long enough for the slowest peer on a loaded machine, short enough that a hanging one is noticed.
const LIMIT: Duration = Duration::from_secs(300);

const POLL: Duration = Duration::from_millis(5);

/// A process that ended by itself.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    described: String,
}

impl Finished {
    /// Standard output of a process that must have succeeded.
    ///
    /// # Panics
    /// When it failed; the message shows everything that it wrote.
    #[must_use]
    pub fn expect_success(self) -> String {
        assert!(self.status.success(), "{}", self.transcript());
        self.stdout
    }

    /// Everything there is to know, for the message of a failed test.
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
/// When it cannot be started, and when it is still running after five minutes (it is killed then).
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
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().expect("a child can be killed");
            child.wait().expect("a killed child ends");
            panic!("still running after {} seconds: {described}", LIMIT.as_secs());
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
