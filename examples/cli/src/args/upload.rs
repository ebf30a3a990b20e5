//! `capbundle bundle upload`

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::server::ServerArgs;
use super::unsupported::UnsupportedArgs;
use super::{ContentArgs, Form, JsonSwitch};

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch that Capgo documents")]
pub(crate) struct UploadArgs {
    /// App id [default: appId of capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    #[command(flatten)]
    pub(crate) content: ContentArgs,
    /// Version of the bundle, strict semver [default: version of package.json]
    #[arg(short, long, value_name = "VERSION")]
    pub(crate) bundle: Option<String>,
    /// Files to read the version from, comma-separated; the first with a version counts [default: package.json]
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub(crate) package_json: Vec<PathBuf>,
    /// Folders with the packages of package.json, comma-separated; used to find native packages [default:
    /// node_modules here and beside each package.json]
    #[arg(long, value_name = "DIRS", value_delimiter = ',')]
    pub(crate) node_modules: Vec<PathBuf>,
    /// Upload this archive instead of packing the folder; with --iv-session-key, the encrypted archive
    #[arg(long, value_name = "FILE")]
    pub(crate) zip: Option<PathBuf>,
    /// Channels to assign the bundle to, comma-separated
    #[arg(short, long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) channel: Vec<String>,
    /// Link to more information about the bundle
    #[arg(long, value_name = "URL")]
    pub(crate) link: Option<String>,
    /// Comment about the bundle
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// Oldest native version that gets the bundle; only for your own server. The example server enforces it in every
    /// channel, Capgo's only in channels configured for it
    #[arg(long, value_name = "VERSION")]
    pub(crate) min_update_version: Option<String>,
    /// Succeed without changes if the version is already registered
    #[arg(long)]
    pub(crate) version_exists_ok: bool,
    /// Only upload and print URL, checksum and session key; needs no server and no API key
    #[arg(long)]
    pub(crate) no_register: bool,
    /// Show all steps and sizes without running them or contacting a server
    #[arg(long, visible_alias = "dry-upload")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) encryption: EncryptionArgs,
    #[command(flatten)]
    pub(crate) delta: DeltaArgs,
    #[command(flatten)]
    pub(crate) destination: DestinationArgs,
    #[command(flatten)]
    pub(crate) s3: S3Args,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) unsupported: UnsupportedArgs,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

/// Encryption and signature of the bundle.
#[derive(Debug, Args)]
#[command(next_help_heading = "Encryption")]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct EncryptionArgs {
    /// Private key file to encrypt and sign with [default: .capgo_key_v2, if it exists]
    #[arg(long, value_name = "FILE")]
    pub(crate) key_v2: Option<PathBuf>,
    /// The private key as PEM text; `\n` may stand for line breaks [env: CAPBUNDLE_PRIVATE_KEY]
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub(crate) key_data_v2: Option<String>,
    /// Do not encrypt or sign even if there is a key; only devices without a public key accept the bundle
    #[arg(long)]
    pub(crate) no_key: bool,
    /// Publish although publicKey of capacitor.config is missing or belongs to another key; apps built with that
    /// config reject the bundle
    #[arg(long)]
    pub(crate) allow_other_key: bool,
    /// Register the bundle without the id of its key. Servers that compare the id with the one in a request then also
    /// offer the bundle to apps whose first public key is another one, while the signing key is replaced
    #[arg(long, conflicts_with = "no_key")]
    pub(crate) no_key_id: bool,
    /// The ivSessionKey printed by `bundle encrypt`, for an archive that is already encrypted
    #[arg(long, value_name = "KEY")]
    pub(crate) iv_session_key: Option<String>,
    /// The signed checksum printed by `bundle encrypt` [default: signed with the private key]
    #[arg(long, value_name = "SUM")]
    pub(crate) encrypted_checksum: Option<String>,
    /// Encoding of the signed checksum
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
    /// Print the ivSessionKey; --json always includes it
    #[arg(long)]
    pub(crate) display_iv_session: bool,
}

