//! Downloads a registered archive and verifies it as a device does.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use capbundle::bundle::{self, UnpackOptions};
use capbundle::capgo;
use capbundle::capgo::IvSessionKey;
use capbundle::digest::Sha256Digest;
use capbundle::http::download::{Download, DownloadOptions, Remote, download};
use capbundle::http::{Transport, Url};
use capbundle::progress::Control;
use capbundle::{Error, ErrorKind, VerifiedArchive};
use capbundle_publish::api::RemoteBundle;

use super::bundle::signed_checksum;
use super::key_source::{self, FoundKeys};
use crate::args::Form;
use crate::error::{About, Failure, Result, Subject};

/// Number of digits of a CRC-32, which old versions of Capgo's command registered.
const CRC32_DIGITS: usize = 8;

/// An archive that matches its registration and that devices can unpack.
#[derive(Debug)]
pub(super) struct FetchedArchive {
    /// The stored file, encrypted or not.
    pub(super) stored: PathBuf,
    pub(super) size: u64,
    /// The plain archive.
    pub(super) archive: VerifiedArchive,
    pub(super) proof: Proof,
}

/// How an archive was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// The registered SHA-256.
    Digest,
    /// The registered checksum, signed with the app's key.
    Signed,
}

impl Proof {
    /// The value in JSON output, as in `bundle verify`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Signed => "capgo_signed",
        }
    }

    /// The text in messages.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Digest => "SHA-256 matches the registration",
            Self::Signed => "signed with the app's key",
        }
    }
}

/// How to verify an archive, chosen by its registration.
enum Check<'a> {
    Digest(Sha256Digest),
    SignedOnly(&'a str, &'a FoundKeys),
    Encrypted(&'a str, IvSessionKey, &'a FoundKeys),
}

/// Codes of failures that leave open whether the archive is right.
const UNVERIFIABLE_CODES: [&str; 4] = ["no_address", "no_checksum", "not_verifiable", "missing_public_key"];

/// Whether the failure means that an archive cannot be verified, rather than that it is wrong or missing.
pub(super) fn is_unverifiable(failure: &Failure) -> bool {
    UNVERIFIABLE_CODES.contains(&failure.code.as_ref())
}

/// Downloads the archive of `bundle` into `folder`, verifies it against its registration and unpacks it once.
pub(super) fn fetch(
    bundle: &RemoteBundle,
    key: Option<&FoundKeys>,
    form: Form,
    folder: &Path,
    transport: &dyn Transport,
    control: &Control,
) -> Result<FetchedArchive> {
    let Some(url) = &bundle.external_url else {
        let kept_by = bundle.storage_provider.as_deref().unwrap_or("the server");
        let message = format!("the archive is stored by {kept_by}, which returns its URL only to devices");
        return Err(Failure::refused("no_address", message));
    };
    let url = address(url)?;
    let check = check(bundle, key)?;
    let digest = match &check {
        Check::Digest(digest) => Some(*digest),
        _ => None,
    };
    let remote = Remote::new(url.clone()).with_digest(digest);
    let wanted = Download {
        remote: &remote,
        folder,
        options: &DownloadOptions::default(),
    };
    let downloaded = download(transport, &wanted, control);
    let downloaded = downloaded.map_err(|error| not_downloaded(&error))?;
    let stored = downloaded.path;
    if begins_as_html(&stored)? {
        let message = format!(
            "{url} returns a web page instead of an archive: a login page, an error page or the viewer of a file host"
        );
        return Err(Failure::refused("html_page", message));
    }
    let (archive, proof) = match &check {
        Check::Digest(digest) => {
            let archive = VerifiedArchive::from_digest(&stored, digest, control).about(Subject::Archive)?;
            (archive, Proof::Digest)
        }
        Check::SignedOnly(checksum, found) => {
            let checksum = signed_checksum(checksum, form)?;
            let archive =
                capgo::verify_signed_only(&stored, &checksum, key_source::signer(&found.keys, &checksum), control);
            (archive.map_err(|error| not_opened(&error))?, Proof::Signed)
        }
        Check::Encrypted(checksum, session, found) => {
            let checksum = signed_checksum(checksum, form)?;
            let archive = capgo::decrypt(
                &stored,
                folder,
                &capgo::Decryption {
                    iv_session_key: session,
                    checksum: &checksum,
                    key: key_source::signer(&found.keys, &checksum),
                },
                control,
            );
            (archive.map_err(|error| not_opened(&error))?, Proof::Signed)
        }
    };
    let unpacked = folder.join("unpacked");
    bundle::unpack(&archive, &unpacked, &UnpackOptions::default(), control)
        .about(Subject::Archive)
        .map_err(|failure| failure.adding("devices reject it too"))?;
    std::fs::remove_dir_all(&unpacked).map_err(|error| Failure::io("remove", &unpacked, &error))?;
    Ok(FetchedArchive {
        stored,
        size: downloaded.size,
        archive,
        proof,
    })
}

