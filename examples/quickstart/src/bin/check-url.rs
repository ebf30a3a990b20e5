//! Checks that a URL serves the archive in a local file, before the URL is registered.
//!
//! `check-url URL ARCHIVE`

use std::error::Error;
use std::path::Path;

use capbundle::http::Http;
use capbundle::progress::Control;
use capbundle_publish::url_check::{Expected, UrlCheckOptions, check};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, archive] = arguments.as_slice() else {
        return Err("expected URL ARCHIVE".into());
    };
    let control = Control::new();
    let expected = Expected::of_file(Path::new(archive), &control)?;

    let checked = check(&Http::new(), &url.parse()?, &UrlCheckOptions::new(expected), &control)?;

    println!("the URL serves these {} bytes", checked.size);
    for note in checked.notes {
        println!("note: {note}");
    }
    Ok(())
}
