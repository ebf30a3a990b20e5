//! `capbundle man`

use std::fs;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::args::{Cli, ManArgs};
use crate::error::{Failure, Result};
use crate::output::{self, Output};

pub(crate) fn run(args: &ManArgs, output: &Output) -> Result<()> {
    if let Some(folder) = &args.to {
        fs::create_dir_all(folder).map_err(|error| Failure::io("create", folder, &error))?;
        clap_mangen::generate_to(Cli::command(), folder)
            .map_err(|error| Failure::io("write man pages", folder, &error))?;
        output.say(format!("Man pages written to {}", folder.display()));
        return Ok(());
    }
    let mut page = Vec::new();
    let rendered = Man::new(Cli::command()).render(&mut page);
    rendered.map_err(|error| Failure::refused("io", format!("cannot generate the man page: {error}")))?;
    output::raw(&page)
}
