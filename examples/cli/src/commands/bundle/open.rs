//! `capbundle bundle open`

use capbundle::keys::ContentKey;
use capbundle::sealed;
use serde::Serialize;

use super::{beside, require_zip, say_if_replaced};
use crate::args::OpenArgs;
use crate::error::{About, Failure, Result, Subject, Warning};
use crate::output::Output;

#[derive(Serialize)]
struct Document {
    filename: String,
    checksum: String,
    verified: bool,
    warnings: Vec<Warning>,
}

pub(crate) fn run(args: &OpenArgs, output: &Output) -> Result<()> {
    require_zip(&args.sealed)?;
    let key = ContentKey::read(&args.content_key).about(Subject::ContentKey)?;
    if !args.unverified {
        return Err(Failure::refused(
            "not_trusted",
            "anyone with the public content key can seal an archive, so only a release that names it can verify it; pass \
            --unverified to open it without verifying",
        ));
    }
    let warning = Warning::new(
        "unverified",
        "the archive is not verified and may be sealed by anyone; do not ship it",
    );
    output.warn(&warning);

    let to = args
        .output
        .clone()
        .unwrap_or_else(|| beside(&args.sealed, "_opened.zip"));
    let existed = to.exists();
    let bar = output.progress();
    let digest = sealed::open_unverified(&args.sealed, &to, &key, &bar.control()).about(Subject::Archive)?;
    drop(bar);
    say_if_replaced(existed, &to, output);
    output.say(format!(
        "Opened {} into {} (not verified)",
        args.sealed.display(),
        to.display()
    ));
    output.say(format!("Checksum {digest}"));
    output.document(&Document {
        filename: to.display().to_string(),
        checksum: digest.to_string(),
        verified: false,
        warnings: vec![warning],
    })
}
