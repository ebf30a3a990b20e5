//! Looking at a site as a device does, over the network: for monitoring.
//!
//! Reads channel files, rings, releases and file lists, checks what a device checks, and asks for one byte of each archive to
//! see that it is there with the right size. With [`full`](VerifyOptions::full) it downloads each archive, proves it and
//! compares its files with the list.

mod archive;
mod look;
mod problem;

use std::path::PathBuf;
use std::time::Duration;

pub use problem::{Problem, Severity};

use look::Looker;

use crate::error::{Error, Result};
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

/// What to look at, and how closely.
#[derive(Debug)]
#[non_exhaustive]
pub struct VerifyOptions<'a> {
    /// The channels.
    pub channels: &'a [ChannelName],
    /// The envelope of the first ring in the configuration of the app. Without it that of the site, `keys/1.json`, is
    /// believed, which whoever can write there can replace.
    pub ring: Option<&'a [u8]>,
    /// A release that expires within this time is told. 14 days.
    pub expires_within: Duration,
    /// Whether to download and prove the archives.
    pub full: bool,
    /// Private content keys, to open sealed archives with.
    pub content_keys: &'a [&'a ContentKey],
    /// Where archives are downloaded to and opened, and removed again.
    pub staging: PathBuf,
    /// The time now.
    pub now: Timestamp,
    /// How to ask.
    pub download: DownloadOptions,
}

impl<'a> VerifyOptions<'a> {
    /// These channels, without their archives.
    #[must_use]
    pub fn new(channels: &'a [ChannelName], staging: PathBuf) -> Self {
        Self {
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
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The newest ring, where there is one that can be followed.
    pub ring: Option<u64>,
    /// The channels, as far as they could be read.
    pub channels: Vec<ChannelFile>,
    /// The releases that they name, as far as devices take them.
    pub releases: Vec<Release>,
    /// What is wrong or will be.
    pub problems: Vec<Problem>,
}

impl Report {
    /// The worst of the problems.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.problems.iter().map(|problem| problem.severity).max()
    }
}

/// Looks at a site.
///
/// # Errors
/// Why it could not be looked at: [`Network`](capbundle::ErrorKind::Network), [`Server`](capbundle::ErrorKind::Server) for a server
/// that fails, [`NotTrusted`](capbundle::ErrorKind::NotTrusted) for a connection that is not secure,
/// [`Cancelled`](capbundle::ErrorKind::Cancelled), and what writing into `staging` can come to. What is wrong with the site itself
/// is no error but a [`Problem`].
pub fn verify(
    transport: &dyn Transport,
    site: &Site,
    app: &AppId,
    options: &VerifyOptions<'_>,
    control: &Control,
) -> Result<Report> {
    let reader = SiteReader {
        transport,
        site,
        options: &options.download,
        control,
    };
    let mut look = Look {
        looker: Looker::new(reader),
        reader,
        app,
        options,
        report: Report {
            ring: None,
            channels: Vec::new(),
            releases: Vec::new(),
            problems: Vec::new(),
        },
        proved: Vec::new(),
    };
    let Some(ring) = look.ring()? else {
        return Ok(look.report);
    };
    for channel in options.channels {
        look.channel(&ring, channel)?;
    }
    Ok(look.report)
}

/// One look at a site.
struct Look<'a> {
    looker: Looker<'a>,
    reader: SiteReader<'a>,
    app: &'a AppId,
    options: &'a VerifyOptions<'a>,
    report: Report,
    /// Paths of archives that were proved.
    proved: Vec<String>,
}

