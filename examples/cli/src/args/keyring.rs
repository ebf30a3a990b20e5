//! `capbundle keyring …`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::JsonSwitch;
use super::release::{AppArgs, DocumentInspectArgs, SignArgs};
use super::site::RingPublishArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyringCommand {
    /// Create the first key ring of an app, which the app trusts from the start
    ///
    /// The ring contains the public keys of all --key and --public-key options and is signed with every --key.
    #[command(after_help = "Examples:
  capbundle keyring create --key release.key
  capbundle keyring create com.example.app --key a.key --key b.key --public-key c.pub \\
    --threshold 2 --to keys/1.json")]
    Create(KeyringCreateArgs),
    /// Create the next key ring: add keys, retire keys, change the number of required signatures
    ///
    /// The new ring needs enough signatures by keys of the previous ring and by its own keys. Sign with both here, or
    /// later with
    /// `keyring sign`.
    #[command(after_help = "Examples:
  capbundle keyring rotate keys/1.json --add new.pub --key old.key --key new.key --to keys/2.json
  capbundle keyring rotate keys/2.json --retire old.pub --key new.key --key old.key --to keys/3.json")]
    Rotate(KeyringRotateArgs),
    /// Add a signature to a key ring without changing the signed bytes
    #[command(
        visible_alias = "add-signature",
        after_help = "Example:
  capbundle keyring sign keys/2.json --key b.key"
    )]
    Sign(SignArgs),
    /// Show the content and the claimed signers of a key ring, without verifying it
    #[command(after_help = "Example:
  capbundle keyring inspect keys/2.json")]
    Inspect(DocumentInspectArgs),
    /// Check that a device that trusts the first ring accepts the last one
    #[command(after_help = "Example:
  capbundle keyring check keys/1.json keys/2.json keys/3.json")]
    Check(KeyringCheckArgs),
    /// Publish a key ring on a site, where devices find it
    ///
    /// It must be the first ring or the successor of the newest ring there. A ring that devices would not accept is
    /// rejected.
    #[command(after_help = "Example:
  capbundle keyring publish 2.json --to s3://my-bucket/app --s3-region eu-central-1")]
    Publish(RingPublishArgs),
}

#[derive(Debug, Args)]
pub(crate) struct KeyringCreateArgs {
    #[command(flatten)]
    pub(crate) app: AppArgs,
    /// Private key file to sign with; its public key is added to the ring (repeatable)
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,
    /// Public key file to add to the ring (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) public_key: Vec<PathBuf>,
    /// Number of keys that must sign
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) threshold: u64,
    /// File to write the ring to
    #[arg(long, value_name = "FILE", default_value = "1.json")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct KeyringRotateArgs {
    /// The previous ring
    pub(crate) ring: PathBuf,
    /// Public key file to add (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) add: Vec<PathBuf>,
    /// Key to retire permanently: its public key file or its id (repeatable)
    #[arg(long, value_name = "FILE|ID")]
    pub(crate) retire: Vec<String>,
    /// Number of keys that must sign from now on [default: as before]
    #[arg(long, value_name = "N")]
    pub(crate) threshold: Option<u64>,
    /// Private key file to sign with (repeatable)
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) key: Vec<PathBuf>,
    /// File to write the new ring to
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct KeyringCheckArgs {
    /// The rings in order, starting with the one in the app
    #[arg(required = true, value_name = "RING")]
    pub(crate) rings: Vec<PathBuf>,
    /// App id of the device [default: that of the first ring]
    #[arg(long, value_name = "ID")]
    pub(crate) app_id: Option<String>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}
