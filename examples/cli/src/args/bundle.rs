//! `capbundle bundle …`

use std::num::NonZeroUsize;
use std::path::PathBuf;

use capbundle::capgo::ChecksumForm;
use clap::{Args, Subcommand, ValueEnum};

use super::JsonSwitch;
use super::remote::{BundleListArgs, CleanupArgs, DeleteArgs, DownloadArgs, MetadataArgs};
use super::upload::UploadArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Check a folder and pack it into a reproducible zip
    #[command(after_help = "Examples:
  capbundle bundle zip --json
  capbundle bundle zip com.example.app --path ./dist --bundle 1.2.3")]
    Zip(ZipArgs),
    /// Sign and encrypt a zip for devices
    #[command(after_help = "Example:
  capbundle bundle encrypt com.example.app_1.2.3.zip \"$CHECKSUM\" --json")]
    Encrypt(EncryptArgs),
    /// Decrypt a bundle and verify its signature
    ///
    /// Only the owner can read the decrypted file.
    #[command(after_help = "Example:
  capbundle bundle decrypt app.zip_encrypted.zip \"$IV_SESSION_KEY\" --checksum \"$SIGNED_CHECKSUM\"")]
    Decrypt(DecryptArgs),
    /// Seal a zip for the apps that have a content key
    ///
    /// Sealing keeps the content confidential. It does not prove who made the archive.
    #[command(after_help = "Examples:
  capbundle bundle seal app.zip --to-key .capbundle_content_key.pub --json
  capbundle bundle seal app.zip --to-key one.pub --to-key two.pub --output app.sealed")]
    Seal(SealArgs),
    /// Open a sealed archive with a content key
    ///
    /// Only the owner can read the opened file.
    #[command(after_help = "Example:
  capbundle bundle open app.zip.sealed --content-key .capbundle_content_key --unverified")]
    Open(OpenArgs),
    /// Verify a zip against its checksum or its signed checksum
    #[command(after_help = "Examples:
  capbundle bundle verify app.zip --checksum \"$SHA256\"
  capbundle bundle verify app.zip --checksum \"$SIGNED_CHECKSUM\" --key .capgo_key_v2.pub

For an encrypted bundle use `capbundle bundle decrypt`.")]
    Verify(VerifyArgs),
    /// Unpack a zip with the limits of a device
    #[command(after_help = "Example:
  capbundle bundle unpack app.zip --to ./unpacked --checksum \"$SHA256\"")]
    Unpack(UnpackArgs),
    /// Show totals, compression, largest files and findings of a zip, or the header of a sealed archive
    #[command(after_help = "Example:
  capbundle bundle inspect app.zip --top 5")]
    Inspect(InspectArgs),
    /// Pack, encrypt, upload, register and promote a bundle
    ///
    /// Packs the folder (or takes --zip), encrypts the archive if there is a private key, uploads it to a bucket, an
    /// address or a server, checks that devices can download it, registers it and assigns it to channels. If a step
    /// fails or Ctrl-C is pressed, the completed steps are rolled back; steps that cannot be rolled back are listed.
    #[command(after_help = "Examples:
  capbundle bundle upload --s3-region us-west-2 --s3-bucket-name my-bundles --channel production
  capbundle bundle upload --external https://cdn.example.com/app-1.2.3.zip
  capbundle bundle upload com.example.app --api-url https://updates.example.com \\
    --channel production,beta
  capbundle bundle upload --s3-endpoint https://s3.example.com --s3-region auto \\
    --s3-bucket-name b --no-register --json

Secrets can be passed in the environment:
  CAPGO_TOKEN                               --apikey
  CAPBUNDLE_PRIVATE_KEY                     --key-data-v2
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY  --s3-apikey, --s3-apisecret
  AWS_SESSION_TOKEN                         --s3-session-token")]
    Upload(Box<UploadArgs>),
    /// List the bundles registered on the server, newest first; with --verify, download and verify them
    #[command(after_help = "Examples:
  capbundle bundle list
  capbundle bundle list com.example.app --json
  capbundle bundle list --verify

