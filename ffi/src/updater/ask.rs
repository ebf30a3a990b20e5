//! One request for an update: the layer below the updater.

use std::sync::Arc;

use capbundle_core::keys::VerifyingKeys;
use capbundle_core::store::ExpectedProof as ExpectedBy;
use capbundle_core::update as core;
use capbundle_core::update::protocol as wire;

use super::options::DeviceInfo;
use crate::capgo::ChecksumForm;
use crate::convert::signed;
use crate::error::{Result, invalid_input};
use crate::http::HttpTransport;
use crate::http::host::with_transport;
use crate::progress::{CancelToken, with_control};
use crate::store::fetch::ExpectedProof;
use crate::store::types::NativeApp;

/// What a device tells an update server when it asks.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct UpdateRequest {
    /// The device and the native app.
    pub device: DeviceInfo,
    /// The running native app.
    pub native: NativeApp,
    /// The id of this installation: `Store.deviceId`.
    pub device_id: String,
    /// Version of the served bundle.
    #[uniffi(default = "builtin")]
    pub version: String,
    /// A name that the app gave this device.
    #[uniffi(default = "")]
    pub custom_id: String,
    /// The channel that the device asks for.
    #[uniffi(default = None)]
    pub default_channel: Option<String>,
    /// The key of the app as PEM text, or several, whose id the server receives.
    #[uniffi(default = None)]
    pub public_key: Option<String>,
}

impl UpdateRequest {
    fn into_core(self) -> Result<wire::UpdateRequest> {
        let keys = self.public_key.as_deref().map(VerifyingKeys::from_pem).transpose()?;
        let device = self.device.into_core();
        Ok(wire::UpdateRequest::default()
            .with_platform(device.platform.as_str())
            .with_device_id(self.device_id)
            .with_app_id(device.app_id)
            .with_custom_id(self.custom_id)
            .with_version_build(self.native.version)
            .with_version_code(self.native.build)
            .with_version_os(device.os_version)
            .with_version_name(self.version)
            .with_plugin_version(device.plugin_version)
            .with_is_emulator(device.is_emulator)
            .with_is_prod(device.is_production)
            .with_install_source(device.install_source)
            .with_default_channel(self.default_channel)
            .with_key_id(keys.as_ref().map(VerifyingKeys::capgo_key_id)))
    }
}

/// What a server says about an update that it does not offer.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ServerNotice {
    /// The code, such as `no_new_version_available`.
    pub code: String,
    /// The message for people; may be empty.
    pub message: String,
    /// The version of the bundle in question.
    pub version: Option<String>,
}

impl From<wire::Notice> for ServerNotice {
    fn from(notice: wire::Notice) -> Self {
        Self {
            code: notice.error.as_str().to_owned(),
            message: notice.message,
            version: notice.version,
        }
    }
}

/// The answer of an update server. All of it is untrusted: what is installed is decided by the keys of the app.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum UpdateAnswer {
    /// The server offers a bundle: pass its URL and its `expectedProof` to `Store.installFrom`.
    Offer {
        /// Its version.
        version: String,
        /// The URL of its archive.
        url: String,
        /// SHA-256 in hexadecimal, or signed.
        checksum: Option<String>,
        /// `ivSessionKey` of an encrypted archive.
        session_key: Option<String>,
        /// A URL for people.
        link: Option<String>,
        /// A comment for people.
        comment: Option<String>,
    },
    /// Return to the built-in bundle, or keep it.
    BuiltIn {
        /// What the server says, if anything.
        notice: Option<ServerNotice>,
    },
    /// The device is up to date.
    UpToDate {
        /// What the server says.
        notice: ServerNotice,
    },
    /// A rule of the channel excludes this device.
    Blocked {
        /// What the server says.
        notice: ServerNotice,
    },
    /// The request is invalid, or the app is misconfigured on the server.
    Failed {
        /// What the server says.
        notice: ServerNotice,
    },
    /// The device sends too many requests, uses the wrong server, or the server is overloaded.
    Limited {
        /// What the server says, if anything.
        notice: Option<ServerNotice>,
        /// Seconds to wait before the next request, if the server says so; at most a day.
        retry_after_seconds: Option<i64>,
    },
    /// Neither a bundle nor a code. Many self-hosted servers answer so when there is nothing new.
    Nothing {
        /// The server's message, if any.
        message: Option<String>,
    },
    /// An answer that this version of the bindings does not know.
    Other,
}

