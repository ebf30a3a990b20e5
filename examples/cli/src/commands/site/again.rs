//! `capbundle release rollback` and `renew`

use super::Channel;
use super::signing::Keys;
use crate::args::{RenewArgs, RollbackArgs};
use crate::codes::Result;
use crate::output::Output;

pub(crate) fn rollback(args: &RollbackArgs, output: &Output) -> Result<()> {
    let channel = Channel::find(&args.place)?;
    let keys = Keys::find(&args.signing)?;
    keys.with(&args.signing, None, |signing| {
        channel.carry_out(&[], output, |publisher, run| {
            publisher.rollback(args.sequence, signing, run)
        })
    })
}

pub(crate) fn renew(args: &RenewArgs, output: &Output) -> Result<()> {
    let channel = Channel::find(&args.place)?;
    let keys = Keys::find(&args.signing)?;
    keys.with(&args.signing, None, |signing| {
        channel.carry_out(&[], output, |publisher, run| publisher.renew(args.within, signing, run))
    })
}
