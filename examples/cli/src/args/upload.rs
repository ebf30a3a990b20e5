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
    /// The app's id [default: from capacitor.config]
    #[arg(value_name = "APP_ID")]
    pub(crate) app_id: Option<String>,
    #[command(flatten)]
    pub(crate) content: ContentArgs,
    /// Version of the bundle, strict semver [default: version of package.json]
    #[arg(short, long, value_name = "VERSION")]
    pub(crate) bundle: Option<String>,
    /// Where to look for the version: the first of these files that has one, comma-separated, for monorepos
    /// [default: package.json]
    #[arg(long, value_name = "FILES", value_delimiter = ',')]
    pub(crate) package_json: Vec<PathBuf>,
    /// Where the packages of package.json are installed, comma-separated, for monorepos; tells which of them are native
    /// [default: node_modules here and beside each package.json]
    #[arg(long, value_name = "DIRS", value_delimiter = ',')]
    pub(crate) node_modules: Vec<PathBuf>,
    /// Upload this archive instead of packing the folder; with --iv-session-key the encrypted one
    #[arg(long, value_name = "FILE")]
    pub(crate) zip: Option<PathBuf>,
    /// Channels that get the bundle when it is registered, comma-separated
    #[arg(short, long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) channel: Vec<String>,
    /// Where people read more about the bundle
    #[arg(long, value_name = "URL")]
    pub(crate) link: Option<String>,
    /// What people say about the bundle
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// The oldest native version that takes the bundle; servers of your own only. The example server keeps it from older ones
    /// in every channel, Capgo's only in those that are set to go by it
    #[arg(long, value_name = "VERSION")]
    pub(crate) min_update_version: Option<String>,
    /// Succeed, and do nothing, if the version is registered already
    #[arg(long)]
    pub(crate) version_exists_ok: bool,
    /// Only upload, and print address, checksum and session key; needs no server and no key for one
    #[arg(long)]
    pub(crate) no_register: bool,
    /// Show all steps and do none; asks no server anything
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) encryption: EncryptionArgs,
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

/// How devices know that the bundle is yours.
#[derive(Debug, Args)]
#[command(next_help_heading = "Encryption")]
pub(crate) struct EncryptionArgs {
    /// The private key file [default: .capgo_key_v2, if it is there; then the bundle is encrypted and signed]
    #[arg(long, value_name = "FILE")]
    pub(crate) key_v2: Option<PathBuf>,
    /// The private key as PEM text; `\n` may stand for line ends [env: CAPBUNDLE_PRIVATE_KEY]
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub(crate) key_data_v2: Option<String>,
    /// Neither encrypt nor sign, although there is a key: only devices without the public key take the bundle
    #[arg(long)]
    pub(crate) no_key: bool,
    /// Publish although publicKey of capacitor.config is of another key than the one that signs, or missing: apps built with
    /// that config refuse the bundle
    #[arg(long)]
    pub(crate) allow_other_key: bool,
    /// The archive is encrypted already, and this is the ivSessionKey that `bundle encrypt` gave
    #[arg(long, value_name = "KEY")]
    pub(crate) iv_session_key: Option<String>,
    /// The signed checksum that `bundle encrypt` gave [default: made with the private key]
    #[arg(long, value_name = "SUM")]
    pub(crate) encrypted_checksum: Option<String>,
    /// Spelling of the signed checksum
    #[arg(long, value_enum, default_value = "v3", value_name = "FORM")]
    pub(crate) checksum_form: Form,
    /// Print the ivSessionKey; --json has it anyway
    #[arg(long)]
    pub(crate) display_iv_session: bool,
}

/// Where the archive goes, but for S3.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where the archive is (without any of these: the server of --api-url)")]
pub(crate) struct DestinationArgs {
    /// It is there already: the https address where devices get it; it is compared with the local archive first
    #[arg(short, long, value_name = "URL")]
    pub(crate) external: Option<String>,
    /// Send it to this address with PUT, for example a presigned one
    #[arg(long, value_name = "URL")]
    pub(crate) put_url: Option<String>,
    /// A header for --put-url, as `Name: value` (repeatable)
    #[arg(long, value_name = "HEADER", requires = "put_url")]
    pub(crate) header: Vec<String>,
    /// Where devices get what --put-url stored [default: the same address without its query]
    #[arg(long, value_name = "URL", requires = "put_url")]
    pub(crate) public_url: Option<String>,
    /// Do not look whether the address gives the archive to everybody before it is registered
    #[arg(long)]
    pub(crate) no_url_check: bool,
}

/// How a bucket stands in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BucketStyle {
    /// As the endpoint is known to want it
    Auto,
    /// https://endpoint/bucket/key
    Path,
    /// https://bucket.endpoint/key
    VirtualHost,
}

/// How a bucket is reached, and as whom.
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
    /// Endpoint of another store than Amazon's, without the bucket, with or without scheme and port [default:
    /// AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else that of the profile]
    #[arg(id = "s3-endpoint", long = "s3-endpoint", value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// Port of the endpoint
    #[arg(id = "s3-port", long = "s3-port", value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// The endpoint speaks plain http; registering then needs --s3-public-url
    #[arg(id = "no-s3-ssl", long = "no-s3-ssl")]
    pub(crate) no_ssl: bool,
    /// How the bucket stands in the endpoint's addresses
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

/// A bucket. Key and secret are better in the environment than on a command line, which others can see.
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
    /// Name of the object, from {app}, {version} and {digest}, the SHA-256 of the file that is stored; `{app}/{version}.zip` is a
    /// name that is known before and can be guessed [default: {app}/{version}-{digest}.zip]
    #[arg(id = "s3-key", long = "s3-key", value_name = "TEMPLATE")]
    pub(crate) key: Option<String>,
    /// Where devices get it, from {bucket}, {region} and {key}: a CDN, for example
    #[arg(id = "s3-public-url", long = "s3-public-url", value_name = "TEMPLATE")]
    pub(crate) public_url: Option<String>,
    /// Register an address that is signed for this long, 1s to 7d, so that the bucket may stay private; devices that ask later
    /// get nothing
    #[arg(
        id = "s3-signed-for",
        long = "s3-signed-for",
        value_name = "TIME",
        value_parser = super::value_parsers::duration,
        conflicts_with = "s3-public-url"
    )]
    pub(crate) signed_for: Option<Duration>,
    /// Replace another file of this name, which is refused otherwise: devices may be loading it. Needed too where the credentials
    /// may not look what is there, and the store knows no condition that keeps it
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
