//! Uploads an archive to a server that accepts `PUT`, as `curl -T` does.
//!
//! `upload-file URL ARCHIVE`, with a bearer token in `TOKEN` if the server requires one.

use std::error::Error;
use std::path::Path;

use capbundle::http::{Headers, Http};
use capbundle::progress::Control;
use capbundle_publish::http_upload::{HttpUpload, HttpUploadOptions, put};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, archive] = arguments.as_slice() else {
        return Err("expected URL ARCHIVE".into());
    };
    let mut headers = Headers::new();
    if let Ok(token) = std::env::var("TOKEN") {
        headers.add("Authorization", format!("Bearer {token}"))?;
    }

    // `post_form` does the same as `curl -F "file=@…"`.
    let upload = HttpUpload {
        url: &url.parse()?,
        file: Path::new(archive),
        options: &HttpUploadOptions::default().with_headers(headers),
    };
    let stored = put(&Http::new(), &upload, &Control::new())?;

    match stored.url {
        Some(url) => println!("stored at {}", url.as_str()),
        None => println!("stored; the server returned no URL"),
    }
    Ok(())
}
