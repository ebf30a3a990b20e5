//! `capbundle keyring sign`

use capbundle::release::SignedKeyRing;

use crate::args::SignArgs;
use crate::commands::release::{document, sign};
use crate::error::Result;
use crate::output::Output;

pub(crate) fn run(args: &SignArgs, output: &Output) -> Result<()> {
    let ring = SignedKeyRing::parse(&document::read_envelope(&args.file)?)?;
    sign::add(args, ring.into_envelope(), output)
}