impl Look<'_> {
    fn problem(&mut self, severity: Severity, code: &'static str, path: &str, message: impl Into<String>) {
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
        self.problem(Severity::Broken, code, path, error.to_string());
    }

    /// What `read` gives; a problem where the site is to blame, an error where nobody knows.
    fn told<T, E: Into<Error>>(&mut self, path: &str, read: Result<T, E>) -> Result<Option<T>> {
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
        let Some(found) = self.told(path, read)? else {
            return Ok(None);
        };
        if found.is_none() {
            self.problem(Severity::Broken, "not_found", path, "it is not there");
        }
        Ok(found)
    }

    fn ring(&mut self) -> Result<Option<KeyRing>> {
        let first = paths::ring_path(1);
        let trusted = if let Some(bytes) = self.options.ring {
            // It is the caller's own, not the site's.
            Some(KeyRing::trusted(bytes, self.app)?)
        } else {
            let Some(bytes) = self.document(&first, MAX_ENVELOPE_BYTES)? else {
                return Ok(None);
            };
            let message = "no ring of your own was given, so the first one of the site is believed: whoever can write there can \
                           replace it, and devices would refuse what is signed by others";
            self.problem(Severity::Note, "ring_from_site", &first, message);
            self.told(&first, KeyRing::trusted(&bytes, self.app))?
        };
        let Some(mut ring) = trusted else {
            return Ok(None);
        };
        loop {
            let path = paths::ring_path(ring.number().saturating_add(1));
            let read = self.reader.read_if_any(&path, MAX_ENVELOPE_BYTES);
            let Some(Some(bytes)) = self.told(&path, read)? else {
                break;
            };
            match self.told(&path, ring.follow(&bytes))? {
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
        let Some(file) = self.told(&path, ChannelFile::parse(&bytes, self.app, channel))? else {
            return Ok(());
        };
        self.caching(&path)?;
        if file.sequences().next().is_none() {
            self.problem(
                Severity::Warning,
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
            self.problem(Severity::Broken, "replayed", &path, message);
        }
        for sequence in file.sequences() {
            self.release(ring, channel, sequence)?;
        }
        self.report.channels.push(file);
        Ok(())
    }

    /// A channel file that a cache keeps is a rollout that nobody can stop.
    fn caching(&mut self, path: &str) -> Result<()> {
        let Some(found) = self.looker.look(path)? else {
            return Ok(());
        };
        if let Some(said) = found.cache_control.filter(|said| may_be_kept(said)) {
            let message = format!(
                "it is served with \"Cache-Control: {said}\", so caches keep it: promotions, pauses and rollbacks come late. Serve \
                 channels/ with no-cache"
            );
            self.problem(Severity::Warning, "cached", path, message);
        }
        Ok(())
    }

    fn release(&mut self, ring: &KeyRing, channel: &ChannelName, sequence: u64) -> Result<()> {
        let path = paths::release_path(channel, sequence);
        let Some(envelope) = self.document(&path, MAX_ENVELOPE_BYTES)? else {
            return Ok(());
        };
        let checked = self.check(ring, channel, &envelope);
        let Some(trusted) = self.told(&path, checked)? else {
            return Ok(());
        };
        let release = trusted.release();
        if release.sequence != sequence {
            let message = format!("it is release {}", release.sequence);
            self.problem(Severity::Broken, "wrong_sequence", &path, message);
            return Ok(());
        }
        let left = release.expires_at.since(self.options.now);
        if left < self.options.expires_within {
            let days = left.as_secs() / (24 * 60 * 60);
            let message = format!("it expires in {days} days, after which no device takes it: renew it");
            self.problem(Severity::Warning, "expires_soon", &path, message);
        }
        if let Some(bundle) = release.bundle() {
            self.bundle(&trusted, bundle)?;
        }
        self.report.releases.push(release.clone());
        Ok(())
    }

    fn check(&self, ring: &KeyRing, channel: &ChannelName, envelope: &[u8]) -> Result<TrustedRelease> {
        let native = super::signing::native_within(envelope)?;
        let keys: Vec<_> = self.options.content_keys.iter().map(|key| key.public()).collect();
        let context = TrustContext {
            ring,
            app: self.app,
            channel,
            native: &native,
            built_in_sequence: None,
            last_accepted: None,
            now: self.options.now,
            latest_time_seen: Timestamp(0),
            content_keys: &keys,
        };
        Ok(policy::check(envelope, &context)?)
    }

    fn bundle(&mut self, trusted: &TrustedRelease, bundle: &BundleIdentity) -> Result<()> {
        let path = paths::file_list_path(&bundle.files_digest);
        let files = match self.document(&path, MAX_FILE_LIST_BYTES)? {
            Some(bytes) => self.told(&path, trusted.check_file_list(&bytes))?,
            None => None,
        };
        let (path, size) = paths::archive_of(bundle);
        match self.looker.look(&path)? {
            None => self.problem(Severity::Broken, "not_found", &path, "it is not there"),
            Some(found) if found.size.is_some_and(|found| found != size) => {
                let message = format!(
                    "it has {} bytes, the release says {size}",
                    found.size.unwrap_or_default()
                );
                self.problem(Severity::Broken, "archive_differs", &path, message);
            }
            Some(_) if self.options.full && !self.proved.contains(&path) => {
                self.archive(trusted, bundle, &path, files.as_ref())?;
                self.proved.push(path);
            }
            Some(_) => {}
        }
        Ok(())
    }
}

/// Whether the documents are to blame, not the way to them or this machine.
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

/// Whether a cache may answer without asking.
fn may_be_kept(cache_control: &str) -> bool {
    let said: Vec<String> = cache_control
        .split(',')
        .map(|directive| directive.trim().to_ascii_lowercase())
        .collect();
    let asks = |directive: &String| directive.starts_with("no-cache") || directive == "no-store";
    let age = |directive: &String| {
        let (name, age) = directive.split_once('=')?;
        (name == "max-age" || name == "s-maxage").then(|| age.parse::<u64>().ok())?
    };
    !said.iter().any(asks) && said.iter().filter_map(age).any(|age| age > 0)
}

#[cfg(test)]
mod tests;
