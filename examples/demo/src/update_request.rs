//! Sends a device's update request and parses the response.

use capbundle::http::{Body, Head, Method, Receiver, Request, Transport, TransportError, Url};
use capbundle::update::protocol::{UpdateRequest, UpdateResponse};

use crate::failure::{Failure, Result};
use crate::interrupt;

/// Size limit of a response, more than the protocol needs.
const MAX_BYTES: usize = 64 << 10;

pub(crate) fn send(transport: &dyn Transport, url: &Url, device: &UpdateRequest) -> Result<UpdateResponse> {
    let network = |problem: String| {
        Failure::from(capbundle::Error::Network {
            url: url.to_string(),
            problem,
        })
    };
    let body = serde_json::to_vec(device).map_err(|error| network(error.to_string()))?;
    let request = Request::new(Method::Post, url.clone())
        .with_header("Content-Type", "application/json")?
        .with_control(interrupt::control())
        .with_body(Body::Bytes(body));
    let mut response = Response::default();
    match transport.send(&request, &mut response) {
        Ok(()) => Ok(UpdateResponse::parse(
            &url.to_string(),
            response.status,
            &response.body,
        )?),
        Err(TransportError::Receiver(error)) => Err(error.into()),
        Err(TransportError::Broken(problem) | TransportError::Refused(problem)) => Err(network(problem)),
        Err(_) => Err(network("the request failed".to_owned())),
    }
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
        // A truncated body is not valid JSON, which the parser reports.
        let room = MAX_BYTES.saturating_sub(self.body.len());
        self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(())
    }
}
