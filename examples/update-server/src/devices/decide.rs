//! The decision what a device gets. No database here: what is known goes in, an answer comes out.
//!
//! Never said here, though Capgo's servers say it: `null_channel_data` (a channel is a row or is not there),
//! `no_url_or_manifest` (every bundle has a URL) and `provider_infrastructure_request_blocked` (nobody is turned away for where
//! they ask from).

use capbundle::update::protocol::{BUILT_IN, Notice, Offer, UpdateRequest};
use semver::Version;

use super::rollout;
use crate::database::bundles::Bundle;
use crate::database::channels::Channel;
use crate::names;

/// Plugins below this speak another protocol.
const OLDEST_PLUGIN: Version = Version::new(4, 0, 0);
/// Plugins below this do not know what to do with `builtin`.
const KNOWS_BUILT_IN: Version = Version::new(6, 2, 0);
/// Plugins up to this send no key id that could be relied upon.
const SENDS_NO_KEY_ID: Version = Version::new(8, 40, 7);

/// How the device came to its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It chose the channel.
    Chosen,
    /// The app was built for the channel.
    DefaultOfApp,
    /// It is the public one.
    Public,
}

/// What the device gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    Offer(Box<Offer>),
    BuiltIn,
    No(Box<Notice>),
}

/// What a device says of itself, as versions.
pub(super) struct Versions {
    native: Version,
    plugin: Version,
}

/// Reads the versions of a request.
pub(super) fn versions(request: &UpdateRequest) -> Result<Versions, Box<Notice>> {
    let no = |code, message: String| Err(Box::new(Notice::new(code, message)));
    let needed = [
        ("version_build", &request.version_build),
        ("version_name", &request.version_name),
        ("plugin_version", &request.plugin_version),
        ("platform", &request.platform),
    ];
    if let Some((name, _)) = needed.iter().find(|(_, value)| value.is_empty()) {
        return no("missing_info", format!("Cannot get {name}"));
    }
    if request.version_build == "unknown" {
        return no(
            "unknown_version_build",
            "version_build is unknown, cannot tell what fits".to_owned(),
        );
    }
    let Some(native) = names::coerced(&request.version_build) else {
        return no(
            "semver_error",
            format!("Native version {:?} is not a semantic version", request.version_build),
        );
    };
    let plugin = names::coerced(&request.plugin_version).filter(|plugin| *plugin >= OLDEST_PLUGIN);
    let Some(plugin) = plugin else {
        return no(
            "unsupported_plugin_version",
            format!("Plugin {:?} is too old", request.plugin_version),
        );
    };
    Ok(Versions { native, plugin })
}

/// The number of the bundle that this device is to have.
pub(super) fn wanted_bundle(channel: &Channel, request: &UpdateRequest) -> Option<i64> {
    let rollout = channel.rollout.as_ref();
    let candidate = rollout.filter(|bundle| {
        rollout::includes(
            channel.rollout_share,
            &channel.app_id,
            &bundle.id.to_string(),
            &request.device_id,
        )
    });
    candidate.or(channel.version.as_ref()).map(|bundle| bundle.id)
}

/// Whether the channel is open to this device, and the bundle fits it. `url` is where the bundle is, if it is anywhere.
pub(super) fn decide(
    request: &UpdateRequest,
    versions: &Versions,
    channel: &Channel,
    way: Way,
    bundle: Option<&Bundle>,
    url: Option<String>,
) -> Decision {
    match consider(request, versions, channel, way, bundle, url) {
        Ok(decision) => decision,
        Err(notice) => Decision::No(notice),
    }
}

fn consider(
    request: &UpdateRequest,
    versions: &Versions,
    channel: &Channel,
    way: Way,
    bundle: Option<&Bundle>,
    url: Option<String>,
) -> Result<Decision, Box<Notice>> {
    let no = |code: &str, message: String| Err(Box::new(about(code, message, request, bundle)));
    if way == Way::DefaultOfApp && !channel.public && !channel.allow_device_self_set {
        let message = format!("Channel {:?} is private, and devices may not choose it", channel.name);
        return no("cannot_update_via_private_channel", message);
    }
    open_to(request, channel, bundle)?;
    if channel.built_in && bundle.is_none() {
        return back_to_built_in(request, versions).map(|()| Decision::BuiltIn);
    }
    let Some(bundle) = bundle else {
        return no("no_bundle", format!("Channel {:?} has no bundle", channel.name));
    };
    let runs = if request.version_name == BUILT_IN {
        &request.version_build
    } else {
        &request.version_name
    };
    if *runs == bundle.name {
        return no("no_new_version_available", "No new version available".to_owned());
    }
    fits(request, versions, channel, bundle)?;
    let Some(url) = url else {
        return no("no_bundle_url", "The archive of the bundle is not there".to_owned());
    };
    Ok(Decision::Offer(Box::new(Offer {
        version: bundle.name.clone(),
        url,
        checksum: bundle.checksum.clone(),
        session_key: bundle.session_key.clone(),
        manifest: Vec::new(),
        link: bundle.link.clone(),
        comment: bundle.comment.clone(),
    })))
}

