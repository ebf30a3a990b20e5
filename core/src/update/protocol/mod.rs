//! Capgo's protocol between a device and its update server: every request and response as a type.
//!
//! This module does no I/O: serialize a request, and parse a response from its status and body, or let
//! [`update::UpdateClient`](crate::update::UpdateClient) do so. Responses are untrusted. The device's configuration decides
//! whether a checksum and a session key are required, never their presence in a response.
//!
//! Sources: the requests and responses of Capgo's plugin, and its public backend code.

mod channel_self;
mod lenient;
mod members;
mod offer_proof;
mod report_action;
mod request;
mod response;
mod statistics;
mod status_code;

pub(super) use members::read;
pub(super) use response::{MAX_RETRY_AFTER, wait_in_body};

pub use channel_self::{ChannelInfo, ChannelOrigin, ChannelRequest, ChannelResponse, ChannelSet, CurrentChannel};
pub use members::FromResponse;
pub use report_action::ReportAction;
pub use request::{Platform, UpdateRequest};
pub use response::{BUILT_IN, ManifestEntry, NO_ARCHIVE, UpdateOffer, UpdateResponse};
pub use statistics::{StatsEvent, StatsResponse, StatsResult, is_known_action};
pub use status_code::{MoreInfo, Notice, ReportedKind, StatusCode, StatusKind};

#[cfg(test)]
mod tests;
