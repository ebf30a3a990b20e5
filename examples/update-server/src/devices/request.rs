//! What every request of a device has to say.

use capbundle::update::protocol::UpdateRequest;
use serde::de::DeserializeOwned;

use crate::names;
use crate::refusal::{Answer, Refusal};

pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Answer<T> {
    serde_json::from_slice(body)
        .map_err(|problem| Refusal::new("invalid_json_body", format!("Invalid JSON body: {problem}")))
}

/// Checks who asks, and brings the device's id into the one form that is stored.
pub(super) fn check(request: &mut UpdateRequest) -> Answer<()> {
    if !names::is_uuid(&request.device_id) {
        return Err(Refusal::new(
            "missing_device_id",
            "Cannot find device_id: a UUID is needed",
        ));
    }
    if !names::is_app_id(&request.app_id) {
        return Err(Refusal::new(
            "missing_app_id",
            "Cannot find app_id: a reverse domain is needed",
        ));
    }
    request.device_id.make_ascii_lowercase();
    Ok(())
}
