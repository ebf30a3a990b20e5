//! Downloads and installs a bundle on a device, for the next start of the app.
//!
//! `install-update STORE URL SHA256 VERSION`: the digest must come from a source that the app trusts.

use std::error::Error;
use std::path::Path;

use capbundle::http::Http;
use capbundle::http::download::DownloadOptions;
use capbundle::progress::Control;
use capbundle::store::{ExpectedProof, NewBundle, RemoteArchive, Store, StoreOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [store, url, digest, version] = arguments.as_slice() else {
        return Err("expected STORE URL SHA256 VERSION".into());
    };
    let store = Store::open(Path::new(store), StoreOptions::default())?;
    let proof = ExpectedProof::Digest(digest.parse()?);
    let archive = RemoteArchive::new(url.parse()?, proof, NewBundle::new(version));

    let bundle = store.install_from(&Http::new(), &archive, &DownloadOptions::default(), &Control::new())?;
    store.set_next(&bundle.id.into())?;

    println!("{} has {} files and is next", bundle.version, bundle.files);
    Ok(())
}
