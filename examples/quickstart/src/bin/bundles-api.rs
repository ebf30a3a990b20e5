//! Lists and changes the bundles of an app through the Bundles API.
//!
//! `bundles-api APP list`, `create VERSION URL SHA256`, `describe VERSION COMMENT`, `promote VERSION CHANNEL`, `delete VERSION`.
//! The URL of the server is in `API_URL`, the API key in `CAPGO_TOKEN`.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use capbundle::digest::Sha256Digest;
use capbundle::http::Http;
use capbundle::progress::Control;
use capbundle_publish::api::{Api, ApiKey, AppId, BundleMetadata, BundleRegistration};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (app, operation): (AppId, _) = match arguments.as_slice() {
        [app, operation @ ..] => (app.parse()?, operation),
        [] => return Err("expected APP and an operation".into()),
    };
    let key = ApiKey::find(None, Path::new("."))?.ok_or("set CAPGO_TOKEN")?;
    let base = std::env::var("API_URL").unwrap_or_else(|_| Api::DEFAULT_BASE.to_owned());
    let api = Api::new(Arc::new(Http::new()), &base.parse()?, key)?;
    let control = Control::new();
    // The API identifies bundles by numbers.
    let id_of = |version: &str| -> Result<u64, Box<dyn Error>> {
        let bundle = api.bundle(&app, version, &control)?;
        Ok(bundle.ok_or_else(|| format!("version {version} not found"))?.id)
    };

    match operation {
        ["list"] => {
            for bundle in api.bundles(&app, &control) {
                let bundle = bundle?;
                println!("{} {}", bundle.version, bundle.comment.unwrap_or_default());
            }
            for channel in api.channels(&app, &control) {
                let channel = channel?;
                println!("{} -> {}", channel.name, channel.version.unwrap_or_default());
            }
        }
        ["create", version, url, digest] => {
            let digest: Sha256Digest = digest.parse()?;
            api.create(
                &BundleRegistration::new(app.clone(), *version, url.parse()?, digest)?,
                &control,
            )?;
        }
        ["describe", version, comment] => {
            let metadata = BundleMetadata {
                comment: Some(*comment),
                ..BundleMetadata::default()
            };
            api.set_metadata(&app, id_of(version)?, metadata, &control)?;
        }
        ["promote", version, channel] => {
            api.set_channel_by_name(&app, id_of(version)?, channel, &control)?;
        }
        ["delete", version] => api.delete(&app, version, &control)?,
        _ => return Err("expected list, create, describe, promote or delete".into()),
    }
    Ok(())
}