Exit codes:
  0  listed; with --verify, every archive matches its registration
  1  the list could not be read
  3  with --verify, an archive cannot be downloaded or does not match: devices fail or reject it
  4  with --verify, an archive cannot be verified: no address, no checksum, or no public key here")]
    List(Box<BundleListArgs>),
    /// Download the archive of a bundle and verify it, for a backup
    ///
    /// The file is written only if it matches its registration. An encrypted bundle stays encrypted; its session key
    /// and checksum are printed, which you need to upload it again.
    #[command(after_help = "Examples:
  capbundle bundle download 1.2.3
  capbundle bundle download 1.2.3 com.example.app --output backup/1.2.3.zip --json")]
    Download(Box<DownloadArgs>),
    /// Delete one bundle, or all, from the server
    ///
    /// A bundle that a channel uses is not deleted. An archive in your own bucket or at your own address is kept. A
    /// server that stores archives may remove it: the example server does so if no other bundle uses it.
    #[command(after_help = "Examples:
  capbundle bundle delete 1.2.3
  capbundle bundle delete --yes-delete-all com.example.app")]
    Delete(DeleteArgs),
    /// Delete old bundles that no channel uses
    #[command(after_help = "Examples:
  capbundle bundle cleanup --keep 10 --dry-run
  capbundle bundle cleanup --older-than 90d
  capbundle bundle cleanup com.example.app --keep 10 --older-than 90d")]
    Cleanup(CleanupArgs),
    /// Set the link and the comment of a bundle
    #[command(after_help = "Example:
  capbundle bundle metadata 1.2.3 --comment \"Fixes the login\" --link https://example.com/notes/1.2.3")]
    Metadata(MetadataArgs),
    /// Check a folder without packing it
    #[command(after_help = "Example:
  capbundle bundle check --path ./dist")]
    Check(CheckArgs),
}

