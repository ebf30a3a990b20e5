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
    if request.device_id.is_empty() {
        return Err(Refusal::new("missing_device_id", "Cannot find device_id"));
    }
    if !names::is_uuid(&request.device_id) {
        return Err(Refusal::new(
            "invalid_device_id",
            "device_id is malformed: expected a UUID, such as 01234567-89ab-4def-8123-456789abcdef",
        ));
    }
    if request.app_id.is_empty() {
        return Err(Refusal::new("missing_app_id", "Cannot find app_id"));
    }
    if !names::is_app_id(&request.app_id) {
        return Err(Refusal::new(
            "invalid_app_id",
            format!("app_id is malformed: expected {}", names::EXPECTED_APP_ID),
        ));
    }
    request.device_id.make_ascii_lowercase();
    Ok(())
}
