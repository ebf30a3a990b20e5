//! `capbundle keyring …`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::JsonSwitch;
use super::release::{AppArgs, DocumentInspectArgs, SignArgs};
use super::site::RingPublishArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyringCommand {
    /// Make the first key ring of an app: what its local configuration trusts
    ///
    /// The ring holds the public halves of --key and what --public-key names, and is signed by each --key.
    #[command(after_help = "Examples:
  capbundle keyring create --key release.key
  capbundle keyring create com.example.app --key a.key --key b.key --public-key c.pub --threshold 2 --to keys/1.json")]
    Create(KeyringCreateArgs),
    /// Make the ring after a ring: add keys, retire keys, change how many must sign
    ///
    /// It must be signed by enough keys of the ring before and by enough of its own: sign with both here, or later with
    /// `keyring sign`.
    #[command(after_help = "Examples:
  capbundle keyring rotate keys/1.json --add new.pub --key old.key --key new.key --to keys/2.json
  capbundle keyring rotate keys/2.json --retire old.pub --key new.key --key old.key --to keys/3.json")]
    Rotate(KeyringRotateArgs),
    /// Add the signature of one more key to a ring, without changing a byte of what is signed
    #[command(
        visible_alias = "add-signature",
        after_help = "Example:
  capbundle keyring sign keys/2.json --key b.key"
    )]
    Sign(SignArgs),
    /// Show what a ring says and which keys are said to have signed it; verifies nothing
    #[command(after_help = "Example:
  capbundle keyring inspect keys/2.json")]
    Inspect(DocumentInspectArgs),
    /// Say whether a device that trusts the first ring arrives at the last
    #[command(after_help = "Example:
  capbundle keyring check keys/1.json keys/2.json keys/3.json")]
    Check(KeyringCheckArgs),
    /// Put a key ring on a site, from where devices walk on to it
    ///
    /// The first one, or the one that follows the newest there: a ring that devices would not follow is refused.
    #[command(after_help = "Example:
  capbundle keyring publish 2.json --to s3://my-bucket/app --s3-region eu-central-1")]
    Publish(RingPublishArgs),
}

#[derive(Debug, Args)]
pub(crate) struct KeyringCreateArgs {
    #[command(flatten)]
    pub(crate) app: AppArgs,
    /// Private key to sign with, whose public half is in the ring; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,
    /// Public key that is in the ring too; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: Vec<PathBuf>,
    /// How many of the keys must sign
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) threshold: u64,
    /// Where the ring is written
    #[arg(long, value_name = "FILE", default_value = "1.json")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct KeyringRotateArgs {
    /// The ring before
    pub(crate) ring: PathBuf,
    /// Public key to add; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) add: Vec<PathBuf>,
    /// Key to retire for good: its public key file or its id; may be given several times
    #[arg(long, value_name = "FILE|ID")]
    pub(crate) retire: Vec<String>,
    /// How many of the keys must sign from now on [default: as before]
    #[arg(long, value_name = "N")]
    pub(crate) threshold: Option<u64>,
    /// Private key to sign with; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,
    /// Where the new ring is written
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct KeyringCheckArgs {
    /// The rings: first the one in the app, then those that follow it, in their order
    #[arg(required = true, value_name = "RING")]
    pub(crate) rings: Vec<PathBuf>,
    /// App id of the device [default: that of the first ring]
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}
