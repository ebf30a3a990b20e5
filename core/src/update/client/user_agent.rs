//! The `User-Agent` of Capgo's plugin, by which servers recognize devices.

use crate::error::{Error, Result};
use crate::update::protocol::UpdateRequest;

/// The user agent of the plugin on this device.
pub(super) fn of_plugin(device: &UpdateRequest) -> String {
    format!(
        "CapacitorUpdater/{} ({}) {}/{}",
        printable(&device.plugin_version),
        printable(&device.app_id),
        printable(&device.platform),
        printable(&device.version_os)
    )
}

/// Not every transport can send other characters. The plugin also omits them, and writes `unknown` if none is left.
fn printable(text: &str) -> String {
    let text: String = text.chars().filter(|character| is_printable(*character)).collect();
    match text.trim() {
        "" => "unknown".to_owned(),
        text => text.to_owned(),
    }
}

/// An app's own user agent.
pub(super) fn checked(user_agent: &str) -> Result<&str> {
    if user_agent.chars().all(is_printable) {
        return Ok(user_agent);
    }
    Err(Error::invalid_input(
        "user agent",
        format!("expected printable ASCII, found \"{}\"", user_agent.escape_debug()),
    ))
}

fn is_printable(character: char) -> bool {
    character == ' ' || character.is_ascii_graphic()
}
