//! A device asks for an update, and reads whatever comes back.
//!
//! `ask-for-update URL APP DEVICE_ID NATIVE_VERSION`: the update URL, the app's id, a UUID that this installation keeps, the
//! version of the native app. `install-update` takes what is offered.

use std::error::Error;

use capbundle::http::{Body, Head, Http, Method, Receiver, Request, Transport};
use capbundle::update::protocol::{BUILT_IN, UpdateAnswer, UpdateRequest};

/// More than any answer has: a server must not fill the memory of a device.
const LARGEST: usize = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, app, device, native] = arguments.as_slice() else {
        return Err("expected URL APP DEVICE_ID NATIVE_VERSION".into());
    };
    let question = UpdateRequest {
        platform: "android".to_owned(),
        device_id: device.clone(),
        app_id: app.clone(),
        version_build: native.clone(),
        version_code: "1".to_owned(),
        version_name: BUILT_IN.to_owned(),
        plugin_version: "8.0.0".to_owned(),
        is_prod: true,
        ..UpdateRequest::default()
    };
    let mut request = Request::new(Method::Post, url.parse()?);
    request.headers.add("Content-Type", "application/json")?;
    request.body = Some(Body::Bytes(serde_json::to_vec(&question)?));
    let mut reply = Reply::default();
    Http::new()
        .send(&request, &mut reply)
        .map_err(|error| format!("{error:?}"))?;

    match UpdateAnswer::parse(url, reply.status, &reply.body)? {
        UpdateAnswer::Offer(offer) => {
            println!("{} {} {}", offer.version, offer.url, offer.checksum.unwrap_or_default());
        }
        UpdateAnswer::UpToDate(_) => println!("this device has what it should have"),
        other => println!("no update: {other:?}"),
    }
    Ok(())
}

#[derive(Default)]
struct Reply {
    status: u16,
    body: Vec<u8>,
}

impl Receiver for Reply {
    fn begin(&mut self, head: &Head) -> capbundle::Result<()> {
        self.status = head.status;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> capbundle::Result<()> {
        if self.body.len() + bytes.len() > LARGEST {
            return Err(capbundle::Error::Unsupported {
                what: "the answer".to_owned(),
                problem: format!("it has more than {LARGEST} bytes"),
            });
        }
        self.body.extend_from_slice(bytes);
        Ok(())
    }
}
