//! Static channels, as a device reads them: plain files below one address, on any web server, bucket or CDN
//! (docs/format.md, "Site").
//!
//! Here is where things are asked for and which bucket a device is in. What is made of the answers is up to
//! [`Store::update_from_channel`](crate::store::Store::update_from_channel).

mod bucket;
mod document;
mod site;

pub use bucket::{BUCKETS, bucket};
pub use document::SiteReader;
pub use site::Site;
