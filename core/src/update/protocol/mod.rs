//! Capgo's protocol between a device and its update server: every request and every answer as a type.
//!
//! No network here: a request is a value to serialize, an answer is parsed from a status and a body. Nothing an answer says is
//! trusted. Whether a checksum or a session key is needed follows from the device's own configuration, never from their being
//! there or not.
//!
//! Where it comes from: the requests and answers of Capgo's plugin and of its public backend sources.

mod channel_self;
mod lenient;
mod request;
mod response;
mod statistics;
mod status_code;

pub use channel_self::{ChannelInfo, ChannelOrigin, ChannelRequest, ChannelResponse, ChannelSet, CurrentChannel};
pub use request::{Platform, UpdateRequest};
pub use response::{BUILT_IN, ManifestEntry, NO_ARCHIVE, UpdateOffer, UpdateResponse};
pub use statistics::{StatsEvent, StatsResponse, StatsResult, is_known_action};
pub use status_code::{MoreInfo, Notice, ReportedKind, StatusCode, StatusKind};

#[cfg(test)]
mod tests;
