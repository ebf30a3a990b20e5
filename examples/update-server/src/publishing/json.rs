//! The JSON of bundles and channels.

use serde_json::{Value, json};

use crate::config::{ApiShape, Config};
use crate::database::bundles::BundleRow;
use crate::database::channels::{ChannelRow, LinkedBundle};

/// A bundle with all members of the API; those that this server does not use are `null`.
pub(super) fn bundle(bundle: &BundleRow, config: &Config) -> Value {
    let bucket = config.s3.as_ref().filter(|_| bundle.r2_path.is_some());
    let mut row = json!({
        "id": bundle.id,
        "app_id": bundle.app_id,
        "name": bundle.name,
        "checksum": bundle.checksum,
        "session_key": bundle.session_key,
        "key_id": bundle.key_id,
        "external_url": bundle.external_url,
        "r2_path": bundle.r2_path,
        "bucket_id": bucket.map(|bucket| &bucket.bucket),
        "storage_provider": if bundle.r2_path.is_some() { "r2" } else { "external" },
        "link": bundle.link,
        "comment": bundle.comment,
        "native_packages": bundle.native_packages,
        "size": bundle.size,
        "manifest_count": bundle.manifest_count,
        "created_at": bundle.created_at,
        "updated_at": bundle.updated_at,
        "deleted": bundle.deleted_at.is_some(),
        "owner_org": "self-hosted",
        "user_id": bundle.user_id,
    });
    match config.api_shape {
        ApiShape::Documented => row["minUpdateVersion"] = json!(bundle.min_update_version),
        ApiShape::Backend => {
            row["min_update_version"] = json!(bundle.min_update_version);
            row["deleted_at"] = json!(bundle.deleted_at);
            row["cli_version"] = Value::Null;
            row["manifest"] = Value::Null;
        }
    }
    row
}

pub(super) fn channel(channel: &ChannelRow) -> Value {
    let linked = |version: &Option<LinkedBundle>| {
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
