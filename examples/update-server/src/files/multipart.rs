//! Streaming parser of a `multipart/form-data` body with a file (RFC 7578), as `curl -F "file=@app.zip"` sends it. Uses constant
//! memory.
//!
//! It replaces multer, which axum uses: multer buffers everything before a part and scans the whole buffer again for each chunk,
//! so a body that never reaches its file takes unbounded memory and quadratic time.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use memchr::memmem;

use crate::api_error::{ApiError, ApiResult};

/// Most bytes before the content of the file: other fields, and the headers of the file.
const MAX_BEFORE_FILE: usize = 16 << 10;
/// RFC 2046 §5.1.1.
const MAX_BOUNDARY: usize = 70;

/// A multipart body that is being received.
pub(super) struct Multipart {
    body: Body,
    /// Separates the parts: `CR LF -- boundary`.
    delimiter: Vec<u8>,
    /// The received bytes.
    buffer: Vec<u8>,
    /// How much of the buffer is parsed.
    parsed: usize,
}

/// The file in the body, at the start of its content.
pub(super) struct FilePart {
    body: Multipart,
    ended: bool,
}

impl Multipart {
    /// # Errors
    /// `invalid_form` if the `Content-Type` is not `multipart/form-data` with a boundary.
    pub(super) fn new(headers: &HeaderMap, body: Body) -> ApiResult<Self> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let boundary = kind.and_then(boundary);
        let boundary =
            boundary.ok_or_else(|| invalid("expected the Content-Type multipart/form-data with a boundary"))?;
        Ok(Self {
            body,
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            // Lets the first delimiter match like all others.
            buffer: b"\r\n".to_vec(),
            parsed: 0,
        })
    }

    /// Skips to the first file.
    ///
    /// # Errors
    /// `invalid_form` if the body is malformed or has more than 16 KiB before its file, `missing_file` if it has no file,
    /// `upload_broken_off` if it ends early.
    pub(super) async fn file(mut self) -> ApiResult<FilePart> {
        loop {
            let after = self.parsed + self.delimiter.len();
            self.fill(after + 2).await?;
            // RFC 2046 permits a preamble, but no client sends one.
            if !self.buffer[self.parsed..].starts_with(&self.delimiter) {
                return Err(invalid("expected the boundary"));
            }
            self.parsed = after;
            if self.buffer[after..].starts_with(b"--") {
                return Err(ApiError::new("missing_file", "the form has no file"));
            }
            let end = self.find(b"\r\n\r\n").await?;
            let is_file = is_file(&self.buffer[after..end]);
            self.parsed = end + 4;
            if is_file {
                self.buffer.drain(..self.parsed);
                return Ok(FilePart {
                    body: self,
                    ended: false,
                });
            }
            let delimiter = self.delimiter.clone();
            self.parsed = self.find(&delimiter).await?;
        }
    }

    /// Receives until the buffer contains `pattern`. Returns its position.
    async fn find(&mut self, pattern: &[u8]) -> ApiResult<usize> {
        let mut from = self.parsed;
        loop {
            if let Some(found) = memmem::find(&self.buffer[from..], pattern) {
                return Ok(from + found);
            }
            from = from.max((self.buffer.len() + 1).saturating_sub(pattern.len()));
            self.fill(self.buffer.len() + 1).await?;
        }
    }

    /// Receives until the buffer has `length` bytes. Used only before the content of the file.
    async fn fill(&mut self, length: usize) -> ApiResult<()> {
        if self.parsed > MAX_BEFORE_FILE {
            return Err(too_much_before_file());
        }
        while self.buffer.len() < length {
            if self.buffer.len() > MAX_BEFORE_FILE {
                return Err(too_much_before_file());
            }
            let bytes = self.receive().await?;
            let bytes = bytes.ok_or_else(|| incomplete("the form ends before its file"))?;
            self.buffer.extend_from_slice(&bytes);
        }
        Ok(())
    }

    async fn receive(&mut self) -> ApiResult<Option<Bytes>> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| incomplete(&error.to_string()))?;
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

impl FilePart {
    /// The next chunk of the file; `None` at its end. Parts after the file are not read.
    ///
    /// # Errors
    /// `upload_broken_off` if the body ends within the file.
    pub(super) async fn chunk(&mut self) -> ApiResult<Option<Bytes>> {
        let body = &mut self.body;
        let keep = body.delimiter.len() - 1;
        loop {
            if self.ended {
                return Ok(None);
            }
            if let Some(end) = memmem::find(&body.buffer, &body.delimiter) {
                self.ended = true;
                body.buffer.truncate(end);
                return Ok(Some(Bytes::from(std::mem::take(&mut body.buffer))));
            }
            if body.buffer.len() > keep {
                // The rest may be the start of the delimiter.
                let rest = body.buffer.split_off(body.buffer.len() - keep);
                return Ok(Some(Bytes::from(std::mem::replace(&mut body.buffer, rest))));
            }
            let bytes = body.receive().await?;
            let bytes = bytes.ok_or_else(|| incomplete("the form ends within its file"))?;
            body.buffer.extend_from_slice(&bytes);
        }
    }
}

