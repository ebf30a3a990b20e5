//! Uploads one file to an S3 server: `s3-upload ENDPOINT REGION BUCKET KEY FILE`, key and secret from the environment.
//!
//! For the tests that kill it or measure its memory. Says how much is out, a line for each report, and what came of it.
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use capbundle::http::Http;
use capbundle::progress::{Control, Phase, Progress};
use capbundle_publish::s3::{Bucket, BucketOptions, Credentials, UploadOptions, Uploaded};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, region, bucket, key, file] = arguments.as_slice() else {
        println!("expected ENDPOINT REGION BUCKET KEY FILE");
        return ExitCode::from(2);
    };
    let mut options = BucketOptions::new(region, bucket);
    options.endpoint = Some(endpoint.clone());
    match upload(&options, key, Path::new(file)) {
        Ok(uploaded) => {
            println!(
                "uploaded {} parts, {} of them before",
                uploaded.parts, uploaded.resumed_parts
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn upload(options: &BucketOptions, key: &str, file: &Path) -> capbundle_publish::Result<Uploaded> {
    let bucket = Bucket::new(options, Credentials::find(None)?, Arc::new(Http::new()))?;
    let control = Control::new().with_observer(Arc::new(|progress: Progress| {
        if progress.phase == Phase::Upload {
            // Whoever reads it may be gone already, which is no reason to stop.
            let _ = writeln!(std::io::stdout().lock(), "out {}", progress.done);
        }
    }));
    bucket.upload(file, key, &UploadOptions::default(), &control)
}
