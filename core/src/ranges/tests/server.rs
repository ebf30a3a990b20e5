//! A server in memory that answers ranges, with scripted faults.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::http::{Head, Headers, Receiver, Request, Transport, TransportError};

/// What is wrong with one response.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// The whole file with status 200.
    Whole,
    /// This status.
    Status(u16),
    /// A range that starts one byte later.
    Shifted,
    /// A range that ends one byte earlier.
    Shorter,
    /// The size of the whole file is one byte more.
    OtherTotal,
    /// No `Content-Range`.
    NoRange,
    /// Another `ETag`.
    OtherTag,
    /// A `Content-Encoding`.
    Gzip,
    /// The body has one byte more.
    LongerBody,
    /// The connection breaks after this many bytes.
    Cut(usize),
    /// The body ends after this many bytes, and the transport does not notice.
    Short(usize),
}

#[derive(Debug)]
pub(super) struct RangeServer {
    file: Vec<u8>,
    faults: Mutex<VecDeque<Option<Fault>>>,
    requests: Mutex<Vec<Request>>,
    /// Bytes of bodies that it began to send.
    sent: Mutex<u64>,
}

impl RangeServer {
    pub(super) fn new(file: &[u8]) -> Self {
        Self::with_faults(file, [])
    }

    /// The first responses have these faults.
    pub(super) fn with_faults(file: &[u8], faults: impl IntoIterator<Item = Option<Fault>>) -> Self {
        Self {
            file: file.to_vec(),
            faults: Mutex::new(faults.into_iter().collect()),
            requests: Mutex::default(),
            sent: Mutex::default(),
        }
    }

    pub(super) fn headers(&self, name: &str) -> Vec<String> {
        let value = |request: &Request| request.headers.get(name).unwrap_or("-").to_owned();
        self.requests.lock().unwrap().iter().map(value).collect()
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    pub(super) fn sent(&self) -> u64 {
        *self.sent.lock().unwrap()
    }

    fn send_body(&self, head: &Head, body: &[u8], receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        receiver.begin(head).map_err(TransportError::Receiver)?;
        for piece in body.chunks(10_007) {
            *self.sent.lock().unwrap() += piece.len() as u64;
            receiver.write(piece).map_err(TransportError::Receiver)?;
        }
        Ok(())
    }
}

impl Transport for RangeServer {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        self.requests.lock().unwrap().push(request.clone());
        let fault = self.faults.lock().unwrap().pop_front().flatten();
        let whole = Head::new(200, Headers::new());
        let Some(range) = request
            .headers
            .get("range")
            .filter(|_| !matches!(fault, Some(Fault::Whole)))
        else {
            return self.send_body(&whole, &self.file, receiver);
        };
        let (start, end) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        let (mut start, mut end): (usize, usize) = (start.parse().unwrap(), end.parse().unwrap());
        let mut total = self.file.len();
        let mut tag = "\"1\"";
        let mut headers = Headers::new();
        match fault {
            Some(Fault::Status(status)) => return self.send_body(&Head::new(status, headers), b"no", receiver),
            Some(Fault::Shifted) => start += 1,
            Some(Fault::Shorter) => end -= 1,
            Some(Fault::OtherTotal) => total += 1,
            Some(Fault::OtherTag) => tag = "\"2\"",
            Some(Fault::Gzip) => headers.add("Content-Encoding", "gzip").unwrap(),
            _ => {}
        }
        if !matches!(fault, Some(Fault::NoRange)) {
            headers
                .add("Content-Range", format!("bytes {start}-{end}/{total}"))
                .unwrap();
        }
        headers.add("ETag", tag).unwrap();
        let mut body = self.file[start..=end].to_vec();
        match fault {
            Some(Fault::LongerBody) => body.push(0),
            Some(Fault::Cut(length) | Fault::Short(length)) => body.truncate(length),
            _ => {}
        }
        self.send_body(&Head::new(206, headers), &body, receiver)?;
        match fault {
            Some(Fault::Cut(_)) => Err(TransportError::Broken("the connection broke".to_owned())),
            _ => Ok(()),
        }
    }
}
