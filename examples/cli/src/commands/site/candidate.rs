//! `capbundle release promote`, `rollout` and `pause`

use super::TargetChannel;
use crate::args::{PauseArgs, PromoteArgs, RolloutArgs};
use crate::error::Result;
use crate::output::Output;

pub(crate) fn promote(args: &PromoteArgs, output: &Output) -> Result<()> {
    let channel = TargetChannel::find(&args.target)?;
    channel.execute(&[], output, |publisher, run| publisher.promote(args.sequence, run))
}

pub(crate) fn rollout(args: &RolloutArgs, output: &Output) -> Result<()> {
    let channel = TargetChannel::find(&args.target)?;
    channel
        .execute(&[], output, |publisher, run| {
            publisher.rollout(args.share, args.lower, run)
        })
        .map_err(|failure| match failure.code.as_ref() {
            "invalid_input" if !args.lower && failure.message.contains("lowering") => failure.adding("pass --lower"),
            _ => failure,
        })
}

pub(crate) fn pause(args: &PauseArgs, output: &Output) -> Result<()> {
    let channel = TargetChannel::find(&args.target)?;
    #[allow(
        clippy::redundant_closure_for_method_calls,
        reason = "the method has one lifetime and the closure needs two"
    )]
    channel.execute(&[], output, |publisher, run| publisher.pause(run))
}
