//! Verification of external archives before their bundle is registered: the server downloads the archive as devices will, and
//! compares it with the checksum.

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
use self::fetch::{FetchError, Fetcher};
use crate::api_error::{ApiError, ApiResult};
use crate::config::Config;
use crate::database::bundles::NewBundleRow;
use crate::error::Result;
use crate::quota::Quota;
use crate::state::ServerState;
use crate::validation::Checksum;

/// Downloads at once.
const MAX_DOWNLOADS: usize = 8;
/// Downloads at once for one API key.
const MAX_PER_KEY: usize = 2;

/// Downloads and verifies archives.
#[derive(Debug)]
pub(crate) struct Verifier {
    fetcher: Fetcher,
    downloads: Semaphore,
    per_key: Quota<i64>,
    timeout: Duration,
}

/// The archive that the bundle requires.
enum Expected {
    /// The archive has this digest.
    Plain(Sha256Digest),
    /// The archive is encrypted; its plain content has the digest of the signed checksum.
    Encrypted(Box<Encrypted>),
}

struct Encrypted {
    session_key: IvSessionKey,
    checksum: capbundle::capgo::SignedChecksum,
    key: VerifyingKey,
}

impl Verifier {
    /// # Errors
    /// [`Error::InvalidSetting`](crate::Error::InvalidSetting) if the file of CA certificates cannot be used.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        Ok(Self {
            fetcher: Fetcher::new(config)?,
            downloads: Semaphore::new(MAX_DOWNLOADS),
            per_key: Quota::new(MAX_PER_KEY),
            timeout: config.limits.verify_timeout,
        })
    }

    /// Downloads the archive of `bundle` and verifies it. Returns its size in bytes. `public_key` is the app's, in PEM.
    ///
    /// # Errors
    /// `not_verifiable` if the archive is encrypted or its checksum signed, and the app has no public key;
    /// `checksum_mismatch` if the archive is another one; `cannot_verify_bundle` if it cannot be downloaded.
    pub(crate) async fn verify(
        &self,
        state: &ServerState,
        key: i64,
        bundle: &NewBundleRow,
        public_key: Option<&str>,
    ) -> ApiResult<u64> {
        let expected = expected(bundle, public_key)?;
        let _held = self.per_key.take(&key).ok_or_else(|| {
            let error = ApiError::new(
                "too_many_requests",
                "too many bundles of this API key are being verified; retry later",
            );
            error.with_status(StatusCode::TOO_MANY_REQUESTS).retry_after(5)
        })?;
        let verifying = async {
            // The semaphore is never closed.
            let _permit = self.downloads.acquire().await;
            self.compare(state, &bundle.external_url, expected).await
        };
        let verified = tokio::time::timeout(self.timeout, verifying).await;
        verified.unwrap_or_else(|_| {
            let seconds = self.timeout.as_secs_f32();
            Err(cannot_verify(format!(
                "external_url: the download took longer than {seconds} s"
            )))
        })
    }

    async fn compare(&self, state: &ServerState, url: &str, expected: Expected) -> ApiResult<u64> {
        let limit = state.config.limits.upload_bytes;
        match expected {
            Expected::Plain(expected) => {
                let mut digest = Sha256::new();
                let download = self.fetcher.fetch(url, limit, |bytes| {
                    digest.update(bytes);
                    Ok(())
                });
                let size = download.await.map_err(ApiError::from)?;
                let found = Sha256Digest::from_bytes(digest.finalize().into());
                if found != expected {
                    return Err(mismatch(format!(
                        "external_url: expected SHA-256 {expected}, found {found}"
                    )));
                }
                Ok(size)
            }
            Expected::Encrypted(encrypted) => {
                let file = state.files.incoming();
                let mut file = file.map_err(|error| ApiError::storage("download an archive", &error))?;
                let download = self.fetcher.fetch(url, limit, |bytes| file.write_all(bytes));
                let size = download.await.map_err(ApiError::from)?;
                let opened = tokio::task::spawn_blocking(move || {
                    let Encrypted {
                        session_key,
                        checksum,
                        key,
                    } = &*encrypted;
                    // In the same folder, which is cleared when a server starts.
                    let staging = file.path().parent().unwrap_or(file.path());
                    let opened = capgo::decrypt(
                        file.path(),
                        staging,
                        &capgo::Decryption {
                            iv_session_key: session_key,
                            checksum,
                            key,
                        },
                        &Control::new(),
                    );
                    opened.map(drop)
                });
                match opened.await {
                    Ok(Ok(())) => Ok(size),
                    Ok(Err(error)) => Err(not_opened(&error)),
                    Err(error) => Err(ApiError::internal("decrypt an archive", &error)),
                }
            }
        }
    }
}

fn expected(bundle: &NewBundleRow, public_key: Option<&str>) -> ApiResult<Expected> {
    let signed = match (Checksum::parse(&bundle.checksum), &bundle.session_key) {
        (Some(Checksum::Plain(digest)), None) => return Ok(Expected::Plain(digest)),
        (Some(Checksum::Signed(signed)), _) => Some(signed),
        _ => None,
    };
    let Some(public_key) = public_key else {
        let message = "cannot verify an encrypted or signed bundle without the app's public key; set it with \
                       `app create --public-key`, or register without verification";
        return Err(ApiError::new("not_verifiable", message));
    };
    let signed = signed.ok_or_else(|| {
        let message = "the archive is encrypted, but its checksum is not signed; devices would reject it";
        ApiError::new("not_verifiable", message)
    })?;
    let key =
        VerifyingKey::from_pem(public_key).map_err(|error| ApiError::internal("read the app's public key", &error))?;
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

impl From<FetchError> for ApiError {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Fetch(reason) => cannot_verify(reason),
            FetchError::Write(error) => Self::storage("download an archive", &error),
        }
    }
}

fn cannot_verify(message: String) -> ApiError {
    ApiError::new("cannot_verify_bundle", message)
}

fn mismatch(message: String) -> ApiError {
    ApiError::new("checksum_mismatch", message)
}

/// Replaces the message of the library, which contains paths of this server.
fn not_opened(error: &capbundle::Error) -> ApiError {
    let message = match error.kind() {
        ErrorKind::SignatureInvalid => "the checksum is not signed with the app's key",
        ErrorKind::DecryptionFailed => "the archive cannot be decrypted with session_key and the app's public key",
        ErrorKind::NotTrusted => "checksum or session_key is malformed for the app's key",
        ErrorKind::DigestMismatch => "the archive at external_url does not match the checksum",
        _ => return ApiError::internal("decrypt an archive", error),
    };
    mismatch(message.to_owned())
}