fn check<'a>(bundle: &'a RemoteBundle, key: Option<&'a FoundKeys>) -> Result<Check<'a>> {
    let given = |text: &'a Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let Some(checksum) = given(&bundle.checksum) else {
        let message = "the bundle is registered without a checksum, so its archive cannot be verified";
        return Err(Failure::refused("no_checksum", message));
    };
    let needs_key = || {
        let message = "the bundle is signed and there is no public key in this folder: pass the app's public key with --key or --key-data";
        key.ok_or_else(|| Failure::refused("missing_public_key", message))
    };
    if let Some(session) = given(&bundle.session_key) {
        return Ok(Check::Encrypted(
            checksum,
            session.parse().about(Subject::IvSessionKey)?,
            needs_key()?,
        ));
    }
    if let Ok(digest) = checksum.parse() {
        return Ok(Check::Digest(digest));
    }
    if checksum.len() == CRC32_DIGITS && checksum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let message = format!("the registered checksum {checksum} is a CRC-32, which does not verify anything");
        return Err(Failure::refused("not_verifiable", message));
    }
    Ok(Check::SignedOnly(checksum, needs_key()?))
}

pub(super) fn address(text: &str) -> Result<Url> {
    let url: Url = text.parse().map_err(|error: Error| {
        Failure::refused(
            "invalid_url",
            format!("the URL of the archive is not valid for devices: {error}"),
        )
    })?;
    if url.is_secure() || url.is_loopback() {
        return Ok(url);
    }
    Err(Failure::refused(
        "plain_http",
        format!("the archive URL {url} is plain http, which iOS and Android block: register an https URL"),
    ))
}

pub(super) fn not_downloaded(error: &Error) -> Failure {
    let failure = Failure::about(Subject::Other, error);
    match error {
        Error::Server { status: 401 | 403, .. } => failure.adding(
            "the archive is not public, and devices have no credentials: make it publicly readable, or register a URL that includes \
            authorization and does not expire",
        ),
        Error::Server { status: 404 | 410, .. } => {
            failure.adding("there is no archive at the URL: it was moved or deleted, or the URL is wrong")
        }
        Error::DigestMismatch { .. } => failure.adding(
            "the archive differs from the registered one: it was replaced, or a cache serves an old one",
        ),
        _ => failure,
    }
}

pub(super) fn not_opened(error: &Error) -> Failure {
    let failure = Failure::about(Subject::Archive, error);
    match error.kind() {
        ErrorKind::SignatureInvalid | ErrorKind::KeyInvalid => {
            failure.adding("the bundle was not signed with the private key that belongs to the app's public key")
        }
        ErrorKind::DecryptionFailed => failure.adding("the session key is not that of the archive"),
        ErrorKind::DigestMismatch => failure.adding("checksum, session key and archive do not match"),
        _ => failure,
    }
}

pub(super) fn begins_as_html(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| Failure::io("read", path, &error))?;
    file.take(64)
        .read_to_end(&mut start)
        .map_err(|error| Failure::io("read", path, &error))?;
    Ok(is_html(&start))
}

/// Whether a response body starts like a web page.
pub(super) fn is_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let start = start.get(..start.len().min(9)).unwrap_or_default().to_ascii_lowercase();
    start.starts_with(b"<!doctype") || start.starts_with(b"<html") || start.starts_with(b"<head")
}
