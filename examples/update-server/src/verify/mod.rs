//! Proving a bundle before it is registered: its archive is fetched from where devices will get it, and compared with its
//! checksum.

mod addresses;
mod fetch;

use std::io::Write as _;
use std::time::Duration;

use axum::http::StatusCode;
use capbundle::ErrorKind;
use capbundle::capgo;
use capbundle::capgo::IvSessionKey;
use capbundle::digest::Sha256Digest;
use capbundle::keys::VerifyingKey;
use capbundle::progress::Control;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

pub use self::addresses::AddressRange;
use self::fetch::{Fetcher, Problem};
use crate::config::Config;
use crate::database::bundles::NewBundle;
use crate::error::Result;
use crate::names::Checksum;
use crate::quota::Quota;
use crate::refusal::{Answer, Refusal};
use crate::state::App;

/// Archives that are fetched at once.
const AT_ONCE: usize = 8;
/// Of those, for one key.
const PER_KEY: usize = 2;

/// Fetches archives and compares them.
#[derive(Debug)]
pub(crate) struct Verifier {
    fetcher: Fetcher,
    at_once: Semaphore,
    per_key: Quota<i64>,
    within: Duration,
}

/// What is known of an archive before it is fetched.
enum Expected {
    /// The digest of what is at the address.
    Plain(Sha256Digest),
    /// What is at the address is encrypted.
    Encrypted(Box<Encrypted>),
}

struct Encrypted {
    session_key: IvSessionKey,
    checksum: capbundle::capgo::SignedChecksum,
    key: VerifyingKey,
}

impl Verifier {
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the file of authorities has no certificates.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        Ok(Self {
            fetcher: Fetcher::new(config)?,
            at_once: Semaphore::new(AT_ONCE),
            per_key: Quota::new(PER_KEY),
            within: config.limits.verification,
        })
    }

    /// Fetches the archive of `bundle` and compares it with its checksum; gives its size in bytes. `public_key` is the app's,
    /// in PEM.
    ///
    /// # Errors
    /// `not_verifiable` if the checksum is signed or the archive encrypted, and the app's key is not known;
    /// `checksum_mismatch` if another archive is at the address; `cannot_verify_bundle` if none can be fetched.
    pub(crate) async fn verify(
        &self,
        app: &App,
        key: i64,
        bundle: &NewBundle,
        public_key: Option<&str>,
    ) -> Answer<u64> {
        let expected = expected(bundle, public_key)?;
        let _held = self.per_key.take(&key).ok_or_else(|| {
            let refusal = Refusal::new("too_many_requests", "this key has too many bundles verified at once");
            refusal.with_status(StatusCode::TOO_MANY_REQUESTS).retry_after(5)
        })?;
        let verifying = async {
            // Never closed.
            let _permit = self.at_once.acquire().await;
            self.compare(app, &bundle.external_url, expected).await
        };
        let verified = tokio::time::timeout(self.within, verifying).await;
        verified.unwrap_or_else(|_| {
            let seconds = self.within.as_secs_f32();
            Err(cannot_verify(format!("the archive did not arrive within {seconds} s")))
        })
    }

    async fn compare(&self, app: &App, url: &str, expected: Expected) -> Answer<u64> {
        let limit = app.config.limits.upload_bytes;
        match expected {
            Expected::Plain(expected) => {
                let mut digest = Sha256::new();
                let fetching = self.fetcher.fetch(url, limit, |bytes| {
                    digest.update(bytes);
                    Ok(())
                });
                let size = fetching.await.map_err(refusal)?;
                let found = Sha256Digest::from_bytes(digest.finalize().into());
                if found != expected {
                    return Err(mismatch(format!("expected {expected}, found {found} at external_url")));
                }
                Ok(size)
            }
            Expected::Encrypted(encrypted) => {
                let coming = app.files.incoming();
                let mut file = coming.map_err(|error| Refusal::disk("fetch an archive", &error))?;
                let fetching = self.fetcher.fetch(url, limit, |bytes| file.write_all(bytes));
                let size = fetching.await.map_err(refusal)?;
                let opened = tokio::task::spawn_blocking(move || {
                    let Encrypted {
                        session_key,
                        checksum,
                        key,
                    } = &*encrypted;
                    // Beside it: the folder is cleared when a server starts.
                    let staging = file.path().parent().unwrap_or(file.path());
                    let opened = capgo::open(file.path(), staging, session_key, checksum, key, &Control::new());
                    opened.map(drop)
                });
                match opened.await {
                    Ok(Ok(())) => Ok(size),
                    Ok(Err(problem)) => Err(not_opened(&problem)),
                    Err(problem) => Err(Refusal::broken("decrypt an archive", &problem)),
                }
            }
        }
    }
}

fn expected(bundle: &NewBundle, public_key: Option<&str>) -> Answer<Expected> {
    let signed = match (Checksum::read(&bundle.checksum), &bundle.session_key) {
        (Some(Checksum::Plain(digest)), None) => return Ok(Expected::Plain(digest)),
        (Some(Checksum::Signed(signed)), _) => Some(signed),
        _ => None,
    };
    let Some(public_key) = public_key else {
        let message = "the checksum is of the plain archive, and this one is encrypted or signed: give the server the app's \
                       public key (`app create --public-key`), or register without verification";
        return Err(Refusal::new("not_verifiable", message));
    };
    let signed = signed.ok_or_else(|| {
        let message = "the archive is encrypted and its checksum is not signed: devices would refuse it";
        Refusal::new("not_verifiable", message)
    })?;
    let key = VerifyingKey::from_pem(public_key).map_err(|problem| Refusal::broken("read the app's key", &problem))?;
    match &bundle.session_key {
        None => signed
            .verify(&key)
            .map(Expected::Plain)
            .map_err(|error| not_opened(&error)),
        Some(session_key) => Ok(Expected::Encrypted(Box::new(Encrypted {
            session_key: session_key.parse().map_err(|error| not_opened(&error))?,
            checksum: signed,
            key,
        }))),
    }
}

fn refusal(problem: Problem) -> Refusal {
    match problem {
        Problem::NotFetched(problem) => cannot_verify(problem),
        Problem::NotKept(problem) => Refusal::disk("fetch an archive", &problem),
    }
}

fn cannot_verify(problem: String) -> Refusal {
    Refusal::new("cannot_verify_bundle", problem)
}

fn mismatch(problem: String) -> Refusal {
    Refusal::new("checksum_mismatch", problem)
}

/// The core's own words name files of this server.
fn not_opened(problem: &capbundle::Error) -> Refusal {
    let message = match problem.kind() {
        ErrorKind::SignatureInvalid => "the checksum is not signed with the app's key",
        ErrorKind::DecryptionFailed => "the archive cannot be decrypted with session_key and the app's key",
        ErrorKind::NotTrusted => "checksum or session_key does not have the form that the app's key makes",
        ErrorKind::DigestMismatch => "the archive at external_url is not the one that the checksum was made of",
        _ => return Refusal::broken("decrypt an archive", problem),
    };
    mismatch(message.to_owned())
}
