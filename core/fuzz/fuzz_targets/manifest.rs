//! An offer with arbitrary single files, and arbitrary bytes as one of them. Paths of an accepted manifest are unique and
//! safe, and no file yields other bytes than those that the manifest names, or more than the limit.
//!
//! The input is the body of an update response, a NUL byte, and the bytes of a file.

#![no_main]

use std::collections::HashSet;
use std::io::Read as _;

use capbundle::Limits;
use capbundle::digest::Sha256Digest;
use capbundle::update::manifest::ManifestFiles;
use capbundle::update::protocol::{ManifestEntry, UpdateOffer, UpdateResponse};
use libfuzzer_sys::fuzz_target;

const LIMIT: u64 = 1 << 20;

/// Opens `bytes` as the first file; returns what was read in full.
fn open(files: &ManifestFiles, mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let mut reader = files.open(&files.files()[0], &mut bytes, LIMIT).ok()?;
    reader.read_to_end(&mut plain).ok()?;
    Some(plain)
}

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (body, file) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    if let Ok(UpdateResponse::Offer(offer)) = UpdateResponse::parse("https://updates.example.com", 200, body)
        && let Ok(files) = ManifestFiles::check(&offer, None, &Limits::default())
    {
        let unique: HashSet<_> = files.files().iter().map(|file| &file.path).collect();
        assert_eq!(unique.len(), offer.manifest.len());
        if let Some(plain) = open(&files, file) {
            assert_eq!(Sha256Digest::of(&plain), files.files()[0].digest);
        }
    }
    // A stream that decodes is read twice alike: the second time with its right hash.
    let with = |digest: Sha256Digest| {
        let entry = ManifestEntry::new("file.br", digest.to_string(), "https://cdn.example.com/file");
        let offer = UpdateOffer::new("1.2.3", "https://cdn.example.com/app.zip").with_manifest(vec![entry]);
        ManifestFiles::check(&offer, None, &Limits::default()).expect("it is a manifest")
    };
    let mut plain = Vec::new();
    let files = with(Sha256Digest::of(b"unknown"));
    let mut source = file;
    if let Ok(mut reader) = files.open(&files.files()[0], &mut source, LIMIT)
        && reader.read_to_end(&mut plain).is_err()
    {
        assert!(plain.len() as u64 <= LIMIT);
        let files = with(Sha256Digest::of(&plain));
        if let Some(again) = open(&files, file) {
            assert_eq!(again, plain);
        }
    }
});
