//! Names of channels.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::path::printable;

const MAX_CHANNEL_BYTES: usize = 64;

/// The name of a channel: 1 to 64 of `a-z A-Z 0-9 . _ -`, not starting with a dot. Paths contain it unchanged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ChannelName(Box<str>);

impl ChannelName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChannelName {
    type Err = Error;

    /// Parses a name; any other text is [`InvalidInput`](crate::ErrorKind::InvalidInput).
    fn from_str(text: &str) -> Result<Self> {
        let fits = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if fits && !text.is_empty() && text.len() <= MAX_CHANNEL_BYTES && !text.starts_with('.') {
            return Ok(Self(text.into()));
        }
        let problem = format!("expected 1 to {MAX_CHANNEL_BYTES} of a-z A-Z 0-9 . _ -, not starting with a dot");
        Err(Error::invalid_input(
            format!("channel {}", printable(text.as_bytes())),
            problem,
        ))
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
