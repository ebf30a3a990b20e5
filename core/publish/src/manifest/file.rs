//! The files of a manifest, before and after they are uploaded.

use std::path::PathBuf;

use capbundle::digest::Sha256Digest;
use serde::Serialize;
use tempfile::TempPath;

/// A file of a manifest as it is uploaded.
#[derive(Debug)]
#[non_exhaustive]
pub struct ManifestFile {
    /// The name in the manifest: the path in the bundle, followed by `.br` if the file is compressed.
    pub file_name: String,
    /// SHA-256 of the final bytes in hexadecimal, or signed.
    pub file_hash: String,
    /// Whether the file is compressed with Brotli.
    pub is_brotli: bool,
    /// Bytes of the final file.
    pub plain_size: u64,
    /// Bytes of the file as devices download it.
    pub size: u64,
    /// SHA-256 of the bytes that devices download.
    pub digest: Sha256Digest,
    /// The bytes that devices download.
    pub(crate) source: FileSource,
}

impl ManifestFile {
    /// The path of the file to upload. Valid as long as the unpacked bundle and this value exist.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        match &self.source {
            FileSource::Original(path) => path,
            FileSource::Made(path) => path,
        }
    }
}

/// The bytes to upload.
#[derive(Debug)]
pub(crate) enum FileSource {
    /// The file of the unpacked bundle.
    Original(PathBuf),
    /// A compressed or encrypted copy, removed when dropped.
    Made(TempPath),
}

/// The files of a manifest, in the order of the file list.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Manifest {
    /// The files.
    pub files: Vec<ManifestFile>,
    /// SHA-256 of the `ivSessionKey` in hexadecimal if the files are encrypted; part of their keys.
    pub(crate) session: Option<String>,
}

impl Manifest {
    /// The number of compressed files.
    #[must_use]
    pub fn compressed(&self) -> usize {
        self.files.iter().filter(|file| file.is_brotli).count()
    }

    /// The size of all files as devices download them, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Whether the files are encrypted. Encrypted files are never shared between versions, since each version has its
    /// own key.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.session.is_some()
    }
}

/// An uploaded file of a manifest, as an update server stores it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ManifestRow {
    /// The name in the manifest.
    pub file_name: String,
    /// The hash in the manifest.
    pub file_hash: String,
    /// The URL for devices.
    pub download_url: String,
    /// Bytes that devices download.
    pub file_size: u64,
}
