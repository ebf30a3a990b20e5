//! `capbundle app debug`

use crate::args::DebugArgs;
use crate::codes::{Failure, Result};
use crate::output::Output;

pub(crate) fn run(args: &DebugArgs, output: &Output) -> Result<()> {
    let _ = (args, output);
    Err(Failure::refused("unsupported", "later"))
}
