//! A device's question to the update server, and the answer.

use capbundle::http::{Body, Head, Method, Receiver, Request, Transport, TransportError, Url};
use capbundle::update::protocol::{UpdateAnswer, UpdateRequest};

use crate::failure::{Failure, Result};
use crate::interrupt;

/// More than any answer of the protocol has.
const LARGEST: usize = 64 << 10;

pub(crate) fn ask(transport: &dyn Transport, url: &Url, device: &UpdateRequest) -> Result<UpdateAnswer> {
    let network = |problem: String| {
        Failure::from(capbundle::Error::Network {
            url: url.to_string(),
            problem,
        })
    };
    let mut request = Request::new(Method::Post, url.clone());
    request.headers.add("Content-Type", "application/json")?;
    request.control = interrupt::control();
    let body = serde_json::to_vec(device).map_err(|error| network(error.to_string()))?;
    request.body = Some(Body::Bytes(body));
    let mut answer = Answer::default();
    match transport.send(&request, &mut answer) {
        Ok(()) => Ok(UpdateAnswer::parse(&url.to_string(), answer.status, &answer.body)?),
        Err(TransportError::Receiver(error)) => Err(error.into()),
        Err(TransportError::Broken(problem) | TransportError::Refused(problem)) => Err(network(problem)),
        Err(_) => Err(network("it failed".to_owned())),
    }
}

#[derive(Default)]
struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Receiver for Answer {
    fn begin(&mut self, head: &Head) -> capbundle::Result<()> {
        self.status = head.status;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> capbundle::Result<()> {
        // What is cut is no JSON any more, and said to be so.
        let room = LARGEST.saturating_sub(self.body.len());
        self.body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(())
    }
}