fn invalid(reason: &str) -> ApiError {
    ApiError::new("invalid_form", format!("the form is invalid: {reason}"))
}

fn too_much_before_file() -> ApiError {
    invalid(&format!(
        "more than {MAX_BEFORE_FILE} bytes precede the file; send the file as the first field"
    ))
}

fn incomplete(reason: &str) -> ApiError {
    ApiError::new("upload_broken_off", format!("the upload is incomplete: {reason}"))
}

/// The boundary in a `Content-Type`.
fn boundary(kind: &str) -> Option<String> {
    let (kind, parameters) = kind.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    let printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    let fits = (1..=MAX_BOUNDARY).contains(&boundary.len()) && boundary.bytes().all(printable);
    fits.then_some(boundary)
}

/// Whether a part with these headers is a file.
fn is_file(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    let disposition = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    });
    disposition
        .and_then(|disposition| disposition.split_once(';'))
        .is_some_and(|(_, parameters)| {
            parameter(parameters, "filename").is_some() || parameter(parameters, "filename*").is_some()
        })
}

/// The value of a parameter in `name=value; name="value"`.
fn parameter(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let (found, after) = rest.split_once('=')?;
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => match after.split_once(';') {
                Some((value, after)) => (value.trim().to_owned(), after),
                None => (after.trim().to_owned(), ""),
            },
        };
        if found.trim_matches([';', ' ', '\t']).eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = after;
    }
}

/// A quoted value after its opening quote, and the text that follows it.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[index + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use axum::body::HttpBody;
    use axum::http::HeaderValue;
    use hyper::body::Frame;

    use super::*;

    /// Parses a body of these chunks. Returns the content of the file, or the code of the error.
    async fn parse(chunks: Vec<Vec<u8>>) -> Result<Vec<u8>, &'static str> {
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("multipart/form-data; boundary=\"the line\"");
        headers.insert(header::CONTENT_TYPE, kind);
        let body = Body::new(Chunks(chunks.into()));
        let form = Multipart::new(&headers, body).map_err(|error| error.code)?;
        let mut file = form.file().await.map_err(|error| error.code)?;
        let mut content = Vec::new();
        while let Some(bytes) = file.chunk().await.map_err(|error| error.code)? {
            content.extend_from_slice(&bytes);
        }
        Ok(content)
    }

    struct Chunks(VecDeque<Vec<u8>>);

    impl HttpBody for Chunks {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|chunk| Ok(Frame::data(Bytes::from(chunk)))))
        }
    }

    const FORM: &[u8] =
        b"--the line\r\nContent-Disposition: form-data; name=\"app\"\r\n\r\ncom.example.app\r\n--the line\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a;b.zip\"\r\nContent-Type: application/zip\r\n\r\n\
        con\r\n--the lent\r\n--the line--\r\n";

    #[tokio::test]
    async fn the_file_is_found_in_chunks_of_any_size() {
        for size in [1, 2, 3, 7, 64, FORM.len()] {
            let chunks = FORM.chunks(size).map(<[u8]>::to_vec).collect();
            assert_eq!(
                parse(chunks).await.as_deref(),
                Ok(&b"con\r\n--the lent"[..]),
                "in chunks of {size}"
            );
        }
    }

    #[tokio::test]
    async fn a_body_that_is_not_a_form_with_a_file_is_rejected() {
        let cut = FORM.len() - 10;
        assert_eq!(parse(vec![FORM[..cut].to_vec()]).await, Err("upload_broken_off"));
        assert_eq!(parse(vec![b"--the line--\r\n".to_vec()]).await, Err("missing_file"));
        assert_eq!(
            parse(vec![b"preamble\r\n".to_vec(), FORM.to_vec()]).await,
            Err("invalid_form")
        );
        assert_eq!(parse(vec![b"--the".to_vec()]).await, Err("upload_broken_off"));
        let field = b"--the line\r\nContent-Disposition: form-data; name=\"a; filename=b\"\r\n\r\nx\r\n--the line--";
        assert_eq!(parse(vec![field.to_vec()]).await, Err("missing_file"));
    }

    #[tokio::test]
    async fn bytes_before_the_file_are_limited() {
        let endless = |start: &[u8]| [vec![start.to_vec()], vec![vec![b'x'; 1000]; 1000]].concat();
        assert_eq!(parse(endless(b"")).await, Err("invalid_form"));
        assert_eq!(
            parse(endless(b"--the line\r\nContent-Disposition: ")).await,
            Err("invalid_form")
        );
        assert_eq!(parse(endless(b"--the line\r\n\r\n\r\n")).await, Err("invalid_form"));
        // The limit does not include file content that arrives together with the headers.
        let mut large = b"--the line\r\nContent-Disposition: form-data; filename=a\r\n\r\n".to_vec();
        large.resize(large.len() + 100_000, b'x');
        large.extend_from_slice(b"\r\n--the line--");
        assert_eq!(parse(vec![large]).await.map(|content| content.len()), Ok(100_000));
    }
}
