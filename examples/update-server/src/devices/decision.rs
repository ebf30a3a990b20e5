//! Decides which update a device gets. Pure functions of the request, the channel and the bundle, without database access.
//!
//! Three codes of Capgo's servers are never used: `null_channel_data` (a channel row is always complete), `no_url_or_manifest`
//! (every bundle has a URL) and `provider_infrastructure_request_blocked` (no network is blocked).

use capbundle::update::protocol::{BUILT_IN, NO_ARCHIVE, Notice, UpdateOffer, UpdateRequest};
use semver::Version;

use super::rollout;
use crate::database::bundles::BundleRow;
use crate::database::channels::ChannelRow;
use crate::validation;

/// Older plugins use another protocol.
const OLDEST_PLUGIN: Version = Version::new(4, 0, 0);
/// Older plugins cannot handle `builtin`.
const SUPPORTS_BUILT_IN: Version = Version::new(6, 2, 0);
/// Plugins up to this version send no reliable key id.
const LAST_WITHOUT_KEY_ID: Version = Version::new(8, 40, 7);

/// The first plugins of each major version that take single files. Those of later major versions all do.
const SUPPORTS_MANIFEST: [Version; 3] = [Version::new(5, 10, 0), Version::new(6, 25, 0), Version::new(7, 0, 35)];

/// Why the device is in its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChannelAssignment {
    /// The device chose the channel.
    DeviceOverride,
    /// The channel is the app's default channel.
    AppDefault,
    /// The channel is the public one.
    Public,
}

/// The response to an update request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    Offer(Box<UpdateOffer>),
    BuiltIn,
    NoUpdate(Box<Notice>),
}

/// The versions of the device's native app and plugin.
pub(super) struct Versions {
    native: Version,
    plugin: Version,
}

impl Versions {
    /// Whether the plugin takes single files.
    pub(super) fn supports_manifest(&self) -> bool {
        let mut first = SUPPORTS_MANIFEST.into_iter();
        match first.find(|first| first.major == self.plugin.major) {
            Some(first) => self.plugin >= first,
            None => self.plugin.major > 7,
        }
    }

    /// Parses the versions of a request.
    pub(super) fn parse(request: &UpdateRequest) -> Result<Self, Box<Notice>> {
        let no = |code, message: String| Err(Box::new(Notice::new(code, message)));
        let required = [
            ("version_build", &request.version_build),
            ("version_name", &request.version_name),
            ("plugin_version", &request.plugin_version),
            ("platform", &request.platform),
        ];
        if let Some((name, _)) = required.iter().find(|(_, value)| value.is_empty()) {
            return no("missing_info", format!("Cannot get {name}"));
        }
        if request.version_build == "unknown" {
            return no("unknown_version_build", "version_build is unknown".to_owned());
        }
        let Some(native) = validation::coerce_version(&request.version_build) else {
            return no(
                "semver_error",
                format!("version_build {:?} is not a semantic version", request.version_build),
            );
        };
        let plugin = validation::coerce_version(&request.plugin_version).filter(|plugin| *plugin >= OLDEST_PLUGIN);
        let Some(plugin) = plugin else {
            return no(
                "unsupported_plugin_version",
                format!(
                    "Plugin version {:?} is not supported; the oldest supported version is {OLDEST_PLUGIN}",
                    request.plugin_version
                ),
            );
        };
        Ok(Self { native, plugin })
    }
}

/// The id of the bundle that the channel has for this device.
pub(super) fn select_bundle(channel: &ChannelRow, request: &UpdateRequest) -> Option<i64> {
    let rollout = channel.rollout.as_ref();
    let selected = rollout.filter(|bundle| {
        rollout::includes(
            channel.rollout_share,
            &channel.app_id,
            &bundle.id.to_string(),
            &request.device_id,
        )
    });
    selected.or(channel.version.as_ref()).map(|bundle| bundle.id)
}

/// Decides whether the device gets `bundle` from `channel`. `url` is the URL of the archive, if it exists.
pub(super) fn decide(
    request: &UpdateRequest,
    versions: &Versions,
    channel: &ChannelRow,
    assignment: ChannelAssignment,
    bundle: Option<&BundleRow>,
    url: Option<String>,
) -> Decision {
    try_decide(request, versions, channel, assignment, bundle, url).unwrap_or_else(Decision::NoUpdate)
}

