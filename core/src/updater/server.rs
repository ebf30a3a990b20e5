//! An update from a server that speaks Capgo's protocol.

use std::sync::Arc;

use super::facade::Updater;
use super::identity::Identity;
use super::log_entry::LogEvent;
use super::options::ServerSource;
use super::policy::{CheckAnswer, UpdateOutcome};
use super::progress::Downloading;
use crate::error::{Error, ErrorKind, Result};
use crate::expected_proof::ExpectedProof;
use crate::progress::Control;
use crate::store::{BundleId, NewBundle, RemoteArchive, RequiredProof};
use crate::update::protocol::{Notice, StatusKind, UpdateOffer, UpdateResponse};

impl Updater {
    pub(super) fn update_from_server(self: &Arc<Self>, server: &ServerSource, control: &Control) -> UpdateOutcome {
        let asked = self.identity().and_then(|identity| self.ask_server(&identity, control));
        let (status, response) = match asked {
            Ok(Some(answer)) => answer,
            Ok(None) => return UpdateOutcome::UpToDate(None),
            Err(error) if error.kind() == ErrorKind::Cancelled => return UpdateOutcome::Cancelled,
            Err(error) => {
                let entry = self.log.entry(LogEvent::Check).with_reason("unreachable");
                self.log
                    .write(&entry.with_url(server.url.without_query()).with_error(&error));
                return UpdateOutcome::Unreachable { error };
            }
        };
        self.log_answer(&response);
        match response {
            UpdateResponse::Offer(offer) => self.take_offer(server, &offer, control),
            UpdateResponse::BuiltIn(notice) => self.built_in_answer(status, notice.as_ref()),
            UpdateResponse::UpToDate(notice) => UpdateOutcome::UpToDate(Some(CheckAnswer::from((status, &notice)))),
            UpdateResponse::Blocked(notice) => UpdateOutcome::Blocked(CheckAnswer::from((status, &notice))),
            UpdateResponse::Failed(notice) => UpdateOutcome::Refused(CheckAnswer::from((status, &notice))),
            UpdateResponse::Limited { notice, retry_after } => UpdateOutcome::Limited {
                answer: limited(status, notice.as_ref()),
                wait: retry_after,
            },
            // Many self-hosted servers say nothing when there is nothing new.
            UpdateResponse::Nothing { .. } => UpdateOutcome::UpToDate(None),
        }
    }

    /// The answer of the server with its HTTP status; `None` if the app turned updates off by removing its address.
    pub(super) fn ask_server(&self, identity: &Identity, control: &Control) -> Result<Option<(u16, UpdateResponse)>> {
        let Some(url) = &identity.update_url else {
            return Ok(None);
        };
        let request = self.device_request(identity)?;
        self.client(control).ask_with_status(url, &request).map(Some)
    }

    /// A server that answers `builtin` switches no check off, but it can withhold updates.
    fn built_in_answer(&self, status: u16, notice: Option<&Notice>) -> UpdateOutcome {
        if self.store.required_proof() != RequiredProof::Release {
            return UpdateOutcome::BuiltIn;
        }
        let code = notice.map_or("builtin", |notice| notice.error.as_str());
        let message = "this app returns to the built-in bundle only by a signed release";
        UpdateOutcome::Blocked(CheckAnswer::new(code, message).with_status(status))
    }

    fn take_offer(self: &Arc<Self>, server: &ServerSource, offer: &UpdateOffer, control: &Control) -> UpdateOutcome {
        if offer.version == self.served_version() {
            return UpdateOutcome::UpToDate(None);
        }
        match self.install_offer(server, offer, control) {
            Ok(id) => UpdateOutcome::Ready(id),
            Err(error) if error.kind() == ErrorKind::Cancelled => UpdateOutcome::Cancelled,
            Err(error) => {
                let entry = self.log.entry(LogEvent::DownloadFailed).with_version(&offer.version);
                self.log.write(&entry.with_error(&error));
                UpdateOutcome::Failed {
                    version: offer.version.clone(),
                    is_final: !may_pass(&error),
                    error,
                }
            }
        }
    }

    fn install_offer(
        self: &Arc<Self>,
        server: &ServerSource,
        offer: &UpdateOffer,
        control: &Control,
    ) -> Result<BundleId> {
        let proof = proof_of(server, offer)?;
        let bundle = NewBundle::new(offer.version.clone())
            .with_link(offer.link.clone())
            .with_comment(offer.comment.clone());
        let archive = RemoteArchive::new(offer.url.parse()?, proof, bundle);
        self.install_remote(archive, control)
    }

    /// Downloads and installs an archive, with events and reports.
    pub(super) fn install_remote(self: &Arc<Self>, archive: RemoteArchive, control: &Control) -> Result<BundleId> {
        let downloading = Downloading::new(self)?;
        downloading.expect(&archive.bundle.version);
        let bundle = archive.bundle.clone().with_id(downloading.id());
        let archive = RemoteArchive { bundle, ..archive };
        let observed = downloading.observe(control);
        let record = self
            .store
            .install_from(&*self.transport, &archive, &self.options.download, &observed)?;
        downloading.end(&record);
        Ok(record.id)
    }

    fn log_answer(&self, response: &UpdateResponse) {
        let entry = self.log.entry(LogEvent::Check);
        let (reason, notice) = match response {
            UpdateResponse::Offer(_) => ("offer", None),
            UpdateResponse::BuiltIn(notice) => ("builtin", notice.as_ref()),
            UpdateResponse::UpToDate(notice) => (StatusKind::UpToDate.as_str(), Some(notice)),
            UpdateResponse::Blocked(notice) => (StatusKind::Blocked.as_str(), Some(notice)),
            UpdateResponse::Failed(notice) => (StatusKind::Failed.as_str(), Some(notice)),
            UpdateResponse::Limited { notice, .. } => ("limited", notice.as_ref()),
            UpdateResponse::Nothing { .. } => ("nothing", None),
        };
        let entry = match (response, notice) {
            (UpdateResponse::Offer(offer), _) => entry.with_version(&offer.version),
            (_, Some(notice)) => entry.with_code(notice.error.as_str()).with_text(&notice.message),
            _ => entry,
        };
        self.log.write(&entry.with_reason(reason));
    }
}

/// How the archive is verified. Local configuration alone decides.
pub(super) fn proof_of(server: &ServerSource, offer: &UpdateOffer) -> Result<ExpectedProof> {
    match &server.keys {
        Some(keys) if server.allow_unencrypted => offer.expected_proof_allowing_unencrypted(keys, server.form),
        Some(keys) => offer.expected_proof(Some(keys), server.form),
        None if server.allow_unverified_https => offer.expected_proof_allowing_unverified_https(),
        None => offer.expected_proof(None, server.form),
    }
}

/// Whether another attempt at the same offer may succeed.
pub(super) fn may_pass(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Network | ErrorKind::Server | ErrorKind::Busy | ErrorKind::NoSpace | ErrorKind::Io
    )
}

fn limited(status: u16, notice: Option<&Notice>) -> CheckAnswer {
    match notice {
        Some(notice) => CheckAnswer::from((status, notice)),
        None => CheckAnswer::new("rate_limit_reached", "the server asked to send fewer requests").with_status(status),
    }
}
