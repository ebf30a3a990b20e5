//! Where the archive goes, and which options go together.

use capbundle::http::{Headers, Url};
use semver::Version;

use crate::args::{S3Args, UploadArgs};
use crate::commands::{s3, server};
use crate::error::{Failure, Result};

/// Where devices get the archive from.
pub(super) enum Destination<'a> {
    /// It is there already.
    External(Url),
    /// A bucket.
    S3(&'a S3Args),
    /// An address that takes a PUT.
    Put { to: Url, headers: Headers, public: Url },
    /// The server that registers it keeps it as well.
    Server,
}

/// The place, if the options go together.
pub(super) fn destination(args: &UploadArgs) -> Result<Destination<'_>> {
    if let Some((option, why)) = args.unsupported.refused() {
        return Err(Failure::usage("unsupported_option", format!("{option}: {why}")));
    }
    check_archive(args)?;
    check_release(args)?;
    check_places(args)?;
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
                "--no-register: a server of your own takes the archive and registers it at once; give a bucket (--s3-bucket-name) or \
                 --put-url to upload without registering",
            ));
        }
        return Ok(Destination::Server);
    }
    Err(Failure::missing_argument(
        "where to? Uploading into Capgo's own storage is not possible here: its public API has no way to do it. Give a \
         bucket (--s3-bucket-name, --s3-region), an address that takes a PUT (--put-url), the address where the archive \
         is already (--external), or a server of your own (--api-url)",
    ))
}

fn check_archive(args: &UploadArgs) -> Result<()> {
    if args.zip.is_some() && args.content.path.is_some() {
        return Err(conflict(
            "--zip and --path: an archive is uploaded as it is, a folder is packed; give one of them",
        ));
    }
    let encryption = &args.encryption;
    if encryption.key_v2.is_some() && encryption.key_data_v2.is_some() {
        return Err(conflict(
            "--key-v2 and --key-data-v2: both name the private key; give one of them",
        ));
    }
    if encryption.no_key && (encryption.key_v2.is_some() || encryption.key_data_v2.is_some()) {
        return Err(conflict(
            "--no-key and a private key: the one says not to encrypt, the other with what; leave one of them out",
        ));
    }
    if encryption.encrypted_checksum.is_some() && encryption.iv_session_key.is_none() {
        return Err(conflict(
            "--encrypted-checksum without --iv-session-key: Capgo's plugin for Android refuses an archive that is signed and not \
             encrypted; pass the session key too",
        ));
    }
    if encryption.no_key && encryption.iv_session_key.is_some() {
        return Err(conflict(
            "--no-key and --iv-session-key: the archive is encrypted, so a key is needed to see that devices can open it; leave \
             --no-key out",
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
                "a channel points to a registered bundle",
            ),
            (args.link.is_some(), "--link", "it belongs to a registered bundle"),
            (args.comment.is_some(), "--comment", "it belongs to a registered bundle"),
            (
                args.min_update_version.is_some(),
                "--min-update-version",
                "it belongs to a registered bundle",
            ),
            (
                args.version_exists_ok,
                "--version-exists-ok",
                "no list of versions is looked at",
            ),
        ];
        if let Some((_, option, why)) = registered.iter().find(|(given, ..)| *given) {
            return Err(conflict(&format!(
                "--no-register and {option}: {why}; leave one of them out"
            )));
        }
    }
    if args.channel.iter().any(|name| name.trim().is_empty()) {
        return Err(Failure::usage(
            "invalid_argument",
            "--channel: there is an empty name in the list",
        ));
    }
    if let Some(version) = &args.min_update_version {
        if server::own_address(&args.server)?.is_none() {
            return Err(Failure::usage(
                "unsupported_option",
                "--min-update-version: Capgo's public API has no way to say it; set it in Capgo's console, or leave it out",
            ));
        }
        Version::parse(version).map_err(|error| {
            let problem = format!("--min-update-version: {version:?} is not a version like 1.2.3: {error}");
            Failure::refused("invalid_semver", problem)
        })?;
    }
    Ok(())
}

/// At most one place.
fn check_places(args: &UploadArgs) -> Result<()> {
    let external = args.destination.external.is_some();
    let put = args.destination.put_url.is_some();
    if external && args.s3.any() {
        return Err(conflict(
            "--external and --s3-…: --external says that the archive is at its place already, so nothing is uploaded; leave one \
             of them out",
        ));
    }
    if external && put {
        return Err(conflict(
            "--external and --put-url: --external says that the archive is at its place already, so nothing is sent; leave one \
             of them out",
        ));
    }
    if put && args.s3.any() {
        return Err(conflict(
            "--put-url and --s3-…: the archive goes to one place; leave one of them out",
        ));
    }
    if external && args.no_register {
        return Err(conflict(
            "--external and --no-register: the first uploads nothing and the second registers nothing, so nothing would be done",
        ));
    }
    Ok(())
}

fn check_bucket(args: &UploadArgs) -> Result<()> {
    if args.s3.bucket.is_none() {
        return Err(Failure::missing_argument(
            "--s3-…: which bucket? Pass its name with --s3-bucket-name",
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
            .map_err(|failure| failure.adding("pass the address where devices get it with --public-url"))?,
    };
    let mut headers = Headers::new();
    for header in &args.destination.header {
        let Some((name, value)) = header.split_once(':') else {
            // The text may be a secret, so it is not shown.
            return Err(Failure::usage(
                "invalid_argument",
                "--header: expected `Name: value`, found no colon",
            ));
        };
        headers.add(name.trim(), value.trim())?;
    }
    Ok(Destination::Put { to, headers, public })
}

/// An address that may be registered: https, as Capgo's server and all devices want it.
pub(super) fn registrable(url: &str, origin: &str) -> Result<Url> {
    require_https(address(url, origin)?, origin)
}

pub(super) fn require_https(url: Url, origin: &str) -> Result<Url> {
    if url.is_secure() || url.is_loopback() {
        return Ok(url);
    }
    Err(Failure::refused(
        "invalid_protocol",
        format!("{origin}: {url} is plain http, which devices refuse to load from; expected an https address"),
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
