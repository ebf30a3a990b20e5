//! `capbundle key …`

use std::path::PathBuf;

use capbundle::keys::KeyBits;
use clap::{Args, Subcommand, ValueEnum};

use super::JsonSwitch;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Create a key pair in this folder and put the public key into capacitor.config
    ///
    /// Writes .capgo_key_v2 (private, readable by its owner only) and .capgo_key_v2.pub, and sets
    /// plugins.CapacitorUpdater.publicKey.
    ///
    /// With --content, creates a content key pair to seal archives for: .capbundle_content_key (private, goes into
    /// the app) and .capbundle_content_key.pub (for `bundle seal`). A content key does not sign, and capacitor.config
    /// is not changed.
    #[command(after_help = "Examples:
  capbundle key create
  capbundle key create --content --bits 3072")]
    Create(CreateArgs),
    /// Put a public key into capacitor.config
    #[command(after_help = "Examples:
  capbundle key save --key ./keys/production.pub
  capbundle key save --key-data \"$PUBLIC_KEY\"")]
    Save(SaveArgs),
    /// Show the sizes and ids of the keys in this folder, never key material
    #[command(after_help = "Example:
  capbundle key show --json")]
    Show(ShowArgs),
}

/// Size of a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bits {
    /// Required by Capgo's own plugins
    #[value(name = "2048")]
    B2048,
    /// Only for devices that run capbundle
    #[value(name = "3072")]
    B3072,
    /// Only for devices that run capbundle
    #[value(name = "4096")]
    B4096,
}

impl From<Bits> for KeyBits {
    fn from(bits: Bits) -> Self {
        match bits {
            Bits::B2048 => Self::B2048,
            Bits::B3072 => Self::B3072,
            Bits::B4096 => Self::B4096,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Create a content key, to seal archives for, instead of a signing key
    #[arg(long, conflicts_with = "capacitor_config")]
    pub(crate) content: bool,
    /// Replace existing key files; apps with the old public key will reject bundles signed with the new key
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Size of the key in bits
    #[arg(long, value_enum, default_value = "2048")]
    pub(crate) bits: Bits,
    /// The config file to update [default: the capacitor.config of this folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) capacitor_config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct SaveArgs {
    /// Accepted for compatibility: an existing key in the config is always replaced, with a warning
    #[arg(short, long)]
    pub(crate) force: bool,
    /// The public key file [default: .capgo_key_v2.pub]
    #[arg(long, value_name = "FILE", conflicts_with = "key_data")]
    pub(crate) key: Option<PathBuf>,
    /// The public key as PEM text; `\n` may stand for line breaks
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub(crate) key_data: Option<String>,
    /// The config file to update [default: the capacitor.config of this folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) capacitor_config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}