fn about(code: &str, message: String, request: &UpdateRequest, bundle: Option<&Bundle>) -> Notice {
    let mut notice = Notice::new(code, message);
    notice.version = bundle.map(|bundle| bundle.name.clone());
    notice.old = Some(request.version_name.clone());
    notice
}

/// The switches of a channel.
fn open_to(request: &UpdateRequest, channel: &Channel, bundle: Option<&Bundle>) -> Result<(), Box<Notice>> {
    let platform_is_on = match request.platform.as_str() {
        "ios" => channel.ios,
        "android" => channel.android,
        "electron" => channel.electron,
        _ => {
            return Err(Box::new(about(
                "missing_info",
                "Unknown platform".to_owned(),
                request,
                bundle,
            )));
        }
    };
    let off = format!("disabled_platform_{}", request.platform);
    let (emulator, production) = (request.is_emulator, request.is_prod);
    let rules: [(bool, &str, &str); 5] = [
        (!platform_is_on, &off, "this platform"),
        (
            production && !channel.allow_prod,
            "disable_prod_build",
            "production builds",
        ),
        (
            !production && !channel.allow_dev,
            "disable_dev_build",
            "development builds",
        ),
        (!emulator && !channel.allow_device, "disable_device", "real devices"),
        (emulator && !channel.allow_emulator, "disable_emulator", "emulators"),
    ];
    match rules.into_iter().find(|(closed, ..)| *closed) {
        Some((_, code, whom)) => {
            let message = format!("Channel {:?} is closed to {whom}", channel.name);
            Err(Box::new(about(code, message, request, bundle)))
        }
        None => Ok(()),
    }
}

fn back_to_built_in(request: &UpdateRequest, versions: &Versions) -> Result<(), Box<Notice>> {
    let no = |code: &str, message: &str| Err(Box::new(about(code, message.to_owned(), request, None)));
    if request.version_name == BUILT_IN || request.version_name == request.version_build {
        return no("already_on_builtin", "Already on the built-in bundle");
    }
    if versions.plugin < KNOWS_BUILT_IN {
        return no(
            "revert_to_builtin_plugin_version_too_old",
            "The plugin cannot go back to the built-in bundle",
        );
    }
    Ok(())
}

/// What the channel and the bundle want of the native app.
fn fits(request: &UpdateRequest, versions: &Versions, channel: &Channel, bundle: &Bundle) -> Result<(), Box<Notice>> {
    let no = |code: &str, message: String| Err(Box::new(about(code, message, request, Some(bundle))));
    let native = &versions.native;
    // Registered versions are semantic, or they would not be here.
    let Some(version) = names::coerced(&bundle.name) else {
        return no(
            "semver_error",
            format!("Version {:?} is not a semantic version", bundle.name),
        );
    };
    if channel.disable_under_native && version < *native {
        let message = format!("Version {version} is older than the native app, {native}");
        return no("disable_auto_update_under_native", message);
    }
    let cannot = |step: &str| {
        format!(
            "Channel {:?} allows no {step} update from {native} to {version}",
            channel.name
        )
    };
    let major_grows = version.major > native.major;
    match channel.disable_auto_update.as_str() {
        "major" if major_grows => {
            let mut notice = about("disable_auto_update_to_major", cannot("major"), request, Some(bundle));
            notice.major = Some(true);
            return Err(Box::new(notice));
        }
        "minor" if (version.major, version.minor) > (native.major, native.minor) => {
            return no("disable_auto_update_to_minor", cannot("minor"));
        }
        "patch" if (version.major, version.minor) != (native.major, native.minor) => {
            return no("disable_auto_update_to_patch", cannot("such"));
        }
        "version_number" if bundle.min_update_version.is_none() => {
            let message = format!(
                "Version {version} has no min_update_version, which channel {:?} goes by",
                channel.name
            );
            return no("misconfigured_channel", message);
        }
        _ => {}
    }
    // Capgo's servers look at it only where the channel goes by it. Here it holds in every channel: whoever registers a bundle
    // knows which apps it breaks, and need not know who will promote it to what.
    if let Some(least) = &bundle.min_update_version {
        let Some(least) = names::coerced(least) else {
            let message = format!("min_update_version {least:?} is not a semantic version");
            return no("semver_error", message);
        };
        if *native < least {
            let message = format!("Version {version} needs the native app {least} or later");
            return no("disable_auto_update_to_metadata", message);
        }
    }
    let encrypted_for = bundle.key_id.as_ref().filter(|_| bundle.session_key.is_some());
    let has_another_key = encrypted_for.is_some_and(|key| request.key_id.as_ref() != Some(key));
    if has_another_key && versions.plugin > SENDS_NO_KEY_ID {
        return no("key_id_mismatch", "The bundle is encrypted for another key".to_owned());
    }
    Ok(())
}
