//! Requests an update as a device does, and handles every response.
//!
//! `check-for-update URL APP DEVICE_ID NATIVE_VERSION`: the update URL, the app id, the UUID of this installation, and the version
//! of the native app. `install-update` installs an offered bundle.

use std::error::Error;

use capbundle::http::{Body, Head, Http, Method, Receiver, Request, Transport};
use capbundle::update::protocol::{BUILT_IN, UpdateRequest, UpdateResponse};

/// Larger than any response. It keeps a server from filling the memory of the device.
const MAX_RESPONSE: usize = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, app, device, native] = arguments.as_slice() else {
        return Err("expected URL APP DEVICE_ID NATIVE_VERSION".into());
    };
    let update_request = UpdateRequest::default()
        .with_platform("android")
        .with_device_id(device)
        .with_app_id(app)
        .with_version_build(native)
        .with_version_code("1")
        .with_version_name(BUILT_IN)
        .with_plugin_version("8.0.0")
        .with_is_prod(true);
    let request = Request::new(Method::Post, url.parse()?)
        .with_header("Content-Type", "application/json")?
        .with_body(Body::Bytes(serde_json::to_vec(&update_request)?));
    let mut response = Response::default();
    Http::new()
        .send(&request, &mut response)
        .map_err(|error| format!("{error:?}"))?;

    match UpdateResponse::parse(url, response.status, &response.body)? {
        UpdateResponse::Offer(offer) => {
            println!("{} {} {}", offer.version, offer.url, offer.checksum.unwrap_or_default());
        }
        UpdateResponse::UpToDate(_) => println!("up to date"),
        other => println!("no update: {other:?}"),
    }
    Ok(())
}

#[derive(Default)]
struct Response {
    status: u16,
    body: Vec<u8>,
}

impl Receiver for Response {
    fn begin(&mut self, head: &Head) -> capbundle::Result<()> {
        self.status = head.status;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> capbundle::Result<()> {
        if self.body.len() + bytes.len() > MAX_RESPONSE {
            return Err(capbundle::Error::Unsupported {
                what: "the response".to_owned(),
                problem: format!("expected at most {MAX_RESPONSE} bytes"),
            });
        }
        self.body.extend_from_slice(bytes);
        Ok(())
    }
}
