//! The destination of the archive, and the rules for combining options.

use capbundle::http::{Headers, Url};
use semver::Version;

use crate::args::{S3Args, UploadArgs};
use crate::commands::{s3, server};
use crate::error::{Failure, Result};

/// Where devices download the archive.
pub(super) enum Destination<'a> {
    /// The archive is already uploaded.
    External(Url),
    /// A bucket.
    S3(&'a S3Args),
    /// A URL that accepts PUT.
    Put { to: Url, headers: Headers, public: Url },
    /// The server that registers the bundle stores the archive too.
    Server,
}

/// The destination, if the options can be combined.
pub(super) fn destination(args: &UploadArgs) -> Result<Destination<'_>> {
    if let Some((option, why)) = args.unsupported.refused() {
        return Err(Failure::usage("unsupported_option", format!("{option}: {why}")));
    }
    check_archive(args)?;
    check_release(args)?;
    check_places(args)?;
    check_delta(args)?;
    if let Some(url) = &args.destination.external {
        return Ok(Destination::External(registrable(url, "--external")?));
    }
    if args.s3.any() {
        check_bucket(args)?;
        return Ok(Destination::S3(&args.s3));
    }
    if let Some(url) = &args.destination.put_url {
        return put(args, url);
    }
    if server::own_address(&args.server)?.is_some() {
        if args.no_register {
            return Err(conflict(
                "--no-register: your own server registers an archive when it is uploaded; pass a bucket (--s3-bucket-name) or \
                --put-url to upload without registering",
            ));
        }
        return Ok(Destination::Server);
    }
    Err(Failure::missing_argument(
        "no destination for the archive: Capgo's public API does not accept uploads. Pass a bucket (--s3-bucket-name, \
        --s3-region), a URL that accepts PUT (--put-url), the URL of an uploaded archive (--external), or your own server \
        (--api-url)",
    ))
}

fn check_archive(args: &UploadArgs) -> Result<()> {
    if args.zip.is_some() && args.content.path.is_some() {
        return Err(conflict(
            "--zip uploads an existing archive and --path packs a folder; pass only one of them",
        ));
    }
    let encryption = &args.encryption;
    if encryption.key_v2.is_some() && encryption.key_data_v2.is_some() {
        return Err(conflict(
            "--key-v2 and --key-data-v2 both set the private key; pass only one of them",
        ));
    }
    if encryption.no_key && (encryption.key_v2.is_some() || encryption.key_data_v2.is_some()) {
        return Err(conflict(
            "--no-key disables encryption, but a private key is given; pass only one of them",
        ));
    }
    if encryption.encrypted_checksum.is_some() && encryption.iv_session_key.is_none() {
        return Err(conflict(
            "--encrypted-checksum without --iv-session-key: Capgo's plugin for Android rejects an archive that is signed but not \
            encrypted; pass the session key too",
        ));
    }
    if encryption.no_key && encryption.iv_session_key.is_some() {
        return Err(conflict(
            "--no-key and --iv-session-key: a key is needed to check that devices can open the encrypted archive; remove \
            --no-key",
        ));
    }
    Ok(())
}

fn check_release(args: &UploadArgs) -> Result<()> {
    if args.no_register {
        let registered = [
            (
                !args.channel.is_empty(),
                "--channel",
                "only a registered bundle can be in a channel",
            ),
            (args.link.is_some(), "--link", "only a registered bundle has it"),
            (args.comment.is_some(), "--comment", "only a registered bundle has it"),
            (
                args.min_update_version.is_some(),
                "--min-update-version",
                "only a registered bundle has it",
            ),
            (
                args.version_exists_ok,
                "--version-exists-ok",
                "registered versions are not checked",
            ),
        ];
        if let Some((_, option, why)) = registered.iter().find(|(given, ..)| *given) {
            return Err(conflict(&format!(
                "--no-register and {option}: {why}; pass only one of them"
            )));
        }
    }
    if args.channel.iter().any(|name| name.trim().is_empty()) {
        return Err(Failure::usage(
            "invalid_argument",
            "--channel: the list contains an empty name",
        ));
    }
    if let Some(version) = &args.min_update_version {
        if server::own_address(&args.server)?.is_none() {
            return Err(Failure::usage(
                "unsupported_option",
                "--min-update-version: Capgo's public API does not support it; set it in Capgo's console, or remove the option",
            ));
        }
        Version::parse(version).map_err(|error| {
            let problem = format!("--min-update-version: {version:?} is not a version like 1.2.3: {error}");
            Failure::refused("invalid_semver", problem)
        })?;
    }
    Ok(())
}