fn try_decide(
    request: &UpdateRequest,
    versions: &Versions,
    channel: &ChannelRow,
    assignment: ChannelAssignment,
    bundle: Option<&BundleRow>,
    url: Option<String>,
) -> Result<Decision, Box<Notice>> {
    let no = |code: &str, message: String| Err(Box::new(notice(code, message, request, bundle)));
    if assignment == ChannelAssignment::AppDefault && !channel.public && !channel.allow_device_self_set {
        let message = format!("Channel {:?} is private and devices may not choose it", channel.name);
        return no("cannot_update_via_private_channel", message);
    }
    check_channel(request, channel, bundle)?;
    if channel.built_in && bundle.is_none() {
        return check_revert(request, versions).map(|()| Decision::BuiltIn);
    }
    let Some(bundle) = bundle else {
        return no("no_bundle", format!("Channel {:?} has no bundle", channel.name));
    };
    let current = if request.version_name == BUILT_IN {
        &request.version_build
    } else {
        &request.version_name
    };
    if *current == bundle.name {
        return no("no_new_version_available", "No new version available".to_owned());
    }
    check_native_app(request, versions, channel, bundle)?;
    let Some(url) = url else {
        return no("no_bundle_url", "The archive of the bundle is missing".to_owned());
    };
    if url == NO_ARCHIVE && !versions.supports_manifest() {
        let message = "The bundle has no archive, and the plugin does not take single files".to_owned();
        return no("no_bundle_url", message);
    }
    let offer = UpdateOffer::new(&bundle.name, url)
        .with_checksum(bundle.checksum.clone())
        .with_session_key(bundle.session_key.clone())
        .with_link(bundle.link.clone())
        .with_comment(bundle.comment.clone());
    Ok(Decision::Offer(Box::new(offer)))
}

fn notice(code: &str, message: String, request: &UpdateRequest, bundle: Option<&BundleRow>) -> Notice {
    Notice::new(code, message)
        .with_version(bundle.map(|bundle| bundle.name.clone()))
        .with_old(request.version_name.clone())
}

/// Checks the settings of the channel.
fn check_channel(request: &UpdateRequest, channel: &ChannelRow, bundle: Option<&BundleRow>) -> Result<(), Box<Notice>> {
    let platform_enabled = match request.platform.as_str() {
        "ios" => channel.ios,
        "android" => channel.android,
        "electron" => channel.electron,
        _ => {
            return Err(Box::new(notice(
                "missing_info",
                format!("Unknown platform {:?}", request.platform),
                request,
                bundle,
            )));
        }
    };
    let disabled = format!("disabled_platform_{}", request.platform);
    let (emulator, production) = (request.is_emulator, request.is_prod);
    let rules: [(bool, &str, &str); 5] = [
        (!platform_enabled, &disabled, "this platform"),
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
    match rules.into_iter().find(|(disabled, ..)| *disabled) {
        Some((_, code, devices)) => {
            let message = format!("Channel {:?} is disabled for {devices}", channel.name);
            Err(Box::new(notice(code, message, request, bundle)))
        }
        None => Ok(()),
    }
}

fn check_revert(request: &UpdateRequest, versions: &Versions) -> Result<(), Box<Notice>> {
    let no = |code: &str, message: &str| Err(Box::new(notice(code, message.to_owned(), request, None)));
    if request.version_name == BUILT_IN || request.version_name == request.version_build {
        return no("already_on_builtin", "Already on the built-in bundle");
    }
    if versions.plugin < SUPPORTS_BUILT_IN {
        return no(
            "revert_to_builtin_plugin_version_too_old",
            "The plugin is too old to return to the built-in bundle",
        );
    }
    Ok(())
}

/// Checks that the channel and the bundle permit the native app.
fn check_native_app(
    request: &UpdateRequest,
    versions: &Versions,
    channel: &ChannelRow,
    bundle: &BundleRow,
) -> Result<(), Box<Notice>> {
    let no = |code: &str, message: String| Err(Box::new(notice(code, message, request, Some(bundle))));
    let native = &versions.native;
    // Registration permits only semantic versions.
    let Some(version) = validation::coerce_version(&bundle.name) else {
        return no(
            "semver_error",
            format!("Version {:?} is not a semantic version", bundle.name),
        );
    };
    if channel.disable_under_native && version < *native {
        let message = format!("Version {version} is older than the native app, {native}");
        return no("disable_auto_update_under_native", message);
    }
    let cannot = |kind: &str| {
        format!(
            "Channel {:?} does not allow the {kind}update from {native} to {version}",
            channel.name
        )
    };
    let major_grows = version.major > native.major;
    match channel.disable_auto_update.as_str() {
        "major" if major_grows => {
            let mut no_update = notice("disable_auto_update_to_major", cannot("major "), request, Some(bundle));
            no_update.major = Some(true);
            return Err(Box::new(no_update));
        }
        "minor" if (version.major, version.minor) > (native.major, native.minor) => {
            return no("disable_auto_update_to_minor", cannot("minor "));
        }
        "patch" if (version.major, version.minor) != (native.major, native.minor) => {
            return no("disable_auto_update_to_patch", cannot(""));
        }
        "version_number" if bundle.min_update_version.is_none() => {
            let message = format!(
                "Version {version} has no min_update_version, which channel {:?} requires",
                channel.name
            );
            return no("misconfigured_channel", message);
        }
        _ => {}
    }
    // Capgo's servers check min_update_version only in channels whose disableAutoUpdate is version_number. Here it applies in
    // every channel: the publisher of a bundle knows which apps it breaks, but not to which channels it will be promoted.
    if let Some(least) = &bundle.min_update_version {
        let Some(least) = validation::coerce_version(least) else {
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
    if has_another_key && versions.plugin > LAST_WITHOUT_KEY_ID {
        return no("key_id_mismatch", "The bundle is encrypted with another key".to_owned());
    }
    Ok(())
}
