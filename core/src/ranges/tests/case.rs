//! An archive, its file list and a device.

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

use tempfile::TempDir;

use super::super::*;
use super::server::RangeServer;
use crate::VerifiedArchive;
use crate::bundle::{PackOptions, pack};
use crate::digest::Sha256Digest;
use crate::http::download::{DownloadOptions, Remote};
use crate::keys::{ContentKey, KeyBits};
use crate::limits::Limits;
use crate::release::{ArchiveIdentity, SealedIdentity};
use crate::sealed::{Sealing, seal};

const URL: &str = "https://example.com/app.zip?signature=secret";
const INDEX: &str = "<script>CapacitorUpdater.notifyAppReady()</script>";

pub(super) static KEY: LazyLock<ContentKey> = LazyLock::new(|| ContentKey::generate(KeyBits::B2048).unwrap());

/// Contents by path.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

pub(super) struct Case {
    pub(super) folder: TempDir,
    pub(super) files: Files,
    pub(super) list: FileList,
    /// The plain archive.
    pub(super) archive: Vec<u8>,
    pub(super) bundle: BundleIdentity,
    /// The file on the server.
    pub(super) file: Vec<u8>,
    pub(super) remote: Remote,
    pub(super) options: DownloadOptions,
}

impl Case {
    /// A plain archive of these files and a start page.
    pub(super) fn new(files: &[(&str, Vec<u8>)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [www, zip, work] = ["www", "a.zip", "work"].map(|name| folder.path().join(name));
        let mut contents = Files::from([("index.html".to_owned(), INDEX.as_bytes().to_vec())]);
        contents.extend(files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.clone())));
        for (path, bytes) in &contents {
            let path = www.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        fs::create_dir_all(www.join("empty")).unwrap();
        fs::create_dir(work).unwrap();
        pack(&www, &zip, &PackOptions::default(), &Control::new()).unwrap();
        let verified = VerifiedArchive::assume_trusted(&zip, &Control::new()).unwrap();
        let list = FileList::of_archive(&verified, &Limits::default(), &Control::new()).unwrap();
        let archive = fs::read(&zip).unwrap();
        let size = archive.len() as u64;
        Self {
            folder,
            files: contents,
            file: archive.clone(),
            archive,
            bundle: BundleIdentity {
                archive: ArchiveIdentity {
                    size,
                    digest: verified.digest(),
                },
                sealed: None,
                files_digest: Sha256Digest::of(&list.to_bytes().unwrap()),
            },
            list,
            remote: Remote::new(URL.parse().unwrap()),
            options: DownloadOptions {
                first_wait: Duration::from_millis(1),
                attempts: 3,
                ..DownloadOptions::default()
            },
        }
    }

    /// The same archive, sealed for [`KEY`].
    pub(super) fn sealed(mut self) -> Self {
        let [zip, sealed] = ["a.zip", "a.sealed"].map(|name| self.folder.path().join(name));
        let sealing = Sealing {
            expected: &Sha256Digest::of(&self.archive),
            recipients: &[KEY.public().clone()],
        };
        let made = seal(&zip, &sealed, &sealing, &Control::new()).unwrap();
        self.bundle.sealed = Some(SealedIdentity {
            size: made.size,
            header_digest: made.header_digest,
        });
        self.file = fs::read(&sealed).unwrap();
        self
    }

    pub(super) fn server(&self) -> RangeServer {
        RangeServer::new(&self.file)
    }

    pub(super) fn wanted(&self, paths: &[&str]) -> Vec<&ListedFile> {
        let is_wanted = |file: &&ListedFile| paths.contains(&file.path.as_str());
        self.list.files().iter().filter(is_wanted).collect()
    }

