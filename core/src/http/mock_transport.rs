//! A transport in memory for tests, with scripted responses.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::VecDeque;
use std::sync::Mutex;

use capbundle::http::{Head, Headers, Receiver, Request, Transport, TransportError};

/// One response, and whether the connection then breaks.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
    breaks: bool,
}

impl Answer {
    pub(crate) fn new(status: u16, body: &[u8]) -> Self {
        Self {
            status,
            headers: Headers::new(),
            body: body.to_vec(),
            breaks: false,
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.add(name, value).unwrap();
        self
    }

    /// The connection breaks after the body, even if the body is complete.
    pub(crate) fn then_breaks(mut self) -> Self {
        self.breaks = true;
        self
    }
}

/// Returns its responses in order and records the requests. When no response is left, the connection fails.
#[derive(Debug, Default)]
pub(crate) struct MockTransport {
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Request>>,
}

impl MockTransport {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            answers: Mutex::new(answers.into_iter().collect()),
            requests: Mutex::default(),
        }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The value of this header in each request, `-` where it is missing.
    pub(crate) fn request_headers(&self, header: &str) -> Vec<String> {
        let value = |request: &Request| request.headers.get(header).unwrap_or("-").to_owned();
        self.requests().iter().map(value).collect()
    }
}

impl Transport for MockTransport {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        self.requests.lock().unwrap().push(request.clone());
        let Some(answer) = self.answers.lock().unwrap().pop_front() else {
            return Err(TransportError::Broken("the connection was refused".to_owned()));
        };
        let head = Head::new(answer.status, answer.headers);
        receiver.begin(&head).map_err(TransportError::Receiver)?;
        for piece in answer.body.chunks(1000) {
            receiver.write(piece).map_err(TransportError::Receiver)?;
        }
        if answer.breaks {
            return Err(TransportError::Broken("the connection broke".to_owned()));
        }
        Ok(())
    }
}
