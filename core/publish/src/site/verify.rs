//! Verifies a site over the network as a device does, for monitoring.
//!
//! Reads channel files, rings, releases and file lists, checks what a device checks, and requests one byte of each archive to check
//! that it exists with the right size. With [`full`](VerifyOptions::full) it downloads each archive, verifies it and compares
//! its files with the list.

mod archive;
mod look;
mod problem;

use std::path::PathBuf;
use std::time::Duration;

pub use problem::{Problem, ProblemSeverity};

use look::Looker;

use crate::error::{Error, Result};
use crate::setters::setters;
use capbundle::AppId;
use capbundle::ChannelName;
use capbundle::ErrorKind;
use capbundle::http::Transport;
use capbundle::http::download::DownloadOptions;
use capbundle::keys::ContentKey;
use capbundle::progress::Control;
use capbundle::release::policy;
use capbundle::release::policy::TrustContext;
use capbundle::release::{
    BundleIdentity, ChannelFile, KeyRing, MAX_CHANNEL_FILE_BYTES, MAX_ENVELOPE_BYTES, MAX_FILE_LIST_BYTES, Release,
    TrustedRelease, paths,
};
use capbundle::time::Timestamp;
use capbundle::update::channel::{Site, SiteReader};

/// Options of a verification.
#[derive(Debug)]
#[non_exhaustive]
pub struct VerifyOptions<'a> {
    /// The app whose site it is.
    pub app: &'a AppId,
    /// The channels to verify.
    pub channels: &'a [ChannelName],
    /// The envelope of the first ring, as configured in the app. By default `keys/1.json` of the site is trusted, which anyone
    /// with write access can replace.
    pub ring: Option<&'a [u8]>,
    /// Report releases that expire within this time. 14 days.
    pub expires_within: Duration,
    /// Whether to download and verify the archives.
    pub full: bool,
    /// Private content keys to open sealed archives.
    pub content_keys: &'a [&'a ContentKey],
    /// A folder for downloaded archives, which are removed again.
    pub staging: PathBuf,
    /// The current time.
    pub now: Timestamp,
    /// Options of downloads.
    pub download: DownloadOptions,
}

impl<'a> VerifyOptions<'a> {
    /// Verifies these channels of this app, without downloading archives.
    #[must_use]
    pub fn new(app: &'a AppId, channels: &'a [ChannelName], staging: PathBuf) -> Self {
        Self {
            app,
            channels,
            ring: None,
            expires_within: Duration::from_secs(14 * 24 * 60 * 60),
            full: false,
            content_keys: &[],
            staging,
            now: Timestamp::now(),
            download: DownloadOptions::default(),
        }
    }

    setters! {
        with_ring(ring: impl Into<Option<&'a [u8]>>);
        with_expires_within(expires_within: Duration);
        with_full(full: bool);
        with_content_keys(content_keys: &'a [&'a ContentKey]);
        with_now(now: Timestamp);
        with_download(download: DownloadOptions);
    }
}

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The number of the newest ring, if a trusted one was found.
    pub ring: Option<u64>,
    /// The channels that could be read.
    pub channels: Vec<ChannelFile>,
    /// The offered releases that devices accept.
    pub releases: Vec<Release>,
    /// Current and upcoming problems.
    pub problems: Vec<Problem>,
}

impl VerifyReport {
    /// The highest severity.
    #[must_use]
    pub fn worst(&self) -> Option<ProblemSeverity> {
        self.problems.iter().map(|problem| problem.severity).max()
    }
}

/// Verifies a site.
///
/// # Errors
/// Why the site could not be verified: [`Network`](capbundle::ErrorKind::Network), [`Server`](capbundle::ErrorKind::Server) for a server
/// that fails, [`NotTrusted`](capbundle::ErrorKind::NotTrusted) for a connection that is not secure,
/// [`Cancelled`](capbundle::ErrorKind::Cancelled), and errors of writing to `staging`. A problem of the site itself is
/// not an error but a [`Problem`].
pub fn verify(
    transport: &dyn Transport,
    site: &Site,
    options: &VerifyOptions<'_>,
    control: &Control,
) -> Result<VerifyReport> {
    let reader = SiteReader {
        transport,
        site,
        options: &options.download,
        control,
    };
    let mut verification = Verification {
        looker: Looker::new(reader),
        reader,
        options,
        report: VerifyReport {
            ring: None,
            channels: Vec::new(),
            releases: Vec::new(),
            problems: Vec::new(),
        },
        verified: Vec::new(),
    };
    let Some(ring) = verification.ring()? else {
        return Ok(verification.report);
    };
    for channel in options.channels {
        verification.channel(&ring, channel)?;
    }
    Ok(verification.report)
}

