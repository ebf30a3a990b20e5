//! `capbundle demo`: the whole story on a small app, told step by step, each chapter in a file of its own.

mod app;
mod ask;
mod attack;
mod channel;
mod publish;
mod server;
mod story;
mod trial;
mod update;
mod web;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::TempDir;

use crate::args::DemoArgs;
use crate::codes::{Failure, Result};
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

pub(crate) fn run(args: &DemoArgs, output: &Output) -> Result<()> {
    let folder = Folder::new(args.keep.as_deref())?;
    let mut story = Story::new(output, folder.path());
    output.report("One app and its updates: from the build folder to the device, what happens to forgeries, to a version that crashes, and all of it without a server.")?;

    let published = publish::chapter(&mut story, folder.path())?;
    let (device, offer) = update::chapter(&mut story, folder.path(), &published)?;
    let attacks = attack::chapter(&mut story, folder.path(), &published, &device, &offer)?;
    trial::chapter(&mut story, folder.path(), &published, &device)?;
    let more = channel::chapter(&mut story, folder.path())?;
    let attacks = attacks + more;

    let verdict = format!(
        "The update arrived exactly as it was made, {attacks} of {attacks} forgeries were refused, and the version that \
         never worked is gone."
    );
    output.report_all(["", &verdict])?;
    if let Some(kept) = &args.keep {
        output.say(format!("The files are in {}", kept.display()));
    }
    output.document(&Document {
        passed: true,
        verdict: &verdict,
        folder: args.keep.as_ref().map(|kept| kept.display().to_string()),
        steps: story.steps(),
    })
}

/// Where the demo works.
enum Folder {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Folder {
    /// A folder that goes away, or the new folder `keep`.
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

/// Makes a folder that must not exist yet.
fn new_folder(path: PathBuf) -> Result<PathBuf> {
    fs::create_dir(&path).map_err(|error| Failure::io("create", &path, &error))?;
    Ok(path)
}