/// Upload of the single files, of which devices download only those that changed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Single files (delta updates)")]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch that Capgo documents")]
pub(crate) struct DeltaArgs {
    /// Also upload the single files and their manifest; needs a server that stores manifests, such as the example server
    #[arg(long, alias = "partial", conflicts_with = "no_delta")]
    pub(crate) delta: bool,
    /// Upload only the single files, not the archive; plugins without support for manifests get no update
    #[arg(long, alias = "partial-only", conflicts_with = "no_delta")]
    pub(crate) delta_only: bool,
    /// Upload only the archive; the default
    #[arg(long)]
    pub(crate) no_delta: bool,
    /// Require that the single files are encrypted; they always are if the archive is
    #[arg(long)]
    pub(crate) encrypt_partial: bool,
    /// Send all single files without compression
    #[arg(long)]
    pub(crate) disable_brotli: bool,
    /// Single files to send without compression, comma-separated, in the syntax of ignore files, for example `*.jpg,*.png`
    #[arg(long, value_name = "GLOBS", value_delimiter = ',')]
    pub(crate) no_brotli_patterns: Vec<String>,
}

impl DeltaArgs {
    /// The given options that only matter for single files.
    pub(crate) fn without_effect(&self) -> Vec<&'static str> {
        let options = [
            (self.disable_brotli, "--disable-brotli"),
            (!self.no_brotli_patterns.is_empty(), "--no-brotli-patterns"),
            (self.encrypt_partial, "--encrypt-partial"),
        ];
        let given = options.into_iter().filter(|(given, _)| *given);
        given.map(|(_, option)| option).collect()
    }

    /// Whether the single files are uploaded.
    pub(crate) fn uploads_files(&self) -> bool {
        self.delta || self.delta_only
    }
}

/// Destinations of the archive other than S3.
#[derive(Debug, Args)]
#[command(next_help_heading = "Destination of the archive (default: the server of --api-url)")]
pub(crate) struct DestinationArgs {
    /// Register this https URL of an uploaded archive; it must match the local archive
    #[arg(short, long, value_name = "URL")]
    pub(crate) external: Option<String>,
    /// Upload the archive with PUT to this URL, for example a presigned one
    #[arg(long, value_name = "URL")]
    pub(crate) put_url: Option<String>,
    /// A header for --put-url, as `Name: value` (repeatable)
    #[arg(long, value_name = "HEADER", requires = "put_url")]
    pub(crate) header: Vec<String>,
    /// Download URL for --put-url [default: the same URL without its query]
    #[arg(long, value_name = "URL", requires = "put_url")]
    pub(crate) public_url: Option<String>,
    /// Do not check that the archive is publicly downloadable before registering it
    #[arg(long)]
    pub(crate) no_url_check: bool,
}

/// How URLs address a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BucketStyle {
    /// Chosen by the endpoint
    Auto,
    /// https://endpoint/bucket/key
    Path,
    /// https://bucket.endpoint/key
    VirtualHost,
}

