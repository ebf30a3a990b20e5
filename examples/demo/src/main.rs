//! Shows the updates of a small app step by step: build, publish, update, forgeries, a version that crashes, a
//! static channel of signed releases, and three devices that follow a channel over a bad network. Each chapter is a file.
//!
//! Run it with `cargo run --release -p capbundle-demo`.

mod app;

mod attack;
mod bad_network;
mod channel;
mod failure;
mod fleet;
mod interrupt;
mod output;
mod publish;
mod server;
mod story;
mod trial;
mod update;
mod web;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;
use tempfile::TempDir;

use crate::failure::{Failure, Result};
use crate::output::Output;
use story::{Step, Story};

#[derive(Serialize)]
struct Document<'a> {
    passed: bool,
    verdict: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    steps: &'a [Step],
}

/// Shows updates of an app from the build folder to the device, all on this machine, in a few seconds
#[derive(Debug, Parser)]
#[command(name = "capbundle-demo", version)]
struct Args {
    /// Keep the demo's files in this new folder instead of removing them
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args, &Output::new(args.json)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // A closed standard error leaves no way to report this.
            let _ = writeln!(io::stderr(), "error ({}): {}", failure.code, failure.message);
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args, output: &Output) -> Result<()> {
    interrupt::install().map_err(|error| Failure::new("io", format!("cannot install signal handlers: {error}")))?;
    let folder = Folder::new(args.keep.as_deref())?;
    let mut story = Story::new(output, folder.path());
    output.report("An app is built, published and updated on a simulated device. Then an attacker forges updates,\na version crashes at every start, the same app is updated from a static web server, and three devices\nfollow a channel over a bad network.")?;

    let published = publish::chapter(&mut story, folder.path())?;
    let (device, offer) = update::chapter(&mut story, folder.path(), &published)?;
    let attacks = attack::chapter(&mut story, folder.path(), &published, &device, &offer)?;
    trial::chapter(&mut story, folder.path(), &published, &device)?;
    let more = channel::chapter(&mut story, folder.path())?;
    fleet::chapter(&mut story, folder.path())?;
    let attacks = attacks + more;

    let verdict = format!(
        "Passed: the update arrived unchanged, {attacks} of {attacks} forgeries were rejected, and the crashing versions \
        were rolled back."
    );
    output.report("")?;
    output.report(&verdict)?;
    if let Some(kept) = &args.keep {
        output.report(format!("The files are in {}", kept.display()))?;
    }
    output.document(&Document {
        passed: true,
        verdict: &verdict,
        folder: args.keep.as_ref().map(|kept| kept.display().to_string()),
        steps: story.steps(),
    })
}

/// The working folder of the demo.
enum Folder {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Folder {
    /// A temporary folder, or the new folder `keep`.
    fn new(keep: Option<&Path>) -> Result<Self> {
        match keep {
            Some(keep) => {
                fs::create_dir(keep).map_err(|error| Failure::io("create", keep, &error))?;
                Ok(Self::Kept(keep.to_owned()))
            }
            None => tempfile::tempdir()
                .map(Self::Temporary)
                .map_err(|error| Failure::io("create a temporary folder", &std::env::temp_dir(), &error)),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }
}

/// Creates a folder that must not exist yet.
fn new_folder(path: PathBuf) -> Result<PathBuf> {
    fs::create_dir(&path).map_err(|error| Failure::io("create", &path, &error))?;
    Ok(path)
}