impl From<wire::UpdateResponse> for UpdateAnswer {
    fn from(response: wire::UpdateResponse) -> Self {
        match response {
            wire::UpdateResponse::Offer(offer) => Self::Offer {
                version: offer.version,
                url: offer.url,
                checksum: offer.checksum,
                session_key: offer.session_key,
                link: offer.link,
                comment: offer.comment,
            },
            wire::UpdateResponse::BuiltIn(notice) => Self::BuiltIn {
                notice: notice.map(ServerNotice::from),
            },
            wire::UpdateResponse::UpToDate(notice) => Self::UpToDate { notice: notice.into() },
            wire::UpdateResponse::Blocked(notice) => Self::Blocked { notice: notice.into() },
            wire::UpdateResponse::Failed(notice) => Self::Failed { notice: notice.into() },
            wire::UpdateResponse::Limited { notice, retry_after } => Self::Limited {
                notice: notice.map(ServerNotice::from),
                retry_after_seconds: retry_after.map(|time| signed(time.as_secs())),
            },
            wire::UpdateResponse::Nothing { message } => Self::Nothing { message },
            _ => Self::Other,
        }
    }
}

/// How the bundle of an offer is verified: the `proof` of `RemoteArchive` for `Store.installFrom`. With a public key
/// (PEM text, or several keys) the bundle must be signed and encrypted by it, without one it needs a SHA-256. Only the
/// arguments of the app decide that, never what the server sends or omits. The default of `form` is `V3`.
///
/// Throws `NotTrusted` if the offer cannot be verified this way, `KeyInvalid`; `InvalidInput` for another answer
/// than `Offer`.
#[uniffi::export(default(public_key = None, form = None))]
pub fn expected_proof(
    answer: UpdateAnswer,
    public_key: Option<String>,
    form: Option<ChecksumForm>,
) -> Result<ExpectedProof> {
    let UpdateAnswer::Offer {
        version,
        url,
        checksum,
        session_key,
        ..
    } = answer
    else {
        return Err(invalid_input("answer", "expected an offer"));
    };
    let form = form.unwrap_or(ChecksumForm::V3);
    let keys = public_key.as_deref().map(VerifyingKeys::from_pem).transpose()?;
    let offer = wire::UpdateOffer::new(version, url)
        .with_checksum(checksum.clone())
        .with_session_key(session_key.clone());
    Ok(match (offer.expected_proof(keys.as_ref(), form.into())?, public_key) {
        (ExpectedBy::Digest(digest), _) => ExpectedProof::Digest {
            digest: digest.to_string(),
        },
        // Both were parsed.
        (_, public_key) => ExpectedProof::CapgoEncrypted {
            iv_session_key: session_key.unwrap_or_default(),
            checksum: checksum.unwrap_or_default(),
            form,
            public_key: public_key.unwrap_or_default(),
        },
    })
}

/// Asks an update server at `url` once, and changes nothing. `BlockingUpdater` does this by itself.
///
/// Blocks, with up to three attempts, for at most a minute and a half: call it on a background thread.
///
/// Throws `Network` if the server cannot be reached, `Server` for a response outside the protocol,
/// `NotTrusted` for plain HTTP to another machine; `InvalidInput`, `Callback`, `Cancelled`.
#[uniffi::export(default(cancel = None))]
pub fn ask_for_update(
    transport: Arc<dyn HttpTransport>,
    url: &str,
    request: UpdateRequest,
    cancel: Option<Arc<CancelToken>>,
) -> Result<UpdateAnswer> {
    with_control(cancel, None, |control| {
        let (url, request) = (url.parse()?, request.into_core()?);
        with_transport(transport, |host| Ok(core::ask(host, &url, &request, control)?.into()))
    })
}
