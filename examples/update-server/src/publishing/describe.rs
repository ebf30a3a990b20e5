//! A channel as the API shows it.

use serde_json::{Value, json};

use crate::database::channels::{Channel, Linked};

pub(super) fn channel(channel: &Channel) -> Value {
    let linked = |version: &Option<Linked>| {
        version
            .as_ref()
            .map(|version| json!({ "id": version.id, "name": version.name }))
    };
    let version = if channel.built_in {
        Some(json!({ "id": null, "name": "builtin" }))
    } else {
        linked(&channel.version)
    };
    json!({
        "id": channel.id,
        "app_id": channel.app_id,
        "name": channel.name,
        "public": channel.public,
        "version": version,
        "rollout_version": linked(&channel.rollout),
        "rollout_percentage": f64::from(channel.rollout_share) / 100.0,
        "disableAutoUpdate": channel.disable_auto_update,
        "disableAutoUpdateUnderNative": channel.disable_under_native,
        "allow_device_self_set": channel.allow_device_self_set,
        "allow_emulator": channel.allow_emulator,
        "allow_device": channel.allow_device,
        "allow_dev": channel.allow_dev,
        "allow_prod": channel.allow_prod,
        "ios": channel.ios,
        "android": channel.android,
        "electron": channel.electron,
        "created_at": channel.created_at,
        "updated_at": channel.updated_at,
    })
}
