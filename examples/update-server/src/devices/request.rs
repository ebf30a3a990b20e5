//! Parsing and validating requests of devices.

use capbundle::update::protocol::UpdateRequest;
use serde::de::DeserializeOwned;

use crate::api_error::{ApiError, ApiResult};
use crate::validation;

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> ApiResult<T> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::new("invalid_json_body", format!("Invalid JSON body: {error}")))
}

/// Validates the ids of the device and the app, and converts the device id to lower case.
pub(super) fn validate(request: &mut UpdateRequest) -> ApiResult<()> {
    if request.device_id.is_empty() {
        return Err(ApiError::new("missing_device_id", "Cannot find device_id"));
    }
    if !validation::is_uuid(&request.device_id) {
        return Err(ApiError::new(
            "invalid_device_id",
            "device_id: expected a UUID such as 01234567-89ab-4def-8123-456789abcdef",
        ));
    }
    if request.app_id.is_empty() {
        return Err(ApiError::new("missing_app_id", "Cannot find app_id"));
    }
    if !validation::is_app_id(&request.app_id) {
        return Err(ApiError::new(
            "invalid_app_id",
            format!("app_id: expected {}", validation::EXPECTED_APP_ID),
        ));
    }
    request.device_id.make_ascii_lowercase();
    Ok(())
}