/// The folder to pack and the files to exclude.
#[derive(Debug, Args)]
pub(crate) struct ContentArgs {
    /// The folder to pack [default: webDir of capacitor.config]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,
    /// Exclude files that match this gitignore pattern (repeatable; .capbundleignore files apply too)
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(crate) ignore: Vec<String>,
    /// Skip the checks for a root index.html and a call of notifyAppReady()
    #[arg(long)]
    pub(crate) no_code_check: bool,
    /// Skip the check for a call of notifyAppReady(); devices roll back a bundle without one
    #[arg(long)]
    pub(crate) ignore_notify_app_ready: bool,
    /// Pack the file at this path inside the bundle although it looks like a secret (repeatable)
    #[arg(long, value_name = "PATH")]
    pub(crate) allow_secret: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ZipArgs {
    /// App id [default: appId of capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    #[command(flatten)]
    pub(crate) content: ContentArgs,
    /// Version of the bundle, strict semver [default: version of package.json]
    #[arg(short, long, value_name = "VERSION")]
    pub(crate) bundle: Option<String>,
    /// File to write [default: <APP_ID>_<VERSION>.zip]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) name: Option<PathBuf>,
    /// Files to read the version from, comma-separated; the first with a version counts [default: package.json]
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub(crate) package_json: Vec<PathBuf>,
    /// Accepted for compatibility: the checksum is always SHA-256, as encryption v2 requires
    #[arg(long)]
    pub(crate) key_v2: bool,
    /// Legacy: print a CRC-32 for Capgo plugins before 5.10, 6.25 and 7.0; it protects nothing
    #[arg(long, conflicts_with = "key_v2")]
    pub(crate) crc32: bool,
    /// Number of compression threads; does not affect the bytes of the zip [default: one per core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) content: ContentArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

/// The encoding of a signed checksum. It is always stated, never guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Hexadecimal: plugins from 5.30, 6.30 and 7.30 on
    V3,
    /// Legacy base64: older plugins only
    V2,
}

impl From<Form> for ChecksumForm {
    fn from(form: Form) -> Self {
        match form {
            Form::V3 => Self::V3,
            Form::V2 => Self::V2,
        }
    }
}

/// How a signed checksum is verified, besides `--key`, whose help differs.
#[derive(Debug, Args)]
pub(crate) struct SignatureArgs {
    /// The public key as PEM text; `\n` may stand for line breaks
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub(crate) key_data: Option<String>,
    /// Encoding of the signed checksum
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
}

#[derive(Debug, Args)]
pub(crate) struct EncryptArgs {
    /// The zip to encrypt; the result is <ZIP>_encrypted.zip
    pub(crate) zip: PathBuf,
    /// SHA-256 of the zip, printed by `bundle zip --json`; it must match the file
    pub(crate) checksum: String,
    /// The private key file [default: .capgo_key_v2]
    #[arg(long, value_name = "FILE", conflicts_with = "key_data")]
    pub(crate) key: Option<PathBuf>,
    /// The private key as PEM text; `\n` may stand for line breaks, as in CI secrets
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub(crate) key_data: Option<String>,
    /// Encoding of the signed checksum
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
    /// Sign although publicKey of capacitor.config is a different key: apps built with it reject the bundle
    #[arg(long)]
    pub(crate) allow_other_key: bool,
    /// Accepted for compatibility and ignored: the format does not depend on the installed packages
    #[arg(long, value_name = "FILES")]
    pub(crate) package_json: Option<String>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct DecryptArgs {
    /// The encrypted bundle; the result is <ZIP>_decrypted.zip
    pub(crate) zip: PathBuf,
    /// The ivSessionKey printed by `bundle encrypt`
    pub(crate) iv_session_key: String,
    /// The public key file [default: .capgo_key_v2.pub, else publicKey of capacitor.config]
    #[arg(long, value_name = "FILE", conflicts_with = "key_data")]
    pub(crate) key: Option<PathBuf>,
    /// The public key as PEM text; `\n` may stand for line breaks
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub(crate) key_data: Option<String>,
    /// The signed checksum printed by `bundle encrypt`; verifies the result
    #[arg(long, value_name = "SUM", conflicts_with = "unverified")]
    pub(crate) checksum: Option<String>,
    /// Encoding of the signed checksum
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
    /// Decrypt without verifying the result
    #[arg(long)]
    pub(crate) unverified: bool,
    /// Accepted for compatibility and ignored: the format does not depend on the installed packages
    #[arg(long, value_name = "FILES")]
    pub(crate) package_json: Option<String>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct SealArgs {
    /// The zip to seal
    pub(crate) zip: PathBuf,
    /// A public content key file, made by `key create --content` (repeatable, up to 16)
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) to_key: Vec<PathBuf>,
    /// SHA-256 of the zip, printed by `bundle zip --json`; it must match the file
    #[arg(long, value_name = "SUM")]
    pub(crate) checksum: Option<String>,
    /// File to write [default: <ZIP>.sealed]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) json: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct OpenArgs {
    /// The sealed archive
    pub(crate) sealed: PathBuf,
    /// The private content key file
    #[arg(long, value_name = "FILE", default_value = ".capbundle_content_key")]
    pub(crate) content_key: PathBuf,
    /// Open without verifying who sealed it: anyone with the public content key can seal an archive
    #[arg(long)]
    pub(crate) unverified: bool,
    /// File to write [default: <SEALED>_opened.zip]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) json: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The plain zip
    pub(crate) zip: PathBuf,
    /// SHA-256 of the zip; with a key, its signed checksum
    #[arg(long, value_name = "SUM")]
    pub(crate) checksum: String,
    /// The public key file to verify the signed checksum with
    #[arg(long, value_name = "FILE", conflicts_with = "key_data")]
    pub(crate) key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) signature: SignatureArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct UnpackArgs {
    /// The plain zip
    pub(crate) zip: PathBuf,
    /// The folder to create; it must not exist
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// SHA-256 that the zip must have; without it the file is not verified
    #[arg(long, value_name = "SUM")]
    pub(crate) checksum: Option<String>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The plain zip, or a sealed archive
    pub(crate) zip: PathBuf,
    /// Number of largest files to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) top: usize,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}
