//! Uploads an archive to a bucket, and prints a presigned URL that is valid for one hour.
//!
//! `publish-to-s3 BUCKET KEY ARCHIVE`, with `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION` and, unless the store is
//! AWS, `AWS_ENDPOINT_URL_S3`; or with a profile in `~/.aws`.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use capbundle::http::Http;
use capbundle::progress::Control;
use capbundle_publish::s3::{Bucket, BucketOptions, Settings, UploadOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bucket, key, archive] = arguments.as_slice() else {
        return Err("expected BUCKET KEY ARCHIVE".into());
    };
    let settings = Settings::find(None)?;
    // Region and endpoint come from the settings.
    let options = BucketOptions::new("", bucket).or_from(&settings);
    let bucket = Bucket::new(&options, settings.into_credentials()?, Arc::new(Http::new()))?;

    let uploaded = bucket.upload(Path::new(archive), key, &UploadOptions::default(), &Control::new())?;
    let url = bucket.presigned_get(key, Duration::from_secs(3600))?;

    if uploaded.already_there {
        println!("the archive already exists");
    }
    println!("{} bytes, SHA-256 {}", uploaded.size, uploaded.sha256);
    // `Display` omits the query, which contains the signature.
    println!("{}", url.as_str());
    Ok(())
}
