//! `capbundle key …`

use std::path::PathBuf;

use capbundle::keys::KeyBits;
use clap::{Args, Subcommand, ValueEnum};

use super::JsonSwitch;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key pair here and put its public half into capacitor.config
    ///
    /// Writes .capgo_key_v2 (private, readable by its owner only) and .capgo_key_v2.pub, and sets
    /// plugins.CapacitorUpdater.publicKey.
    ///
    /// With --content it is a pair that archives are sealed for: .capbundle_content_key (private: goes into the app) and
    /// .capbundle_content_key.pub (for `bundle seal`). It signs nothing, and the config stays as it is.
    #[command(after_help = "Examples:
  capbundle key create
  capbundle key create --content --bits 3072")]
    Create(CreateArgs),
    /// Put a public key into capacitor.config
    #[command(after_help = "Examples:
  capbundle key save --key ./keys/production.pub
  capbundle key save --key-data \"$PUBLIC_KEY\"")]
    Save(SaveArgs),
    /// Show the keys of this folder: sizes and ids, never key material
    #[command(after_help = "Example:
  capbundle key show --json")]
    Show(ShowArgs),
}

/// Size of a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bits {
    /// What Capgo's own plugins take
    #[value(name = "2048")]
    B2048,
    /// For devices that run capbundle
    #[value(name = "3072")]
    B3072,
    /// For devices that run capbundle
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
    /// Make a content key, which archives are sealed for, instead of one that signs
    #[arg(long, conflicts_with = "capacitor_config")]
    pub(crate) content: bool,
    /// Replace existing key files; apps with the old public key will refuse bundles of the new one
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Size of the key
    #[arg(long, value_enum, default_value = "2048")]
    pub(crate) bits: Bits,
    /// The config to update [default: the capacitor.config of this folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) capacitor_config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: JsonSwitch,
}

#[derive(Debug, Args)]
pub(crate) struct SaveArgs {
    /// Accepted for compatibility: the config's key is replaced in any case, and that is said
    #[arg(short, long)]
    pub(crate) force: bool,
    /// The public key file [default: .capgo_key_v2.pub]
    #[arg(long, value_name = "FILE", conflicts_with = "key_data")]
    pub(crate) key: Option<PathBuf>,
    /// The public key as PEM text; `\n` may stand for line ends
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pub(crate) key_data: Option<String>,
    /// The config to update [default: the capacitor.config of this folder]
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
