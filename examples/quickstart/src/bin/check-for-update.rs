//! Requests an update as a device does, and handles every response.
//!
//! `check-for-update URL APP DEVICE_ID NATIVE_VERSION`: the update URL, the app id, the UUID of this installation, and the version
//! of the native app. `install-update` installs an offered bundle.

use std::error::Error;

use capbundle::Control;
use capbundle::http::Http;
use capbundle::update::ask;
use capbundle::update::protocol::{BUILT_IN, UpdateRequest, UpdateResponse};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, app, device, native] = arguments.as_slice() else {
        return Err("expected URL APP DEVICE_ID NATIVE_VERSION".into());
    };
    let request = UpdateRequest::default()
        .with_platform("android")
        .with_device_id(device)
        .with_app_id(app)
        .with_version_build(native)
        .with_version_code("1")
        .with_version_name(BUILT_IN)
        .with_plugin_version("8.0.0")
        .with_is_prod(true);
    match ask(&Http::new(), &url.parse()?, &request, &Control::new())? {
        UpdateResponse::Offer(offer) => {
            println!("{} {} {}", offer.version, offer.url, offer.checksum.unwrap_or_default());
        }
        UpdateResponse::UpToDate(_) => println!("up to date"),
        UpdateResponse::Limited { retry_after, .. } => println!("ask again later: {retry_after:?}"),
        other => println!("no update: {other:?}"),
    }
    Ok(())
}
