//! What a server of the Bundles API knows of an app, and how it is changed.
//!
//! `bundles-api APP list`, `create VERSION URL SHA256`, `describe VERSION COMMENT`, `promote VERSION CHANNEL`, `delete VERSION`;
//! with the address of the server in `API_URL` and the key to it in `CAPGO_TOKEN`.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use capbundle::digest::Sha256Digest;
use capbundle::http::Http;
use capbundle::progress::Control;
use capbundle_publish::api::{Api, ApiKey, AppId, NewBundle};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (app, words): (AppId, _) = match words.as_slice() {
        [app, words @ ..] => (app.parse()?, words),
        [] => return Err("expected APP and what to do".into()),
    };
    let key = ApiKey::find(None, Path::new("."))?.ok_or("set CAPGO_TOKEN")?;
    let base = std::env::var("API_URL").unwrap_or_else(|_| Api::DEFAULT_BASE.to_owned());
    let api = Api::new(Arc::new(Http::new()), &base.parse()?, key)?;
    let control = Control::new();
    // Servers know bundles by numbers.
    let number_of = |version: &str| -> Result<u64, Box<dyn Error>> {
        let bundle = api.bundle(&app, version, &control)?;
        Ok(bundle.ok_or_else(|| format!("there is no version {version}"))?.id)
    };

    match words {
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
            api.create(&NewBundle::new(app.clone(), *version, url.parse()?, digest)?, &control)?;
        }
        ["describe", version, comment] => {
            api.set_metadata(&app, number_of(version)?, None, Some(*comment), &control)?;
        }
        ["promote", version, channel] => {
            api.set_channel_by_name(&app, number_of(version)?, channel, &control)?;
        }
        ["delete", version] => api.delete(&app, version, &control)?,
        _ => return Err("expected list, create, describe, promote or delete".into()),
    }
    Ok(())
}