/// Checks that at most one destination is given.
fn check_places(args: &UploadArgs) -> Result<()> {
    let external = args.destination.external.is_some();
    let put = args.destination.put_url.is_some();
    if external && args.s3.any() {
        return Err(conflict(
            "--external and --s3-…: --external registers an archive that is already uploaded; pass only one of them",
        ));
    }
    if external && put {
        return Err(conflict(
            "--external and --put-url: --external registers an archive that is already uploaded; pass only one of them",
        ));
    }
    if put && args.s3.any() {
        return Err(conflict(
            "--put-url and --s3-…: the archive has one destination; pass only one of them",
        ));
    }
    if external && args.no_register {
        return Err(conflict(
            "--external and --no-register: --external uploads nothing and --no-register registers nothing; remove one of them",
        ));
    }
    Ok(())
}

/// Checks that the single files have a destination, and that the registry stores manifests.
fn check_delta(args: &UploadArgs) -> Result<()> {
    let delta = &args.delta;
    if !delta.uploads_files() {
        return Ok(());
    }
    let option = if delta.delta_only { "--delta-only" } else { "--delta" };
    if args.destination.external.is_some() {
        return Err(conflict(&format!(
            "{option} and --external: --external uploads nothing, and the single files need a destination; pass a bucket or \
            --put-url"
        )));
    }
    if delta.encrypt_partial && args.encryption.no_key {
        return Err(conflict(
            "--encrypt-partial and --no-key: encryption needs a key; remove one of them",
        ));
    }
    if !args.no_register && server::own_address(&args.server)?.is_none() {
        return Err(Failure::usage(
            "unsupported_option",
            format!(
                "{option}: Capgo's public API does not store manifests. Pass your own server with --api-url, or --no-register to \
                upload the files and print the manifest"
            ),
        ));
    }
    Ok(())
}

fn check_bucket(args: &UploadArgs) -> Result<()> {
    if args.s3.bucket.is_none() {
        return Err(Failure::missing_argument(
            "--s3-…: no bucket; pass its name with --s3-bucket-name",
        ));
    }
    s3::check(&args.s3.access)
}

fn put<'a>(args: &UploadArgs, url: &str) -> Result<Destination<'a>> {
    let to = address(url, "--put-url")?;
    let public = match &args.destination.public_url {
        Some(public) if args.no_register => address(public, "--public-url")?,
        Some(public) => registrable(public, "--public-url")?,
        None if args.no_register => address(to.without_query(), "--put-url")?,
        None => registrable(to.without_query(), "--put-url")
            .map_err(|failure| failure.adding("pass the download URL with --public-url"))?,
    };
    let mut headers = Headers::new();
    for header in &args.destination.header {
        let Some((name, value)) = header.split_once(':') else {
            // The text may be a secret, so do not print it.
            return Err(Failure::usage(
                "invalid_argument",
                "--header: expected `Name: value`, found no colon",
            ));
        };
        headers.add(name.trim(), value.trim())?;
    }
    Ok(Destination::Put { to, headers, public })
}

/// Parses a URL to register. Capgo's server and all devices require https.
pub(super) fn registrable(url: &str, origin: &str) -> Result<Url> {
    require_https(address(url, origin)?, origin)
}

pub(super) fn require_https(url: Url, origin: &str) -> Result<Url> {
    if url.is_secure() || url.is_loopback() {
        return Ok(url);
    }
    Err(Failure::refused(
        "invalid_protocol",
        format!("{origin}: {url} is plain http, which devices block; expected an https URL"),
    ))
}

pub(super) fn address(text: &str, origin: &str) -> Result<Url> {
    text.parse().map_err(|error: capbundle::Error| {
        let failure = Failure::from(error);
        Failure::usage("invalid_argument", format!("{origin}: {}", failure.message))
    })
}

fn conflict(message: &str) -> Failure {
    Failure::usage("conflicting_arguments", message)
}
