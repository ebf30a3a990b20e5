//! The simulated device.

use capbundle::http::Url;
use capbundle::keys::{VerifyingKey, VerifyingKeys};
use capbundle::update::protocol::{Platform, UpdateRequest};

use super::{native_project, wrong};
use crate::args::DebugArgs;
use crate::commands::bundle::content::Project;
use crate::commands::bundle::identity;
use crate::commands::{key_source, server};
use crate::config::CapacitorConfig;
use crate::error::{About, Failure, Result, Subject, Warning};
use crate::output::Output;

/// The default update URL of Capgo's plugin.
pub(super) const CAPGO: &str = "https://plugin.capgo.app/updates";

pub(super) struct Device {
    pub(super) url: Url,
    pub(super) request: UpdateRequest,
    /// The public keys in the app.
    pub(super) keys: Option<VerifyingKeys>,
    /// The source of the update URL.
    url_from: String,
    /// The source of the native version.
    pub(super) native_from: String,
    /// Whether devices with the released app may have a different native version.
    pub(super) is_native_assumed: bool,
    pub(super) warnings: Vec<Warning>,
}

impl Device {
    pub(super) fn of(args: &DebugArgs, output: &Output) -> Result<Self> {
        let mut project = Project::default();
        let app = identity::app_id(args.app_id.as_deref(), &mut project, "")?;
        let config = project.config()?;
        let mut warnings = Vec::new();
        let (url, url_from) = update_url(args, config, &mut warnings)?;
        let channel = match &args.channel {
            Some(channel) => Some(channel.clone()),
            None => config.map_or(Ok(None), CapacitorConfig::default_channel)?,
        };
        let Native {
            version: native,
            origin: native_from,
            is_assumed: is_native_assumed,
        } = native(args, config, output)?;
        let keys = public_keys(args)?;
        if args.key.is_none() && args.key_data.is_none() {
            warnings.extend(other_key_warning(keys.as_ref(), config)?);
        }
        let key_id = keys.as_ref().map(VerifyingKeys::capgo_key_id);
        let platform = Platform::from(args.platform);
        let device_id = match &args.device_id {
            Some(id) => id.clone(),
            None => random_id()?,
        };
        let request = UpdateRequest::default()
            .with_platform(platform.as_str())
            .with_device_id(device_id)
            .with_app_id(app)
            .with_version_build(native)
            .with_version_code("1")
            .with_version_os("17")
            .with_version_name(&args.running)
            .with_plugin_version(&args.plugin_version)
            .with_is_emulator(args.emulator)
            .with_is_prod(!args.development)
            .with_default_channel(channel)
            .with_key_id(key_id);
        Ok(Self {
            url,
            request,
            keys,
            url_from,
            native_from,
            is_native_assumed,
            warnings,
        })
    }

    pub(super) fn describe(&self) -> String {
        let request = &self.request;
        let channel = request.default_channel.as_deref();
        format!(
            "Requesting {} ({}) as {} device of {}: native version {} ({}), running {}{}, {}",
            self.url,
            self.url_from,
            if request.platform == "android" {
                "an Android"
            } else {
                "an iOS or desktop"
            },
            request.app_id,
            request.version_build,
            self.native_from,
            request.version_name,
            channel.map(|name| format!(", channel {name}")).unwrap_or_default(),
            match &request.key_id {
                Some(id) => format!("public key {id}"),
                None => "no public key".to_owned(),
            }
        )
    }
}

