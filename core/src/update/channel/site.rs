//! The address of a site and of its documents.

use crate::channel::ChannelName;
use crate::error::{Error, Result};
use crate::http::{Headers, Url};
use crate::release::paths;
use crate::setters::setters;

/// A folder behind a web server, a bucket or a CDN.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Site {
    /// The address. Paths go before its query, which some stores use for a token.
    pub base: Url,
    /// Headers for the host, for example a token. Not sent after a redirect to another origin.
    pub headers: Headers,
}

impl Site {
    /// The site at this address.
    #[must_use]
    pub fn new(base: Url) -> Self {
        Self {
            base,
            headers: Headers::new(),
        }
    }

    setters! {
        with_headers(headers: Headers);
    }

    /// The site and the channel of an address such as `https://example.com/app/channels/production.json`.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the address has another form.
    pub fn from_channel_url(url: &Url) -> Result<(Self, ChannelName)> {
        let address = url.without_query();
        let parts = address
            .strip_suffix(".json")
            .and_then(|address| address.rsplit_once('/'))
            .and_then(|(folder, channel)| Some((folder.strip_suffix("/channels")?, channel)));
        let Some((base, channel)) = parts else {
            let problem = format!("expected an address that ends in channels/<name>.json, found {url}");
            return Err(Error::invalid_input("channel", problem));
        };
        let query = &url.as_str()[address.len()..];
        Ok((Self::new(format!("{base}{query}").parse()?), channel.parse()?))
    }

    /// The address of `path` below the site.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the result is not a valid address.
    pub fn url(&self, path: &str) -> Result<Url> {
        let base = self.base.without_query();
        let query = &self.base.as_str()[base.len()..];
        format!("{}/{path}{query}", base.trim_end_matches('/')).parse()
    }

    /// The address of a channel file.
    ///
    /// # Errors
    /// As [`url`](Self::url).
    pub fn channel_url(&self, channel: &ChannelName) -> Result<Url> {
        self.url(&paths::channel_path(channel))
    }
}

#[cfg(test)]
mod tests;