/// One verification in progress.
struct Verification<'a> {
    looker: Looker<'a>,
    reader: SiteReader<'a>,
    options: &'a VerifyOptions<'a>,
    report: VerifyReport,
    /// Paths of verified archives.
    verified: Vec<String>,
}

impl Verification<'_> {
    fn problem(&mut self, severity: ProblemSeverity, code: &'static str, path: &str, message: impl Into<String>) {
        self.report.problems.push(Problem {
            severity,
            code,
            path: path.to_owned(),
            message: message.into(),
        });
    }

    fn broken(&mut self, path: &str, error: &Error) {
        let code = match error {
            Error::Core(capbundle::Error::ReleaseRefused { reason, .. }) => reason.as_str(),
            error => error.kind().as_str(),
        };
        self.problem(ProblemSeverity::Broken, code, path, error.to_string());
    }

    /// Unwraps `read`. An error that the site caused becomes a problem; others are returned.
    fn unless_broken<T, E: Into<Error>>(&mut self, path: &str, read: Result<T, E>) -> Result<Option<T>> {
        match read.map_err(Into::into) {
            Ok(read) => Ok(Some(read)),
            Err(error) if is_of_the_site(&error) => {
                self.broken(path, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn document(&mut self, path: &str, most: usize) -> Result<Option<Vec<u8>>> {
        let read = self.reader.read_if_any(path, most);
        let Some(found) = self.unless_broken(path, read)? else {
            return Ok(None);
        };
        if found.is_none() {
            self.problem(ProblemSeverity::Broken, "not_found", path, "the file is missing");
        }
        Ok(found)
    }

    fn ring(&mut self) -> Result<Option<KeyRing>> {
        let first = paths::ring_path(1);
        let trusted = if let Some(bytes) = self.options.ring {
            // An invalid ring of the caller is an error, not a problem of the site.
            Some(KeyRing::trusted(bytes, self.options.app)?)
        } else {
            let Some(bytes) = self.document(&first, MAX_ENVELOPE_BYTES)? else {
                return Ok(None);
            };
            let message = "no key ring was given, so the first ring of the site is trusted; anyone with write access can replace it, and devices \
                           would then refuse the releases";
            self.problem(ProblemSeverity::Note, "ring_from_site", &first, message);
            self.unless_broken(&first, KeyRing::trusted(&bytes, self.options.app))?
        };
        let Some(mut ring) = trusted else {
            return Ok(None);
        };
        loop {
            let path = paths::ring_path(ring.number().saturating_add(1));
            let read = self.reader.read_if_any(&path, MAX_ENVELOPE_BYTES);
            let Some(Some(bytes)) = self.unless_broken(&path, read)? else {
                break;
            };
            match self.unless_broken(&path, ring.follow(&bytes))? {
                Some(next) => ring = next,
                None => break,
            }
        }
        self.report.ring = Some(ring.number());
        Ok(Some(ring))
    }

    fn channel(&mut self, ring: &KeyRing, channel: &ChannelName) -> Result<()> {
        let path = paths::channel_path(channel);
        let Some(bytes) = self.document(&path, MAX_CHANNEL_FILE_BYTES)? else {
            return Ok(());
        };
        let Some(file) = self.unless_broken(&path, ChannelFile::parse(&bytes, self.options.app, channel))? else {
            return Ok(());
        };
        self.caching(&path)?;
        if file.sequences().next().is_none() {
            self.problem(
                ProblemSeverity::Warning,
                "nothing_offered",
                &path,
                "the channel offers no release",
            );
        }
        if let (Some(stable), Some(candidate)) = (file.stable, file.candidate)
            && candidate.sequence <= stable
        {
            let message = format!(
                "devices that took {stable} refuse the candidate {} as a replay",
                candidate.sequence
            );
            self.problem(ProblemSeverity::Broken, "replayed", &path, message);
        }
        for sequence in file.sequences() {
            self.release(ring, channel, sequence)?;
        }
        self.report.channels.push(file);
        Ok(())
    }

    /// A rollout cannot be stopped while caches keep the channel file.
    fn caching(&mut self, path: &str) -> Result<()> {
        let Some(found) = self.looker.look(path)? else {
            return Ok(());
        };
        if let Some(said) = found.cache_control.filter(|said| may_be_kept(said)) {
            let message = format!(
                "served with \"Cache-Control: {said}\", so caches delay promotions, pauses and rollbacks: serve channels/ with \
                 no-cache"
            );
            self.problem(ProblemSeverity::Warning, "cached", path, message);
        }
        Ok(())
    }

    fn release(&mut self, ring: &KeyRing, channel: &ChannelName, sequence: u64) -> Result<()> {
        let path = paths::release_path(channel, sequence);
        let Some(envelope) = self.document(&path, MAX_ENVELOPE_BYTES)? else {
            return Ok(());
        };
        let checked = self.check(ring, channel, &envelope);
        let Some(trusted) = self.unless_broken(&path, checked)? else {
            return Ok(());
        };
        let release = trusted.release();
        if release.sequence != sequence {
            let message = format!("expected another sequence, found release {}", release.sequence);
            self.problem(ProblemSeverity::Broken, "wrong_sequence", &path, message);
            return Ok(());
        }
        let left = release.expires_at.since(self.options.now);
        if left < self.options.expires_within {
            let days = left.as_secs() / (24 * 60 * 60);
            let message = format!("expires in {days} days, after which no device accepts it: renew it");
            self.problem(ProblemSeverity::Warning, "expires_soon", &path, message);
        }
        if let Some(bundle) = release.bundle() {
            self.bundle(&trusted, bundle)?;
            self.patches(release)?;
        }
        self.report.releases.push(release.clone());
        Ok(())
    }

    fn check(&self, ring: &KeyRing, channel: &ChannelName, envelope: &[u8]) -> Result<TrustedRelease> {
        let native = super::signing::native_within(envelope)?;
        let keys: Vec<_> = self.options.content_keys.iter().map(|key| key.public()).collect();
        let context = TrustContext::new(ring, self.options.app, channel, &native)
            .with_now(self.options.now)
            .with_content_keys(&keys);
        Ok(policy::check(envelope, &context)?)
    }

    /// Devices do without a patch that is missing or has another size, so it is not broken.
    fn patches(&mut self, release: &Release) -> Result<()> {
        for patch in &release.patches {
            let (path, size) = paths::patch_of(patch);
            match self.looker.look(&path)? {
                None => {
                    let message = "the file is missing, so devices download more: publish the bundle again";
                    self.problem(ProblemSeverity::Warning, "patch_not_found", &path, message);
                }
                Some(found) if found.size.is_some_and(|found| found != size) => {
                    let message = format!("expected {size} bytes, found {}", found.size.unwrap_or_default());
                    self.problem(ProblemSeverity::Warning, "patch_differs", &path, message);
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn bundle(&mut self, trusted: &TrustedRelease, bundle: &BundleIdentity) -> Result<()> {
        let path = paths::file_list_path(&bundle.files_digest);
        let files = match self.document(&path, MAX_FILE_LIST_BYTES)? {
            Some(bytes) => self.unless_broken(&path, trusted.check_file_list(&bytes))?,
            None => None,
        };
        let (path, size) = paths::archive_of(bundle);
        match self.looker.look(&path)? {
            None => self.problem(ProblemSeverity::Broken, "not_found", &path, "the file is missing"),
            Some(found) if found.size.is_some_and(|found| found != size) => {
                let message = format!("expected {size} bytes, found {}", found.size.unwrap_or_default());
                self.problem(ProblemSeverity::Broken, "archive_differs", &path, message);
            }
            Some(_) if self.options.full && !self.verified.contains(&path) => {
                self.archive(trusted, bundle, &path, files.as_ref())?;
                self.verified.push(path);
            }
            Some(_) => {}
        }
        Ok(())
    }
}

/// Whether the site caused the error, rather than the network or this machine.
fn is_of_the_site(error: &Error) -> bool {
    match error {
        Error::Core(capbundle::Error::Server { status, .. }) => *status < 500 && *status != 429,
        Error::Core(capbundle::Error::ReleaseRefused { .. }) => true,
        error => matches!(
            error.kind(),
            ErrorKind::DigestMismatch
                | ErrorKind::DecryptionFailed
                | ErrorKind::UnsafeArchive
                | ErrorKind::NotABundle
                | ErrorKind::LimitExceeded
        ),
    }
}

/// Whether a cache may respond without revalidation.
fn may_be_kept(cache_control: &str) -> bool {
    let said: Vec<String> = cache_control
        .split(',')
        .map(|directive| directive.trim().to_ascii_lowercase())
        .collect();
    let revalidates = |directive: &String| directive.starts_with("no-cache") || directive == "no-store";
    let age = |directive: &String| {
        let (name, age) = directive.split_once('=')?;
        (name == "max-age" || name == "s-maxage").then(|| age.parse::<u64>().ok())?
    };
    !said.iter().any(revalidates) && said.iter().filter_map(age).any(|age| age > 0)
}

#[cfg(test)]
mod tests;
