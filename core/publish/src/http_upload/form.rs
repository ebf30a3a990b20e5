//! A file inside a form: `multipart/form-data` (RFC 7578).

use std::fmt::Write as _;
use std::path::Path;

use super::options::{ARCHIVE, HttpUploadOptions};
use crate::error::{Error, Result};
use capbundle::http::Body;

/// A form and its content type.
pub(super) struct Form {
    pub(super) content_type: String,
    pub(super) body: Body,
}

/// Wraps a file in a form.
pub(super) fn around(file: Body, path: &Path, options: &HttpUploadOptions) -> Result<Form> {
    let own_name = || path.file_name().map(|name| name.to_string_lossy().into_owned());
    let file_name = options.file_name.clone().or_else(own_name).unwrap_or_default();
    let boundary = boundary()?;
    let mut before = String::new();
    for (name, value) in &options.fields {
        let name = quoted(name);
        part(
            &mut before,
            format_args!("--{boundary}\r\nContent-Disposition: form-data; name={name}\r\n\r\n{value}\r\n"),
        );
    }
    let (field, name) = (quoted(&options.field), quoted(&file_name));
    part(
        &mut before,
        format_args!(
            "--{boundary}\r\nContent-Disposition: form-data; name={field}; filename={name}\r\nContent-Type: {ARCHIVE}\r\n\r\n"
        ),
    );
    let after = format!("\r\n--{boundary}--\r\n");
    Ok(Form {
        content_type: format!("multipart/form-data; boundary={boundary}"),
        body: Body::Parts(vec![
            Body::Bytes(before.into_bytes()),
            file,
            Body::Bytes(after.into_bytes()),
        ]),
    })
}

fn part(text: &mut String, part: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(part);
}

/// 128 random bits, which no file contains.
fn boundary() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::Core(capbundle::Error::random(error)))?;
    Ok(format!("capbundle-{:032x}", u128::from_be_bytes(bytes)))
}

/// Percent-encodes characters that would end the name or the line, as browsers do.
fn quoted(name: &str) -> String {
    let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    format!("\"{name}\"")
}
