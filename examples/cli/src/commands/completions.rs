//! `capbundle completions`

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::error::Result;
use crate::output;

pub(crate) fn run(args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "capbundle", &mut script);
    output::raw(&script)
}
