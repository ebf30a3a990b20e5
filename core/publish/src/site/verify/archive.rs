//! Verifies a whole archive as a device does.

use std::fs;

use super::{ProblemSeverity, Verification};
use crate::error::{Error, Result};
use capbundle::Limits;
use capbundle::http::download;
use capbundle::http::download::{Download, Remote};
use capbundle::release::{BundleIdentity, FileList, RefusalReason, TrustedRelease, paths};
use capbundle::sealed;

impl Verification<'_> {
    /// Downloads the archive, verifies it, compares its files with the list, and removes it.
    pub(super) fn archive(
        &mut self,
        trusted: &TrustedRelease,
        bundle: &BundleIdentity,
        path: &str,
        files: Option<&FileList>,
    ) -> Result<()> {
        let remote = Remote::new(self.reader.site.url(path)?)
            .with_headers(self.reader.site.headers.clone())
            .with_size(paths::archive_of(bundle).1)
            .with_digest(bundle.sealed.is_none().then_some(bundle.archive.digest));
        let wanted = Download {
            remote: &remote,
            folder: &self.options.staging,
            options: &self.options.download,
        };
        let downloaded = download::download(self.reader.transport, &wanted, self.reader.control);
        let Some(downloaded) = self.unless_broken(path, downloaded)? else {
            return Ok(());
        };
        let proved = self.verify(trusted, path, &downloaded.path, files);
        let removed = fs::remove_file(&downloaded.path);
        proved?;
        removed.map_err(|error| Error::io("remove", &downloaded.path, error))
    }

    fn verify(
        &mut self,
        trusted: &TrustedRelease,
        path: &str,
        file: &std::path::Path,
        files: Option<&FileList>,
    ) -> Result<()> {
        let keys = self.options.content_keys;
        let sealed = trusted.release().bundle().and_then(|bundle| bundle.sealed);
        if let (Some(sealed), true) = (sealed, keys.is_empty()) {
            let Some(header) = self.unless_broken(path, sealed::read_header(file))? else {
                return Ok(());
            };
            if header.digest() == sealed.header_digest {
                let message = "the header matches the release; verifying the content requires a content key";
                self.problem(ProblemSeverity::Note, "not_opened", path, message);
            } else {
                let message = format!(
                    "the SHA-256 of its header is {}, the release says {}",
                    header.digest(),
                    sealed.header_digest
                );
                self.problem(
                    ProblemSeverity::Broken,
                    RefusalReason::ArchiveDiffers.as_str(),
                    path,
                    message,
                );
            }
            return Ok(());
        }
        let control = self.reader.control;
        let opened = trusted.open(file, &self.options.staging, keys, control);
        let Some(archive) = self.unless_broken(path, opened)? else {
            return Ok(());
        };
        let found = FileList::of_archive(&archive, &Limits::default(), control);
        let Some(found) = self.unless_broken(path, found)? else {
            return Ok(());
        };
        if files.is_some_and(|files| *files != found) {
            let message = "the files in it are not those of the file list";
            self.problem(
                ProblemSeverity::Broken,
                RefusalReason::FilesDiffer.as_str(),
                path,
                message,
            );
        }
        Ok(())
    }
}
