//! An archive goes into a bucket, and an address that anybody can load for an hour comes out.
//!
//! `publish-to-s3 BUCKET KEY ARCHIVE`, with `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION` and, for a store that is
//! not Amazon's, `AWS_ENDPOINT_URL_S3`; or with a profile of `~/.aws`.

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
    // Region and endpoint from the settings.
    let options = BucketOptions::new("", bucket).or_from(&settings);
    let bucket = Bucket::new(&options, settings.into_credentials()?, Arc::new(Http::new()))?;

    let uploaded = bucket.upload(Path::new(archive), key, &UploadOptions::default(), &Control::new())?;
    let address = bucket.presigned_get(key, Duration::from_secs(3600))?;

    if uploaded.already_there {
        println!("the same archive was there already");
    }
    println!("{} bytes, SHA-256 {}", uploaded.size, uploaded.sha256);
    // Printed by itself an address has no query, which is what makes this one hold.
    println!("{}", address.as_str());
    Ok(())
}