/// The update URL of the app and its source: the config, which apps are built with, else your own server, else Capgo's.
fn update_url(
    args: &DebugArgs,
    config: Option<&CapacitorConfig>,
    warnings: &mut Vec<Warning>,
) -> Result<(Url, String)> {
    if let Some(url) = &args.update_url {
        return Ok((address(url)?, "--update-url".to_owned()));
    }
    let own = server::own_address(&args.server)?;
    if let Some(config) = config
        && let Some(url) = config.update_url()?
    {
        let (url, path) = (address(&url)?, config.path().display());
        if let Some(own) = own.filter(|own| own.origin() != url.origin()) {
            let problem = format!("devices use {url}, the updateUrl of {path}, but bundles are published to {own}");
            warnings.push(Warning::new("other_server", problem));
        }
        return Ok((url, format!("updateUrl of {path}")));
    }
    match own {
        Some(own) => {
            let url = format!("{}/updates", own.as_str().trim_end_matches('/'));
            let origin = if args.server.api_url.is_some() {
                "--api-url"
            } else {
                server::ADDRESS
            };
            let problem =
                format!("capacitor.config has no updateUrl, so devices use Capgo's server {CAPGO}: set it to {url}");
            warnings.push(Warning::new("no_update_url", problem));
            Ok((address(&url)?, format!("from {origin}")))
        }
        None => Ok((address(CAPGO)?, "default".to_owned())),
    }
}

/// The native version and its source.
struct Native {
    version: String,
    origin: String,
    is_assumed: bool,
}

fn native(args: &DebugArgs, config: Option<&CapacitorConfig>, output: &Output) -> Result<Native> {
    const OPTION: &str = "--native-version";
    if let Some(version) = &args.native_version {
        return Ok(Native {
            version: version.clone(),
            origin: OPTION.to_owned(),
            is_assumed: false,
        });
    }
    let advice = "pass the native version with --native-version";
    let assumed = |version: String, origin: String| Native {
        version,
        origin,
        is_assumed: true,
    };
    if let Some(config) = config
        && let Some(version) = config.updater_version(advice)?
    {
        let origin = format!("plugins.CapacitorUpdater.version of {}", config.path().display());
        return Ok(assumed(version, origin));
    }
    if let Some((version, file)) = native_project::version(args.platform)? {
        return Ok(assumed(version, file));
    }
    let version = identity::package_version(&[], output).map_err(|failure| failure.adding(&format!("or {advice}")))?;
    Ok(assumed(version.to_string(), "package.json".to_owned()))
}

fn address(text: &str) -> Result<Url> {
    let url: Url = text
        .parse()
        .map_err(|error: capbundle::Error| wrong("invalid_update_url", format!("invalid update URL: {error}")))?;
    if url.is_secure() || url.is_loopback() {
        return Ok(url);
    }
    Err(wrong(
        "plain_http",
        format!("the update URL {url} is plain http, which iOS and Android block; expected an https URL"),
    ))
}

fn public_keys(args: &DebugArgs) -> Result<Option<VerifyingKeys>> {
    if args.no_key {
        return Ok(None);
    }
    match key_source::verifying_keys(args.key.as_deref(), args.key_data.as_deref()) {
        Ok(found) => Ok(Some(found.keys)),
        Err(failure) if failure.code == "missing_public_key" && args.key.is_none() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// A warning if the key file differs from the key in the config, which apps are built with.
fn other_key_warning(keys: Option<&VerifyingKeys>, config: Option<&CapacitorConfig>) -> Result<Option<Warning>> {
    let (Some(keys), Some(config)) = (keys, config) else {
        return Ok(None);
    };
    // A key that a program computes cannot be compared.
    let Some(pem) = config.public_key().ok().flatten() else {
        return Ok(None);
    };
    let installed = VerifyingKeys::from_pem(&pem).about(Subject::PublicKey)?;
    if keys
        .iter()
        .all(|key| installed.iter().any(|installed| installed == key))
    {
        return Ok(None);
    }
    let ids = |keys: &VerifyingKeys| {
        let ids: Vec<_> = keys.iter().map(VerifyingKey::capgo_key_id).collect();
        ids.join(" and ")
    };
    let problem = format!(
        "the simulated device uses key {} from {}, but apps built with {} have {}: pass the key of the app with --key",
        ids(keys),
        key_source::PUBLIC_KEY_FILE,
        config.path().display(),
        ids(&installed)
    );
    Ok(Some(Warning::new("key_mismatch", problem)))
}

/// A UUID of version 4.
fn random_id() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::refused("io", format!("cannot generate a random device id: {error}")))?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    Ok(parts.join("-"))
}
