//! `capbundle keyring inspect`

use capbundle::release::SignedKeyRing;

use super::{id_of, show};
use crate::args::DocumentInspectArgs;
use crate::commands::release::document;
use crate::error::Result;
use crate::output::Output;

pub(crate) fn run(args: &DocumentInspectArgs, output: &Output) -> Result<()> {
    let signed = SignedKeyRing::parse(&document::read_envelope(&args.file)?)?;
    let ring = signed.ring();
    output.report(format!("Ring {} of {}", ring.number, ring.app_id))?;
    output.report(format!("  {} of {} keys must sign", ring.threshold, ring.keys.len()))?;
    for key in &ring.keys {
        output.report(format!("  key      {} ({} bits)", id_of(key), key.bits()))?;
    }
    output.report_all(ring.retired.iter().map(|id| format!("  retired  {id}")))?;
    document::report_signers(&document::signers(signed.envelope()), output)?;
    show(&signed, &args.file, output)
}
