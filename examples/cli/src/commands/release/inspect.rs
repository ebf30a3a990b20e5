//! `capbundle release inspect`

use capbundle::native::NativeVersion;
use capbundle::release::{BundleIdentity, PatchIdentity, Release, SignedRelease, paths};
use serde::Serialize;

use super::document;
use crate::args::DocumentInspectArgs;
use crate::error::Result;
use crate::output::{self, Output};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    filename: String,
    app_id: &'a str,
    channel: &'a str,
    version: &'a str,
    sequence: u64,
    created_at: u64,
    expires_at: u64,
    native_min: Option<&'a str>,
    native_max: Option<&'a str>,
    /// Devices use the bundle inside the native app, so there are no files.
    built_in: bool,
    archive_size: Option<u64>,
    checksum: Option<String>,
    sealed_size: Option<u64>,
    header_checksum: Option<String>,
    files_checksum: Option<String>,
    patches: Vec<PatchDocument>,
    link: Option<&'a str>,
    comment: Option<&'a str>,
    critical: &'a [String],
    payload_checksum: String,
    /// The claimed signers; not verified.
    signed_by: Vec<String>,
}

pub(crate) fn run(args: &DocumentInspectArgs, output: &Output) -> Result<()> {
    let signed = SignedRelease::parse(&document::read_envelope(&args.file)?)?;
    let release = signed.release();
    let bundle = release.bundle();
    let sealed = bundle.and_then(|bundle| bundle.sealed);
    let signed_by = document::signers(signed.envelope());
    output.report_all(lines(release))?;
    document::report_signers(&signed_by, output)?;
    output.document(&Document {
        filename: args.file.display().to_string(),
        app_id: release.app_id.as_str(),
        channel: release.channel.as_str(),
        version: &release.version,
        sequence: release.sequence,
        created_at: release.created_at.0,
        expires_at: release.expires_at.0,
        native_min: release.native.min.as_ref().map(NativeVersion::as_str),
        native_max: release.native.max.as_ref().map(NativeVersion::as_str),
        built_in: release.is_built_in(),
        archive_size: bundle.map(|bundle| bundle.archive.size),
        checksum: bundle.map(|bundle| bundle.archive.digest.to_string()),
        sealed_size: sealed.map(|sealed| sealed.size),
        header_checksum: sealed.map(|sealed| sealed.header_digest.to_string()),
        files_checksum: bundle.map(|bundle| bundle.files_digest.to_string()),
        patches: release.patches.iter().map(patch_document).collect(),
        link: release.link.as_deref(),
        comment: release.comment.as_deref(),
        critical: &release.critical,
        payload_checksum: signed.payload_digest().to_string(),
        signed_by,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PatchDocument {
    /// The checksum of the earlier file list.
    from: String,
    path: String,
    size: u64,
}

fn patch_document(patch: &PatchIdentity) -> PatchDocument {
    let served = paths::patch_of(patch);
    PatchDocument {
        from: patch.from.to_string(),
        path: served.0,
        size: served.1,
    }
}

fn of_bundle(bundle: &BundleIdentity) -> Vec<String> {
    let BundleIdentity {
        archive,
        sealed,
        files_digest,
    } = bundle;
    let mut lines = vec![
        format!("  archive     {} ({})", archive.digest, output::bytes(archive.size)),
        format!("  file list   {files_digest}"),
    ];
    lines.extend(sealed.map(|sealed| {
        format!(
            "  sealed      {} (header; {})",
            sealed.header_digest,
            output::bytes(sealed.size)
        )
    }));
    lines
}

fn lines(release: &Release) -> Vec<String> {
    let mut lines = vec![
        format!(
            "Release {} of {} for {}",
            release.sequence, release.app_id, release.channel
        ),
        format!("  version     {}", release.version),
        format!(
            "  valid       from {} until {} (seconds since 1970)",
            release.created_at.0, release.expires_at.0
        ),
    ];
    match release.bundle() {
        Some(bundle) => lines.extend(of_bundle(bundle)),
        None => lines.push("  built-in    devices go back to the bundle inside the native app".to_owned()),
    }
    lines.extend(release.patches.iter().map(|patch| {
        let size = output::bytes(paths::patch_of(patch).1);
        format!("  patch       {size} from file list {}", patch.from)
    }));
    let (min, max) = (&release.native.min, &release.native.max);
    if min.is_some() || max.is_some() {
        let end = |version: &Option<NativeVersion>| version.as_ref().map_or("any", NativeVersion::as_str).to_owned();
        lines.push(format!("  native      from {} to {}", end(min), end(max)));
    }
    lines.extend(release.link.iter().map(|link| format!("  link        {link}")));
    lines.extend(release.comment.iter().map(|comment| format!("  comment     {comment}")));
    if !release.critical.is_empty() {
        lines.push(format!("  critical    {}", release.critical.join(", ")));
    }
    lines
}
