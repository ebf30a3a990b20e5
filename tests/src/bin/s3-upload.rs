//! Uploads a file to an S3 server: `s3-upload ENDPOINT REGION BUCKET KEY FILE`, with credentials from the environment.
//!
//! For tests that kill it or measure its memory. Prints a line for each progress report, and the result.
#![allow(clippy::print_stdout, reason = "prints its progress")]

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
            // The upload continues even if the reader is gone.
            let _ = writeln!(std::io::stdout().lock(), "out {}", progress.done);
        }
    }));
    bucket.upload(file, key, &UploadOptions::default(), &control)
}
