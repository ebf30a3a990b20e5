//! Downloads and verifies the offered bundle as a device does.

use capbundle::VerifiedArchive;
use capbundle::bundle::{self, UnpackOptions};
use capbundle::capgo;
use capbundle::capgo::IvSessionKey;
use capbundle::capgo::SignedChecksum;
use capbundle::digest::Sha256Digest;
use capbundle::http::Transport;
use capbundle::http::download::{Download, DownloadOptions, Remote, download};
use capbundle::update::protocol::UpdateOffer;

use super::device::Device;
use super::{Notes, update_request, wrong};
use crate::args::DebugArgs;
use crate::commands::bundle::signed_checksum;
use crate::commands::fetch::{address, begins_as_html, not_downloaded, not_opened};
use crate::commands::key_source;
use crate::error::{About, Failure, Result, Subject};

/// A downloaded and verified bundle.
pub(super) struct Downloaded {
    pub(super) size: u64,
    pub(super) files: u64,
    /// How it was verified, for messages.
    pub(super) how: &'static str,
    /// How it was verified, for JSON output.
    pub(super) proof: &'static str,
}

/// How the device verifies the bundle. Only its own key decides this.
enum Check {
    Signed(SignedChecksum, IvSessionKey),
    Digest(Sha256Digest),
    None,
}

pub(super) fn download_offer(
    args: &DebugArgs,
    device: &Device,
    offer: &UpdateOffer,
    transport: &dyn Transport,
    notes: &mut Notes<'_>,
) -> Result<Downloaded> {
    let url = address(&offer.url)?;
    let check = check(args, device, offer, notes)?;
    let folder = tempfile::tempdir().map_err(|error| Failure::io("create", &std::env::temp_dir(), &error))?;
    let digest = match &check {
        Check::Digest(digest) => Some(*digest),
        _ => None,
    };
    let remote = Remote::new(url.clone()).with_digest(digest);
    let bar = notes.output.progress();
    let control = bar.control();
    let wanted = Download {
        remote: &remote,
        folder: folder.path(),
        options: &DownloadOptions::default(),
    };
    let downloaded = download(transport, &wanted, &control);
    let downloaded = downloaded.map_err(|error| not_downloaded(&error))?;
    let path = downloaded.path.as_path();
    if begins_as_html(path)? {
        return Err(wrong(
            "html_page",
            format!(
                "{url} returns a web page instead of an archive: a login page, an error page or the viewer of a file host"
            ),
        ));
    }
    let (archive, how, proof) = match (&check, &device.keys) {
        (Check::Signed(checksum, session), Some(keys)) => {
            let opened = capgo::decrypt(
                path,
                folder.path(),
                &capgo::Decryption {
                    iv_session_key: session,
                    checksum,
                    key: key_source::signer(keys, checksum),
                },
                &control,
            );
            (
                opened.map_err(|error| not_opened(&error))?,
                "decrypted, signed with the app's key",
                "capgo_signed",
            )
        }
        (Check::Digest(digest), _) => {
            let archive = VerifiedArchive::from_digest(path, digest, &control).about(Subject::Archive)?;
            (archive, "SHA-256 matches the server's", "digest")
        }
        _ => {
            let archive = VerifiedArchive::assume_trusted(path, &control).about(Subject::Archive)?;
            (archive, "not verified", "assumed")
        }
    };
    let unpacked = bundle::unpack(
        &archive,
        &folder.path().join("unpacked"),
        &UnpackOptions::default(),
        &control,
    );
    let unpacked = unpacked
        .about(Subject::Archive)
        .map_err(|failure| failure.adding("devices reject it too"))?;
    drop(bar);
    update_request::check_archive_cors(args, &url, transport, notes)?;
    Ok(Downloaded {
        size: downloaded.size,
        files: unpacked.files,
        how,
        proof,
    })
}

fn check(args: &DebugArgs, device: &Device, offer: &UpdateOffer, notes: &mut Notes<'_>) -> Result<Check> {
    if device.keys.is_none() {
        return check_without_key(offer, notes);
    }
    let Some(checksum) = &offer.checksum else {
        return Err(wrong(
            "checksum_required",
            "the app has a public key and the server returned no checksum, so devices reject the bundle: register it with the \
            signed checksum printed by `bundle encrypt`",
        ));
    };
    let checksum = signed_checksum(checksum, args.checksum_form)
        .map_err(|failure| failure.adding("the app has a public key, so devices reject the bundle"))?;
    let Some(session) = &offer.session_key else {
        return Err(wrong(
            "not_encrypted",
            "the app has a public key and the server returned no session key, so Capgo's plugin for Android rejects the bundle: \
            register it with the ivSessionKey printed by `bundle encrypt`",
        ));
    };
    let session = session.parse().about(Subject::IvSessionKey)?;
    Ok(Check::Signed(checksum, session))
}

fn check_without_key(offer: &UpdateOffer, notes: &mut Notes<'_>) -> Result<Check> {
    if offer.session_key.is_some() {
        return Err(wrong(
            "missing_public_key",
            "the bundle is encrypted and the app has no public key, so devices cannot open it: build the app with the public key, \
            or pass the key with --key if the app has one",
        ));
    }
    let Some(checksum) = &offer.checksum else {
        notes.warn(
            "no_checksum",
            "the server returned no checksum: devices install the bundle without verifying it",
        );
        return Ok(Check::None);
    };
    let digest = checksum.parse().about(Subject::Checksum);
    let digest = digest.map_err(|failure| failure.adding("the server returned this checksum"))?;
    Ok(Check::Digest(digest))
}
