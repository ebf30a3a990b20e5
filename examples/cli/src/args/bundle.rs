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
    /// Check a folder and pack it into a deterministic zip
    #[command(after_help = "Examples:
  capbundle bundle zip --json
  capbundle bundle zip com.example.app --path ./dist --bundle 1.2.3")]
    Zip(ZipArgs),
    /// Sign and encrypt a zip for devices
    #[command(after_help = "Example:
  capbundle bundle encrypt com.example.app_1.2.3.zip \"$CHECKSUM\" --json")]
    Encrypt(EncryptArgs),
    /// Decrypt a bundle and prove that it is the signed one
    ///
    /// The decrypted file is readable for its owner alone.
    #[command(after_help = "Example:
  capbundle bundle decrypt app.zip_encrypted.zip \"$IV_SESSION_KEY\" --checksum \"$SIGNED_CHECKSUM\"")]
    Decrypt(DecryptArgs),
    /// Seal a zip for the apps that have a content key
    ///
    /// What is sealed is confidential, and says nothing of who sealed it.
    #[command(after_help = "Examples:
  capbundle bundle seal app.zip --to-key .capbundle_content_key.pub --json
  capbundle bundle seal app.zip --to-key one.pub --to-key two.pub --output app.sealed")]
    Seal(SealArgs),
    /// Open a sealed archive with a content key
    ///
    /// The opened file is readable for its owner alone.
    #[command(after_help = "Example:
  capbundle bundle open app.zip.sealed --content-key .capbundle_content_key --unverified")]
    Open(OpenArgs),
    /// Verify a zip against its checksum or its signed checksum
    #[command(after_help = "Examples:
  capbundle bundle verify app.zip --checksum \"$SHA256\"
  capbundle bundle verify app.zip --checksum \"$SIGNED_CHECKSUM\" --key .capgo_key_v2.pub

An encrypted bundle is verified by `capbundle bundle decrypt`.")]
    Verify(VerifyArgs),
    /// Unpack a zip as a device does, limits included
    #[command(after_help = "Example:
  capbundle bundle unpack app.zip --to ./unpacked --checksum \"$SHA256\"")]
    Unpack(UnpackArgs),
    /// Show what a zip holds: totals, compression, biggest files, oddities; of a sealed archive, its header
    #[command(after_help = "Example:
  capbundle bundle inspect app.zip --top 5")]
    Inspect(InspectArgs),
    /// Pack, encrypt, upload, register and promote a bundle; what fails is undone
    ///
    /// Packs the folder (or takes --zip), encrypts it if there is a private key, brings it to a bucket, an address or a server,
    /// looks whether devices can get it, registers it and lets channels point to it. When a step fails or Ctrl-C is pressed, the
    /// steps before it are undone, or named where that is not possible.
    #[command(after_help = "Examples:
  capbundle bundle upload --s3-region us-west-2 --s3-bucket-name my-bundles --channel production
  capbundle bundle upload --external https://cdn.example.com/app-1.2.3.zip
  capbundle bundle upload com.example.app --api-url https://updates.example.com --channel production,beta
  capbundle bundle upload --s3-endpoint https://s3.example.com --s3-region auto --s3-bucket-name b --no-register --json

Secrets from the environment: CAPGO_TOKEN (--apikey), AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN
(--s3-apikey, --s3-apisecret, --s3-session-token), CAPBUNDLE_PRIVATE_KEY (--key-data-v2).")]
    Upload(Box<UploadArgs>),
    /// Show the bundles that the server knows, the newest first; with --verify, fetch and prove them
    #[command(after_help = "Examples:
  capbundle bundle list
  capbundle bundle list com.example.app --json
  capbundle bundle list --verify

Exit codes:
  0  listed, and with --verify every archive is what is registered
  1  the list could not be read
  3  with --verify, an archive cannot be fetched or is another one: devices do not get it or refuse it
  4  with --verify, an archive could not be proved: no address, no checksum, or no public key here")]
    List(Box<BundleListArgs>),
    /// Download the archive of a bundle and prove it, for a backup
    ///
    /// Nothing is kept that is not what is registered. An encrypted bundle is kept as it is stored, and its session key and
    /// checksum are printed; together they can be uploaded again.
    #[command(after_help = "Examples:
  capbundle bundle download 1.2.3
  capbundle bundle download 1.2.3 com.example.app --output backup/1.2.3.zip --json")]
    Download(Box<DownloadArgs>),
    /// Delete one bundle from the server's list, or all
    ///
    /// Bundles that a channel names are refused. An archive in a bucket or at an address of your own stays where it is; a server
    /// that keeps archives itself may remove it: the example server does so when no other bundle needs it.
    #[command(after_help = "Examples:
  capbundle bundle delete 1.2.3
  capbundle bundle delete --yes-delete-all com.example.app")]
    Delete(DeleteArgs),
    /// Delete old bundles, but never what a channel names
    #[command(after_help = "Examples:
  capbundle bundle cleanup --keep 10 --dry-run
  capbundle bundle cleanup --older-than 90d
  capbundle bundle cleanup com.example.app --keep 10 --older-than 90d")]
    Cleanup(CleanupArgs),
    /// Set link and comment of a bundle
    #[command(after_help = "Example:
  capbundle bundle metadata 1.2.3 --comment \"Fixes the login\" --link https://example.com/notes/1.2.3")]
    Metadata(MetadataArgs),
    /// Check a folder without packing it
    #[command(after_help = "Example:
  capbundle bundle check --path ./dist")]
    Check(CheckArgs),
}

