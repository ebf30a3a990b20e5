//! A form with a file (RFC 7578), as `curl -F "file=@app.zip"` sends it: read as it comes, in constant memory.
//!
//! Not multer, which axum has: it keeps whatever comes before a part, and scans all of it again for each piece that comes, so
//! that a form which never reaches its file costs memory without bound and quadratic time.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use memchr::memmem;

use crate::refusal::{Answer, Refusal};

/// Bytes before the content of the file: fields that some programs send with it, and the file's own head.
const MAX_BEFORE_FILE: usize = 16 << 10;
/// RFC 2046.
const MAX_BOUNDARY: usize = 70;

/// A form that is being received.
pub(super) struct Form {
    body: Body,
    /// What parts one part from the next: `CR LF -- boundary`.
    delimiter: Vec<u8>,
    /// What came.
    buffer: Vec<u8>,
    /// How much of the buffer is used.
    used: usize,
}

/// The file of a form, whose content is read next.
pub(super) struct File {
    form: Form,
    ended: bool,
}

impl Form {
    /// # Errors
    /// `invalid_form` if the headers announce no form.
    pub(super) fn new(headers: &HeaderMap, body: Body) -> Answer<Self> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let boundary = kind.and_then(boundary);
        let boundary =
            boundary.ok_or_else(|| invalid("expected multipart/form-data with a boundary as Content-Type"))?;
        Ok(Self {
            body,
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            // So that the first delimiter is like any other.
            buffer: b"\r\n".to_vec(),
            used: 0,
        })
    }

    /// Skips what comes before the first file.
    ///
    /// # Errors
    /// `invalid_form` if that is longer than a form has reason to be, or no form; `missing_file` if there is no file.
    pub(super) async fn file(mut self) -> Answer<File> {
        loop {
            let after = self.used + self.delimiter.len();
            self.fill(after + 2).await?;
            // A form begins with its delimiter; nothing that sends forms puts text before it.
            if !self.buffer[self.used..].starts_with(&self.delimiter) {
                return Err(invalid("expected the form's boundary"));
            }
            self.used = after;
            if self.buffer[after..].starts_with(b"--") {
                return Err(Refusal::new("missing_file", "the form has no file"));
            }
            let end = self.find(b"\r\n\r\n").await?;
            let is_file = is_file(&self.buffer[after..end]);
            self.used = end + 4;
            if is_file {
                self.buffer.drain(..self.used);
                return Ok(File {
                    form: self,
                    ended: false,
                });
            }
            let delimiter = self.delimiter.clone();
            self.used = self.find(&delimiter).await?;
        }
    }

    /// Where `wanted` is next in the buffer.
    async fn find(&mut self, wanted: &[u8]) -> Answer<usize> {
        let mut from = self.used;
        loop {
            if let Some(found) = memmem::find(&self.buffer[from..], wanted) {
                return Ok(from + found);
            }
            from = from.max((self.buffer.len() + 1).saturating_sub(wanted.len()));
            self.fill(self.buffer.len() + 1).await?;
        }
    }

    /// Receives until the buffer has `length` bytes, none of which are content of the file.
    async fn fill(&mut self, length: usize) -> Answer<()> {
        if self.used > MAX_BEFORE_FILE {
            return Err(too_much_before_the_file());
        }
        while self.buffer.len() < length {
            if self.buffer.len() > MAX_BEFORE_FILE {
                return Err(too_much_before_the_file());
            }
            let bytes = self.receive().await?;
            let bytes = bytes.ok_or_else(|| broken_off("the form ends before its file"))?;
            self.buffer.extend_from_slice(&bytes);
        }
        Ok(())
    }

    async fn receive(&mut self) -> Answer<Option<Bytes>> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|problem| broken_off(&problem.to_string()))?;
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

impl File {
    /// The next piece of the file's content; `None` at its end. What follows the file is not read.
    ///
    /// # Errors
    /// `upload_broken_off` if the form ends before its file does.
    pub(super) async fn chunk(&mut self) -> Answer<Option<Bytes>> {
        let form = &mut self.form;
        let keep = form.delimiter.len() - 1;
        loop {
            if self.ended {
                return Ok(None);
            }
            if let Some(end) = memmem::find(&form.buffer, &form.delimiter) {
                self.ended = true;
                form.buffer.truncate(end);
                return Ok(Some(Bytes::from(std::mem::take(&mut form.buffer))));
            }
            if form.buffer.len() > keep {
                // The delimiter may have begun.
                let rest = form.buffer.split_off(form.buffer.len() - keep);
                return Ok(Some(Bytes::from(std::mem::replace(&mut form.buffer, rest))));
            }
            let bytes = form.receive().await?;
            let bytes = bytes.ok_or_else(|| broken_off("the form ends before its file does"))?;
            form.buffer.extend_from_slice(&bytes);
        }
    }
}

