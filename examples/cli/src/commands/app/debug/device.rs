//! The device that the command plays.

use capbundle::keys::VerifyingKey;
use capbundle::transport::Url;
use capbundle::update::protocol::{Platform, UpdateRequest};

use super::wrong;
use crate::args::{DebugArgs, DevicePlatform};
use crate::codes::{Failure, Result};
use crate::commands::bundle::content::Project;
use crate::commands::bundle::identity;
use crate::commands::key_source;
use crate::config::CapacitorConfig;
use crate::output::Output;

/// Where Capgo's plugin asks unless the app says otherwise.
const CAPGO: &str = "https://plugin.capgo.app/updates";

pub(super) struct Device {
    pub(super) url: Url,
    pub(super) request: UpdateRequest,
    /// The public key in the app.
    pub(super) key: Option<VerifyingKey>,
}

impl Device {
    pub(super) fn of(args: &DebugArgs, output: &Output) -> Result<Self> {
        let mut project = Project::default();
        let app = identity::app_id(args.app_id.as_deref(), &mut project, "")?;
        let config = project.config()?;
        let or_config = |given: &Option<String>, configured: Result<Option<String>>| match given {
            Some(given) => Ok(Some(given.clone())),
            None => configured,
        };
        let url = or_config(&args.update_url, config.map_or(Ok(None), CapacitorConfig::update_url))?;
        let channel = or_config(&args.channel, config.map_or(Ok(None), CapacitorConfig::default_channel))?;
        let native = or_config(
            &args.native_version,
            config.map_or(Ok(None), CapacitorConfig::native_version),
        )?;
        let native = match native {
            Some(native) => native,
            None => identity::version(None, &[], output)
                .map_err(|failure| failure.adding("or pass the native version with --native-version"))?
                .to_string(),
        };
        let key = public_key(args)?;
        let key_id = key.as_ref().map(VerifyingKey::capgo_key_id).transpose()?;
        let platform = match args.platform {
            DevicePlatform::Ios => Platform::Ios,
            DevicePlatform::Android => Platform::Android,
            DevicePlatform::Electron => Platform::Electron,
        };
        let request = UpdateRequest {
            platform: platform.as_str().to_owned(),
            device_id: match &args.device_id {
                Some(id) => id.clone(),
                None => made_up_id()?,
            },
            app_id: app,
            version_build: native,
            version_code: "1".to_owned(),
            version_os: "17".to_owned(),
            version_name: args.running.clone(),
            plugin_version: args.plugin_version.clone(),
            is_emulator: args.emulator,
            is_prod: !args.development,
            default_channel: channel,
            key_id,
            ..UpdateRequest::default()
        };
        Ok(Self {
            url: address(url.as_deref().unwrap_or(CAPGO))?,
            request,
            key,
        })
    }

    pub(super) fn describe(&self) -> String {
        let request = &self.request;
        let channel = request.default_channel.as_deref();
        format!(
            "Asking {} as {} device of {}: native version {}, running {}{}, {}",
            self.url,
            if request.platform == "android" {
                "an Android"
            } else {
                "an iOS or desktop"
            },
            request.app_id,
            request.version_build,
            request.version_name,
            channel.map(|name| format!(", channel {name}")).unwrap_or_default(),
            match &request.key_id {
                Some(id) => format!("public key {id}"),
                None => "no public key".to_owned(),
            }
        )
    }
}

fn address(text: &str) -> Result<Url> {
    let url: Url = text
        .parse()
        .map_err(|error: capbundle::Error| wrong("invalid_update_url", format!("the update URL: {error}")))?;
    if url.is_secure() || url.is_loopback() {
        return Ok(url);
    }
    Err(wrong(
        "plain_http",
        format!("the update URL {url} is plain http: iOS and Android refuse to ask it; expected an https address"),
    ))
}

fn public_key(args: &DebugArgs) -> Result<Option<VerifyingKey>> {
    if args.no_key {
        return Ok(None);
    }
    match key_source::verifying_key(args.key.as_deref(), args.key_data.as_deref()) {
        Ok(found) => Ok(Some(found.key)),
        Err(failure) if failure.code == "missing_public_key" && args.key.is_none() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// A UUID of version 4.
fn made_up_id() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| Failure::refused("io", format!("no random numbers: {error}")))?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok(parts.join("-"))
}