/// Which folder, and what of it goes into the bundle.
#[derive(Debug, Args)]
pub(crate) struct ContentArgs {
    /// The folder to pack [default: webDir of capacitor.config]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,
    /// Leave out files that match this gitignore pattern (repeatable; .capbundleignore files are read as well)
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub(crate) ignore: Vec<String>,
    /// Do not look for the root index.html and a call of notifyAppReady()
    #[arg(long)]
    pub(crate) no_code_check: bool,
    /// Do not look for a call of notifyAppReady(); without one, devices roll the bundle back
    #[arg(long)]
    pub(crate) ignore_notify_app_ready: bool,
    /// Pack this file although it looks like a secret; its path inside the bundle (repeatable)
    #[arg(long, value_name = "PATH")]
    pub(crate) allow_secret: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ZipArgs {
    /// The app's id [default: from capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    #[command(flatten)]
    pub(crate) content: ContentArgs,
    /// Version of the bundle, strict semver [default: version of package.json]
    #[arg(short, long, value_name = "VERSION")]
    pub(crate) bundle: Option<String>,
    /// File to write, taken as it is [default: <APP_ID>_<VERSION>.zip]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) name: Option<PathBuf>,
    /// Where to look for the version: the first of these files that has one, comma-separated, for monorepos
    /// [default: package.json]
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub(crate) package_json: Vec<PathBuf>,
    /// Accepted for compatibility: the checksum is SHA-256, which encryption v2 needs, anyway
    #[arg(long)]
    pub(crate) key_v2: bool,
    /// Legacy: give the CRC-32 that only Capgo plugins before 5.10, 6.25 and 7.0 want; it protects nothing
    #[arg(long, conflicts_with = "key_v2")]
    pub(crate) crc32: bool,
    /// Compression threads; the bytes of the zip do not depend on it [default: one for each core]
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

/// How a signed checksum is spelled; stated, never guessed.
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

#[derive(Debug, Args)]
pub(crate) struct EncryptArgs {
    /// The zip to encrypt; the result is <ZIP>_encrypted.zip
    pub(crate) zip: PathBuf,
    /// SHA-256 of the zip, as `bundle zip --json` gave it; it is compared with the file
    pub(crate) checksum: String,
    /// The private key file [default: .capgo_key_v2]
    #[arg(long, value_name = "FILE", conflicts_with = "key_data")]
    pub(crate) key: Option<PathBuf>,
    /// The private key as PEM text; `\n` may stand for line ends, as CI secrets have it
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub(crate) key_data: Option<String>,
    /// Spelling of the signed checksum that devices get
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
    /// Sign although publicKey of capacitor.config is of another key, whose apps refuse the bundle
    #[arg(long)]
    pub(crate) allow_other_key: bool,
    /// Accepted for compatibility and not read: the format never depends on the build machine's packages
    #[arg(long, value_name = "FILES")]
    pub(crate) package_json: Option<String>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct DecryptArgs {
    /// The encrypted bundle; the result is <ZIP>_decrypted.zip
    pub(crate) zip: PathBuf,
    /// The ivSessionKey that `bundle encrypt` gave
    pub(crate) iv_session_key: String,
    /// The public key file [default: .capgo_key_v2.pub, else publicKey of capacitor.config]
    #[arg(long, value_name = "FILE", conflicts_with = "key_data")]
    pub(crate) key: Option<PathBuf>,
    /// The public key as PEM text; `\n` may stand for line ends
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub(crate) key_data: Option<String>,
    /// The signed checksum that `bundle encrypt` gave: proves that the result is the signed archive
    #[arg(long, value_name = "SUM", conflicts_with = "unverified")]
    pub(crate) checksum: Option<String>,
    /// Spelling of the signed checksum
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
    /// Decrypt without any proof of what comes out
    #[arg(long)]
    pub(crate) unverified: bool,
    /// Accepted for compatibility and not read: the format never depends on the build machine's packages
    #[arg(long, value_name = "FILES")]
    pub(crate) package_json: Option<String>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct SealArgs {
    /// The zip to seal
    pub(crate) zip: PathBuf,
    /// A public content key file, as `key create --content` made it (repeatable, for up to 16 apps)
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) to_key: Vec<PathBuf>,
    /// SHA-256 of the zip, as `bundle zip --json` gave it; it is compared with the file
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
    /// Open without any proof of who sealed it: everybody with the public content key can have
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
    /// Its SHA-256; with a key, its signed checksum
    #[arg(long, value_name = "SUM")]
    pub(crate) checksum: String,
    /// The public key file that must have signed the checksum
    #[arg(long, value_name = "FILE", conflicts_with = "key_data")]
    pub(crate) key: Option<PathBuf>,
    /// The public key as PEM text; `\n` may stand for line ends
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub(crate) key_data: Option<String>,
    /// Spelling of the signed checksum
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct UnpackArgs {
    /// The plain zip
    pub(crate) zip: PathBuf,
    /// The folder to make; it must not exist
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// SHA-256 that the zip must have; without it the file is taken on trust
    #[arg(long, value_name = "SUM")]
    pub(crate) checksum: Option<String>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The plain zip, or a sealed archive
    pub(crate) zip: PathBuf,
    /// How many of the biggest files to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) top: usize,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}
