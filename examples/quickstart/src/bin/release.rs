//! Uploads, checks, registers and promotes a bundle in one transaction: if a step fails, the earlier ones are undone.
//!
//! `release APP VERSION ARCHIVE CHANNEL`, with the URL of the server in `API_URL` and the API key in `CAPGO_TOKEN`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use capbundle::digest::Sha256Digest;
use capbundle::http::{Http, Url};
use capbundle::progress::Control;
use capbundle_publish::api::{Api, ApiKey, AppId};
use capbundle_publish::transaction::{ApiRegistry, Plan, Promote, Register, ServerFile, Upload, Verify, Work};
use capbundle_publish::url_check;
use capbundle_publish::url_check::{Expected, UrlCheckOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [app, version, archive, channel] = arguments.as_slice() else {
        return Err("expected APP VERSION ARCHIVE CHANNEL".into());
    };
    let (archive, control, http) = (PathBuf::from(archive), Control::new(), Http::new());
    let app: AppId = app.parse()?;
    let digest = Sha256Digest::of_file(&archive, &control)?;
    let size = std::fs::metadata(&archive)?.len();
    let key = ApiKey::find(None, Path::new("."))?.ok_or("set CAPGO_TOKEN")?;
    let base = std::env::var("API_URL")?.parse()?;
    let api = Api::new(Arc::new(http.clone()), &base, key)?;

    // `S3Object` and `PutFile` store the archive elsewhere.
    let storage = ServerFile::new(&api, app.clone(), version, digest);
    let registry = ApiRegistry::new(&api, app, version, digest);
    let check = |url: &Url, control: &Control| {
        let options = UrlCheckOptions::new(Expected::of_digest(digest));
        url_check::check(&http, url, &options, control).map(drop)
    };
    let plan = Plan::new()
        .then(Upload::new(&storage, archive, size))
        .then(Verify::new("check that devices can download it", check))
        .then(Register::new(&registry))
        .then(Promote::new(&registry, channel));

    let done = plan.run(&mut Work::new(), &control, &mut |step| println!("{step}"));
    // The message says which step failed, what was undone and what remains. The fields have the same for programs.
    done.map_err(|failed| failed.to_string())?;
    println!("devices of {channel} get {version}");
    Ok(())
}