fn invalid(problem: &str) -> Refusal {
    Refusal::new("invalid_form", format!("the form cannot be read: {problem}"))
}

fn too_much_before_the_file() -> Refusal {
    invalid(&format!(
        "more than {MAX_BEFORE_FILE} bytes come before its file: send the file as the first field"
    ))
}

fn broken_off(problem: &str) -> Refusal {
    Refusal::new("upload_broken_off", format!("the upload broke off: {problem}"))
}

/// The boundary that a Content-Type names.
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

/// Whether the head of a part says that it is a file.
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
fn parameter(text: &str, wanted: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => match after.split_once(';') {
                Some((value, after)) => (value.trim().to_owned(), after),
                None => (after.trim().to_owned(), ""),
            },
        };
        if name.trim_matches([';', ' ', '\t']).eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
}

/// A quoted value, whose opening quote is read already, and what follows it.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[place + 1..])),
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

    /// What a form of these pieces gives: the file's content, or the code of the refusal.
    async fn read(pieces: Vec<Vec<u8>>) -> Result<Vec<u8>, &'static str> {
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("multipart/form-data; boundary=\"the line\"");
        headers.insert(header::CONTENT_TYPE, kind);
        let body = Body::new(Pieces(pieces.into()));
        let form = Form::new(&headers, body).map_err(|refusal| refusal.code)?;
        let mut file = form.file().await.map_err(|refusal| refusal.code)?;
        let mut content = Vec::new();
        while let Some(bytes) = file.chunk().await.map_err(|refusal| refusal.code)? {
            content.extend_from_slice(&bytes);
        }
        Ok(content)
    }

    struct Pieces(VecDeque<Vec<u8>>);

    impl HttpBody for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(Bytes::from(piece)))))
        }
    }

    const FORM: &[u8] =
        b"--the line\r\nContent-Disposition: form-data; name=\"app\"\r\n\r\ncom.example.app\r\n--the line\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a;b.zip\"\r\nContent-Type: application/zip\r\n\r\n\
        con\r\n--the lent\r\n--the line--\r\n";

    #[tokio::test]
    async fn the_file_is_found_however_the_form_is_cut() {
        for size in [1, 2, 3, 7, 64, FORM.len()] {
            let pieces = FORM.chunks(size).map(<[u8]>::to_vec).collect();
            assert_eq!(
                read(pieces).await.as_deref(),
                Ok(&b"con\r\n--the lent"[..]),
                "in pieces of {size}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_no_form_with_a_file_is_refused() {
        let cut = FORM.len() - 10;
        assert_eq!(read(vec![FORM[..cut].to_vec()]).await, Err("upload_broken_off"));
        assert_eq!(read(vec![b"--the line--\r\n".to_vec()]).await, Err("missing_file"));
        assert_eq!(
            read(vec![b"preamble\r\n".to_vec(), FORM.to_vec()]).await,
            Err("invalid_form")
        );
        assert_eq!(read(vec![b"--the".to_vec()]).await, Err("upload_broken_off"));
        let field = b"--the line\r\nContent-Disposition: form-data; name=\"a; filename=b\"\r\n\r\nx\r\n--the line--";
        assert_eq!(read(vec![field.to_vec()]).await, Err("missing_file"));
    }

    #[tokio::test]
    async fn what_comes_before_the_file_is_bounded() {
        let endless = |start: &[u8]| [vec![start.to_vec()], vec![vec![b'x'; 1000]; 1000]].concat();
        assert_eq!(read(endless(b"")).await, Err("invalid_form"));
        assert_eq!(
            read(endless(b"--the line\r\nContent-Disposition: ")).await,
            Err("invalid_form")
        );
        assert_eq!(read(endless(b"--the line\r\n\r\n\r\n")).await, Err("invalid_form"));
        // A file that comes at once with its head is none of that.
        let mut large = b"--the line\r\nContent-Disposition: form-data; filename=a\r\n\r\n".to_vec();
        large.resize(large.len() + 100_000, b'x');
        large.extend_from_slice(b"\r\n--the line--");
        assert_eq!(read(vec![large]).await.map(|content| content.len()), Ok(100_000));
    }
}
