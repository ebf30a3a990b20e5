//! Reading static channels: plain files below one address, on any web server, bucket or CDN (docs/format.md, "Site").
//!
//! This module fetches documents and computes rollout buckets.
//! [`Store::update_from_channel`](crate::store::Store::update_from_channel) decides what to install.

mod bucket;
mod document;
mod site;

pub use bucket::{BUCKETS, bucket};
pub use document::SiteReader;
pub use site::Site;
