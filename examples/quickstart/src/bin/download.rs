//! Downloads a file, and resumes the download of an earlier run.
//!
//! `download URL SHA256 FOLDER`

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use capbundle::digest::Sha256Digest;
use capbundle::http::Http;
use capbundle::http::download::{Download, DownloadOptions, Remote, download};
use capbundle::progress::{Control, Progress};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, digest, folder] = arguments.as_slice() else {
        return Err("expected URL SHA256 FOLDER".into());
    };
    let control = Control::new().with_observer(Arc::new(|progress: Progress| {
        println!("{} {} of {}", progress.phase.as_str(), progress.done, progress.total);
    }));
    // The partial file is named by the digest, so that a later run may resume from another URL.
    let remote = Remote::new(url.parse()?).with_digest(digest.parse::<Sha256Digest>()?);

    let wanted = Download {
        remote: &remote,
        folder: Path::new(folder),
        options: &DownloadOptions::default(),
    };
    let done = download(&Http::new(), &wanted, &control)?;

    println!(
        "{} bytes in {}, {} of them received now",
        done.size,
        done.path.display(),
        done.received
    );
    Ok(())
}