/// Endpoint and credentials of a bucket.
#[derive(Debug, Args)]
#[command(next_help_heading = "S3 and compatible stores")]
pub(crate) struct S3Access {
    /// Region of the bucket [default: AWS_REGION, else that of the profile]
    #[arg(id = "s3-region", long = "s3-region", value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Access key id [default: AWS_ACCESS_KEY_ID, else that of the profile]
    #[arg(id = "s3-apikey", long = "s3-apikey", value_name = "KEY")]
    pub(crate) apikey: Option<String>,
    /// Secret access key [default: AWS_SECRET_ACCESS_KEY, else that of the profile]
    #[arg(
        id = "s3-apisecret",
        long = "s3-apisecret",
        value_name = "SECRET",
        allow_hyphen_values = true
    )]
    pub(crate) apisecret: Option<String>,
    /// Session token of temporary credentials [default: AWS_SESSION_TOKEN, else that of the profile]
    #[arg(
        id = "s3-session-token",
        long = "s3-session-token",
        value_name = "TOKEN",
        allow_hyphen_values = true
    )]
    pub(crate) session_token: Option<String>,
    /// Profile in ~/.aws [default: AWS_PROFILE, else `default`]
    #[arg(id = "s3-profile", long = "s3-profile", value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Endpoint of an S3-compatible store, without the bucket, with optional scheme and port [default:
    /// AWS_ENDPOINT_URL_S3, else AWS_ENDPOINT_URL, else that of the profile]
    #[arg(id = "s3-endpoint", long = "s3-endpoint", value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Port of the endpoint
    #[arg(id = "s3-port", long = "s3-port", value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Use plain http for the endpoint; registering then needs --s3-public-url
    #[arg(id = "no-s3-ssl", long = "no-s3-ssl")]
    pub(crate) no_ssl: bool,
    /// Position of the bucket name in URLs
    #[arg(
        id = "s3-style",
        long = "s3-style",
        value_enum,
        default_value = "auto",
        value_name = "STYLE"
    )]
    pub(crate) style: BucketStyle,
}

impl S3Access {
    /// Whether any of these options is given.
    pub(crate) fn any(&self) -> bool {
        let given = [
            &self.region,
            &self.apikey,
            &self.apisecret,
            &self.session_token,
            &self.profile,
            &self.endpoint,
        ];
        given.iter().any(|option| option.is_some())
            || self.port.is_some()
            || self.no_ssl
            || self.style != BucketStyle::Auto
    }
}

/// A bucket. Pass key and secret in the environment: other users can see a command line.
#[derive(Debug, Args)]
#[command(next_help_heading = "S3 and compatible stores")]
pub(crate) struct S3Args {
    /// Name of the bucket
    #[arg(id = "s3-bucket-name", long = "s3-bucket-name", value_name = "NAME")]
    pub(crate) bucket: Option<String>,
    #[command(flatten)]
    pub(crate) access: S3Access,
    /// Folder in the bucket
    #[arg(id = "s3-prefix", long = "s3-prefix", value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// Template of the object name, with {app}, {version} and {digest}, the SHA-256 of the stored file; a name
    /// without {digest} is predictable and can be guessed [default: {app}/{version}-{digest}.zip]
    #[arg(id = "s3-key", long = "s3-key", value_name = "TEMPLATE")]
    pub(crate) key: Option<String>,
    /// Template of the download URL, for example of a CDN, with {bucket}, {region} and {key}
    #[arg(id = "s3-public-url", long = "s3-public-url", value_name = "TEMPLATE")]
    pub(crate) public_url: Option<String>,
    /// Register a presigned URL that is valid for this time, 1s to 7d, for a private bucket; devices cannot download
    /// after that
    #[arg(
        id = "s3-signed-for",
        long = "s3-signed-for",
        value_name = "TIME",
        value_parser = super::value_parsers::duration,
        conflicts_with = "s3-public-url"
    )]
    pub(crate) signed_for: Option<Duration>,
    /// Replace a different object of this name; devices may be downloading it. Also needed if the credentials do not
    /// allow reading the object and the store does not support preconditions
    #[arg(id = "s3-replace", long = "s3-replace")]
    pub(crate) replace: bool,
    /// Cache-Control of the object
    #[arg(id = "s3-cache-control", long = "s3-cache-control", value_name = "VALUE")]
    pub(crate) cache_control: Option<String>,
}

impl S3Args {
    /// Whether any of these options is given.
    pub(crate) fn any(&self) -> bool {
        let given = [
            &self.bucket,
            &self.prefix,
            &self.key,
            &self.public_url,
            &self.cache_control,
        ];
        given.iter().any(|option| option.is_some()) || self.signed_for.is_some() || self.replace || self.access.any()
    }
}