    pub(super) fn request<'a>(&'a self, keys: &'a [&'a ContentKey], work: &'a Path) -> RangeRequest<'a> {
        let archive = Download {
            remote: &self.remote,
            folder: work,
            options: &self.options,
        };
        RangeRequest::new(archive, &self.bundle, &self.list).with_keys(keys)
    }

    /// Opens the archive and fetches these files. Returns the files that were taken before the result.
    pub(super) fn fetch(&self, server: &RangeServer, paths: &[&str]) -> (Files, Result<Traffic>) {
        self.fetch_with(server, &[&*KEY], paths)
    }

    pub(super) fn fetch_with(
        &self,
        server: &RangeServer,
        keys: &[&ContentKey],
        paths: &[&str],
    ) -> (Files, Result<Traffic>) {
        let mut taken = Files::new();
        let work = self.folder.path().join("work");
        let mut take = |file: &ListedFile, content: &mut dyn Read| {
            let mut bytes = Vec::new();
            content
                .read_to_end(&mut bytes)
                .map_err(|error| Error::io("read", Path::new("content"), error))?;
            if Sha256Digest::of(&bytes) != file.digest {
                return Err(Error::invalid_input(file.path.as_str(), "another digest"));
            }
            assert!(taken.insert(file.path.as_str().to_owned(), bytes).is_none());
            Ok(())
        };
        let control = Control::new();
        let result = RangedArchive::open(server, self.request(keys, &work), &control).and_then(|mut archive| {
            let wanted = self.wanted(paths);
            let (before, cost) = (archive.traffic(), archive.cost(&wanted)?);
            archive.fetch(&wanted, &mut take, &control)?;
            let traffic = archive.traffic();
            assert!(traffic.requests - before.requests >= cost.requests);
            assert!(traffic.bytes - before.bytes >= cost.bytes);
            Ok(traffic)
        });
        assert_eq!(fs::read_dir(&work).unwrap().count(), 0, "files were left");
        (taken, result)
    }

    /// Fetches these files without a fault.
    pub(super) fn expect(&self, server: &RangeServer, paths: &[&str]) -> Traffic {
        let (taken, result) = self.fetch(server, paths);
        let traffic = result.unwrap();
        let expected = self.files.iter().filter(|(path, _)| paths.contains(&path.as_str()));
        assert!(taken.iter().eq(expected), "{:?}", taken.keys());
        assert_eq!(traffic.bytes, server.sent());
        assert_eq!(traffic.requests as usize, server.requests());
        traffic
    }
}

/// Incompressible bytes.
pub(super) fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(size).collect()
}

/// Compressible bytes.
pub(super) fn text(seed: u64, size: usize) -> Vec<u8> {
    noise(seed, size).into_iter().map(|byte| b'a' + byte % 8).collect()
}

/// Writes archives as other programs do: stored, with extra fields or data descriptors.
pub(super) struct Zip {
    pub(super) extra: u16,
    pub(super) descriptors: bool,
}

impl Zip {
    pub(super) fn of(&self, files: &Files) -> Vec<u8> {
        let (mut zip, mut directory) = (Vec::new(), Vec::new());
        for (path, bytes) in files {
            let start = u32::try_from(zip.len()).unwrap();
            let size = u32::try_from(bytes.len()).unwrap();
            let sizes = [crc32fast::hash(bytes), size, size].map(u32::to_le_bytes).concat();
            let flags: u16 = if self.descriptors { 8 } else { 0 };
            let common = |sizes: &[u8]| {
                let mut fields = [20, flags, 0, 0, 0x21].map(u16::to_le_bytes).concat();
                fields.extend(sizes);
                let length = u16::try_from(path.len()).unwrap();
                fields.extend([length, self.extra].map(u16::to_le_bytes).concat());
                fields
            };
            let local_sizes = if self.descriptors { vec![0; 12] } else { sizes.clone() };
            let extra = vec![7; usize::from(self.extra)];
            zip.extend(
                [
                    b"PK\x03\x04".as_slice(),
                    &common(&local_sizes),
                    path.as_bytes(),
                    &extra,
                    bytes,
                ]
                .concat(),
            );
            if self.descriptors {
                zip.extend([b"PK\x07\x08".as_slice(), &sizes].concat());
            }
            let more = [&[0; 10], start.to_le_bytes().as_slice()].concat();
            directory.extend(
                [
                    b"PK\x01\x02\x14\0".as_slice(),
                    &common(&sizes),
                    &more,
                    path.as_bytes(),
                    &extra,
                ]
                .concat(),
            );
        }
        let (start, size) = (zip.len(), directory.len());
        let [start, size] = [start, size].map(|number| u32::try_from(number).unwrap().to_le_bytes());
        let count = u16::try_from(files.len()).unwrap().to_le_bytes();
        zip.extend(directory);
        zip.extend([b"PK\x05\x06\0\0\0\0", count.as_slice(), &count, &size, &start, &[0; 2]].concat());
        zip
    }
}
