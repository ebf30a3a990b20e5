//! A publisher with a site in memory, and a network to it with faults.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex};

use zip::write::SimpleFileOptions;

use super::device::Device;
use super::*;
use crate::app_id::AppId;
use crate::channel::ChannelName;
use crate::digest::Sha256Digest;
use crate::http::{Head, Headers, Receiver, Request, Transport, TransportError};
use crate::keys::{ContentKey, KeyBits, SigningKey};
use crate::limits::Limits;
use crate::progress::Control;
use crate::release::{
    ArchiveIdentity, BUILT_IN, BundleIdentity, Candidate, ChannelFile, FileList, KeyRing, Release, ReleaseTarget,
    RingDocument, SealedIdentity, SignedRelease, paths, sign, sign_ring,
};
use crate::sealed;
use crate::update::channel::Site;
use crate::verified::VerifiedArchive;

/// Generating keys takes time, and no test changes one.
static KEYS: LazyLock<Vec<SigningKey>> =
    LazyLock::new(|| (0..4).map(|_| SigningKey::generate(KeyBits::B2048).unwrap()).collect());
static CONTENT_KEY: LazyLock<Arc<ContentKey>> =
    LazyLock::new(|| Arc::new(ContentKey::generate(KeyBits::B2048).unwrap()));
static OTHER_CONTENT_KEY: LazyLock<Arc<ContentKey>> =
    LazyLock::new(|| Arc::new(ContentKey::generate(KeyBits::B2048).unwrap()));
/// Small enough that a header arrives in several pieces.
pub(super) const PIECE: usize = 50;

pub(super) const ADDRESS: &str = "https://example.com/app";
/// The clock of a device starts at 1,000,000: see [`Device`].
const CREATED_AT: u64 = 900_000;
const EXPIRES_AT: u64 = 2_000_000;

pub(super) fn app() -> AppId {
    "com.example.app".parse().unwrap()
}

pub(super) fn production() -> ChannelName {
    "production".parse().unwrap()
}

/// The signing key of this number.
pub(super) fn key(number: usize) -> &'static SigningKey {
    &KEYS[number]
}

/// A release and its files.
#[derive(Debug, Clone)]
pub(super) struct Published {
    pub(super) release: Release,
    pub(super) envelope: Vec<u8>,
    pub(super) archive: Vec<u8>,
    pub(super) files: Vec<u8>,
}

impl Published {
    /// Paths of release, file list and archive.
    pub(super) fn paths(&self) -> [String; 3] {
        let signed = SignedRelease::parse(&self.envelope).unwrap();
        let release = signed.release();
        let bundle = release.bundle().unwrap();
        [
            paths::release_path(&release.channel, release.sequence),
            paths::file_list_path(&bundle.files_digest),
            paths::archive_of(bundle).0,
        ]
    }

    /// The bundle identity in the release.
    pub(super) fn bundle(&self) -> &BundleIdentity {
        self.release.target.bundle().unwrap()
    }

    pub(super) fn archive_digest(&self) -> Sha256Digest {
        self.bundle().archive.digest
    }

    /// The same archive with another file list.
    pub(super) fn naming_files(&self, files_digest: Sha256Digest) -> ReleaseTarget {
        ReleaseTarget::Bundle(BundleIdentity {
            files_digest,
            ..*self.bundle()
        })
    }

    /// Size of the header of its sealed archive.
    pub(super) fn header_size(&self) -> usize {
        let header = sealed::Header::parse(&self.archive).unwrap();
        header.size().try_into().unwrap()
    }

    /// Another release of the same files, signed by these keys.
    pub(super) fn but(&self, keys: &[&SigningKey], change: impl FnOnce(&mut Release)) -> Self {
        let mut release = self.release.clone();
        change(&mut release);
        let envelope = sign(&release, keys, &[]).unwrap().to_json().unwrap();
        Self {
            release,
            envelope,
            ..self.clone()
        }
    }
}

/// A release that selects the built-in bundle, signed by key 0.
pub(super) fn built_in(sequence: u64) -> Vec<u8> {
    built_in_but(sequence, |_| {})
}

/// Another one.
pub(super) fn built_in_but(sequence: u64, change: impl FnOnce(&mut Release)) -> Vec<u8> {
    let mut release = Release {
        app_id: app(),
        channel: production(),
        version: "builtin".to_owned(),
        sequence,
        created_at: Timestamp(CREATED_AT + sequence),
        expires_at: Timestamp(EXPIRES_AT),
        native: NativeRange::default(),
        target: ReleaseTarget::BuiltIn,
        patches: Vec::new(),
        link: None,
        comment: None,
        critical: vec![BUILT_IN.to_owned()],
    };
    change(&mut release);
    sign(&release, &[key(0)], &[]).unwrap().to_json().unwrap()
}

