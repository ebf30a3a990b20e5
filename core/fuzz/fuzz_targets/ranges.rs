//! Arbitrary bytes as an archive on a server that answers ranges. Its list has the names and sizes of the directory
//! records in it. Every file that arrives has the size of the list, and no other file arrives.

#![no_main]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use capbundle::digest::Sha256Digest;
use capbundle::http::download::{Download, DownloadOptions, Remote};
use capbundle::http::{Head, Headers, Receiver, Request, Transport, TransportError};
use capbundle::path::SafePath;
use capbundle::ranges::{RangeRequest, RangedArchive};
use capbundle::release::{ArchiveIdentity, BundleIdentity, FileList, ListedFile};
use capbundle::{Control, Error, Limits};
use libfuzzer_sys::fuzz_target;

/// Where larger entries go. No entry is that large.
const FOLDER: &str = "/nowhere";

fuzz_target!(|archive: &[u8]| fetch(archive));

fn fetch(archive: &[u8]) {
    let Ok(list) = FileList::parse(listed(archive).as_bytes()) else {
        return;
    };
    let bundle = BundleIdentity {
        archive: ArchiveIdentity {
            size: archive.len() as u64,
            digest: Sha256Digest::of(archive),
        },
        sealed: None,
        files_digest: Sha256Digest::of(b""),
    };
    let remote = Remote::new("https://example.com/app.zip".parse().expect("a URL"));
    let options = DownloadOptions::default().with_attempts(1);
    let download = Download {
        remote: &remote,
        folder: Path::new(FOLDER),
        options: &options,
    };
    let (server, control) = (Server(archive.to_vec()), Control::new());
    let request = RangeRequest::new(download, &bundle, &list);
    let mut ranged = match RangedArchive::open(&server, request, &control) {
        Ok(ranged) => ranged,
        Err(error) => return drop(error.to_string()),
    };
    let wanted: Vec<&ListedFile> = list.files().iter().collect();
    let mut taken = 0;
    let mut take = |file: &ListedFile, content: &mut dyn Read| {
        let mut bytes = Vec::new();
        let read = content.read_to_end(&mut bytes);
        // A buffer of the decompressor may arrive before the content is found to be too long.
        assert!(bytes.len() as u64 <= file.size);
        read.map_err(|error| Error::io("read", &PathBuf::from("content"), error))?;
        assert_eq!(bytes.len() as u64, file.size);
        taken += 1;
        Ok(())
    };
    match ranged
        .cost(&wanted)
        .and_then(|_| ranged.fetch(&wanted, &mut take, &control))
    {
        Ok(()) => assert_eq!(taken, wanted.len()),
        Err(error) => drop(error.to_string()),
    }
}

/// The file list of the directory records, as JSON.
fn listed(archive: &[u8]) -> String {
    let mut files = BTreeMap::new();
    for at in 0..archive.len().saturating_sub(46) {
        let record = &archive[at..];
        let number = |at: usize| u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
        if !record.starts_with(b"PK\x01\x02") {
            continue;
        }
        let length = usize::from(u16::from_le_bytes([record[28], record[29]]));
        let name = record.get(46..46 + length).unwrap_or_default();
        if let Ok(Some(path)) = SafePath::parse(name, &Limits::default())
            && path.as_str().as_bytes() == name
        {
            files.insert(path.to_string(), number(24));
        }
    }
    let digest = "0".repeat(64);
    let file = |(path, size): (&String, &u32)| serde_json::json!({"path": path, "size": size, "sha256": digest});
    let files: Vec<_> = files.iter().map(file).collect();
    serde_json::json!({"format": 1, "files": files}).to_string()
}

#[derive(Debug)]
struct Server(Vec<u8>);

impl Transport for Server {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let range = request
            .headers
            .get("range")
            .and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
        let (start, end) = range.expect("a range");
        let (start, end): (usize, usize) = (start.parse().expect("a number"), end.parse().expect("a number"));
        let body = &self.0[start..=end];
        let mut headers = Headers::new();
        let range = format!("bytes {start}-{end}/{}", self.0.len());
        headers.add("Content-Range", range).expect("a valid header");
        receiver
            .begin(&Head::new(206, headers))
            .map_err(TransportError::Receiver)?;
        for piece in body.chunks(100) {
            receiver.write(piece).map_err(TransportError::Receiver)?;
        }
        Ok(())
    }
}