/// The content key that devices do not have by default.
pub(super) fn other_content_key() -> Arc<ContentKey> {
    Arc::clone(&OTHER_CONTENT_KEY)
}

/// Publishes releases of a device's archives, all signed by key 0.
pub(super) struct Publisher<'a> {
    device: &'a Device,
    sealed_for: Option<Arc<ContentKey>>,
}

impl<'a> Publisher<'a> {
    pub(super) fn plain(device: &'a Device) -> Self {
        let sealed_for = None;
        Self { device, sealed_for }
    }

    pub(super) fn sealed(device: &'a Device) -> Self {
        let sealed_for = Some(Arc::clone(&CONTENT_KEY));
        Self { device, sealed_for }
    }

    pub(super) fn sealed_for_others(device: &'a Device) -> Self {
        let sealed_for = Some(other_content_key());
        Self { device, sealed_for }
    }

    pub(super) fn release(&self, version: &str, sequence: u64) -> Published {
        self.release_of(&self.device.archive(version), version, sequence)
    }

    /// A release of these files, by path.
    pub(super) fn release_of_files(
        &self,
        files: &BTreeMap<String, Vec<u8>>,
        version: &str,
        sequence: u64,
    ) -> Published {
        let zip = self.device.beside(&format!("{version}.zip"));
        let mut writer = zip::ZipWriter::new(fs::File::create(&zip).unwrap());
        for (path, bytes) in files {
            writer.start_file(path, SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap();
        let archive = VerifiedArchive::assume_trusted(&zip, &Control::new()).unwrap();
        self.release_of(&archive, version, sequence)
    }

    fn release_of(&self, archive: &VerifiedArchive, version: &str, sequence: u64) -> Published {
        let control = Control::new();
        let files = FileList::of_archive(archive, &Limits::default(), &control).unwrap();
        let files = files.to_bytes().unwrap();
        let identity = ArchiveIdentity {
            size: archive.size(),
            digest: archive.digest(),
        };
        let (bytes, sealed) = self.delivered(version, &identity.digest);
        let release = Release {
            app_id: app(),
            channel: production(),
            version: version.to_owned(),
            sequence,
            created_at: Timestamp(CREATED_AT + sequence),
            expires_at: Timestamp(EXPIRES_AT),
            native: NativeRange::default(),
            target: ReleaseTarget::Bundle(BundleIdentity {
                archive: identity,
                sealed,
                files_digest: Sha256Digest::of(&files),
            }),
            patches: Vec::new(),
            link: Some(format!("https://example.com/{version}")),
            comment: None,
            critical: Vec::new(),
        };
        let envelope = sign(&release, &[key(0)], &[]).unwrap().to_json().unwrap();
        Published {
            release,
            envelope,
            archive: bytes,
            files,
        }
    }

    fn delivered(&self, version: &str, digest: &Sha256Digest) -> (Vec<u8>, Option<SealedIdentity>) {
        let plain = self.device.beside(&format!("{version}.zip"));
        let Some(key) = &self.sealed_for else {
            return (fs::read(plain).unwrap(), None);
        };
        let to = self.device.beside(&format!("{version}.sealed"));
        let recipients = [key.public().clone()];
        let sealed = sealed::seal(
            &plain,
            &to,
            &sealed::Sealing {
                expected: digest,
                recipients: &recipients,
            },
            &Control::new(),
        )
        .unwrap();
        let identity = SealedIdentity {
            size: sealed.size,
            header_digest: sealed.header_digest,
        };
        (fs::read(to).unwrap(), Some(identity))
    }
}

/// The ring in the app: key 0 alone.
pub(super) fn first_ring() -> Vec<u8> {
    let new = RingDocument {
        app_id: app(),
        number: 1,
        threshold: 1,
        created_at: Timestamp(CREATED_AT),
        keys: vec![key(0).verifying_key()],
        retired: Vec::new(),
    };
    sign_ring(&new, &[key(0)]).unwrap().to_json().unwrap()
}

/// The successor of `ring`: key `old` is removed, key `new` added.
pub(super) fn rotated(ring: &[u8], old: usize, new: usize) -> Vec<u8> {
    let before = crate::release::SignedKeyRing::parse(ring).unwrap();
    let mut next = RingDocument::next(before.ring(), Timestamp(CREATED_AT));
    next.retire(key(old).verifying_key().id()).unwrap();
    next.keys.push(key(new).verifying_key());
    sign_ring(&next, &[key(old), key(new)]).unwrap().to_json().unwrap()
}

pub(super) fn options() -> ReleaseOptions {
    let mut options = ReleaseOptions::new(app(), production(), first_ring(), NativeVersion::new("1.0"));
    options.content_keys.push(Arc::clone(&CONTENT_KEY));
    options
}

pub(super) fn source() -> ChannelSource {
    let mut source = ChannelSource::new(Site::new(ADDRESS.parse().unwrap()), options());
    source.device_id = Some("device-1".to_owned());
    source
}

pub(super) fn download_options() -> crate::http::download::DownloadOptions {
    crate::http::download::DownloadOptions {
        first_wait: Duration::from_millis(1),
        attempts: 1,
        space_margin: 0,
        ..crate::http::download::DownloadOptions::default()
    }
}

/// Whether this is the trusted ring of the store.
pub(super) fn ring_of(store: &Store) -> KeyRing {
    store.key_ring(&options()).unwrap()
}

/// The files by path, and the faults of the network.
#[derive(Debug, Default)]
pub(super) struct Net {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Only this many bytes of this path arrive, once, before the connection breaks.
    cut: Mutex<Option<(String, usize)>>,
    requests: Mutex<Vec<String>>,
    /// Received bytes of each path.
    came: Mutex<BTreeMap<String, usize>>,
    /// It answers every request with the whole file.
    pub(super) ignores_ranges: AtomicBool,
}

impl Net {
    pub(super) fn put(&self, path: &str, bytes: &[u8]) {
        self.files.lock().unwrap().insert(path.to_owned(), bytes.to_vec());
    }

    pub(super) fn remove(&self, path: &str) {
        self.files.lock().unwrap().remove(path);
    }

    pub(super) fn publish(&self, published: &Published) {
        let [release, list, archive] = published.paths();
        self.put(&release, &published.envelope);
        self.put(&list, &published.files);
        self.put(&archive, &published.archive);
    }

    /// Writes the channel file.
    pub(super) fn offer(&self, stable: Option<u64>, candidate: Option<(u64, u16)>) {
        let file = ChannelFile {
            app_id: app(),
            channel: production(),
            stable,
            candidate: candidate.map(|(sequence, rollout_bps)| Candidate { sequence, rollout_bps }),
        };
        self.put("channels/production.json", &file.to_json().unwrap());
    }

    pub(super) fn cut(&self, path: &str, after: usize) {
        *self.cut.lock().unwrap() = Some((path.to_owned(), after));
    }

    /// Received bytes of this path in total.
    pub(super) fn came(&self, path: &str) -> usize {
        self.came.lock().unwrap().get(path).copied().unwrap_or_default()
    }

    /// The requests since the last call, each with its range after the path.
    pub(super) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

impl Transport for Net {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let path = request.url.as_str().strip_prefix(ADDRESS).unwrap();
        let path = path.trim_start_matches('/').to_owned();
        let range = request.headers.get("Range").map(str::to_owned);
        let requests = range.as_ref().map_or(path.clone(), |range| format!("{path} {range}"));
        self.requests.lock().unwrap().push(requests);
        let Some(bytes) = self.files.lock().unwrap().get(&path).cloned() else {
            return receiver
                .begin(&Head::new(404, Headers::new()))
                .map_err(TransportError::Receiver);
        };
        let range = range.filter(|_| !self.ignores_ranges.load(Ordering::Relaxed));
        let (from, to) = range.map_or((0, bytes.len()), |range| {
            let (from, to) = range[6..].split_once('-').unwrap();
            let to = to.parse::<usize>().map_or(bytes.len(), |last| last + 1);
            (from.parse::<usize>().unwrap(), to)
        });
        let mut headers = Headers::new();
        headers
            .add("ETag", format!("\"{}\"", Sha256Digest::of(&bytes)))
            .unwrap();
        headers.add("Content-Length", (to - from).to_string()).unwrap();
        let status = if from > 0 || to < bytes.len() {
            let range = format!("bytes {from}-{}/{}", to - 1, bytes.len());
            headers.add("Content-Range", range).unwrap();
            206
        } else {
            200
        };
        receiver
            .begin(&Head::new(status, headers))
            .map_err(TransportError::Receiver)?;
        let mut cut = self.cut.lock().unwrap();
        let end = match cut.take_if(|(cut, _)| *cut == path) {
            Some((_, after)) => after,
            None => to,
        };
        for piece in bytes[from..end].chunks(PIECE) {
            *self.came.lock().unwrap().entry(path.clone()).or_default() += piece.len();
            receiver.write(piece).map_err(TransportError::Receiver)?;
        }
        if end < to {
            return Err(TransportError::Broken("the connection broke".to_owned()));
        }
        Ok(())
    }
}
