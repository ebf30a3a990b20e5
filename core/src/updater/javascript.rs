//! Calls of JavaScript, carried out in the words of Capgo's plugin.

use std::sync::Arc;

use serde_json::Value;

use super::bundle_info::BundleInfo;
use super::call::{Call, CallError, DownloadCall, LatestCall};
use super::facade::Updater;
use super::options::Source;
use super::page_handle::{Page, Ready};
use super::policy::{Reply, Request};
use super::server::proof_of;
use crate::error::{Error, ErrorKind};
use crate::json::{JsonObject, compact};
use crate::progress::Control;
use crate::store::{BundleRef, NewBundle, RemoteArchive};
use crate::time::UtcOffset;
use crate::update::protocol::{Notice, StatusKind, UpdateOffer, UpdateResponse};

/// What the promise of a refused call is rejected with.
#[derive(Debug)]
#[non_exhaustive]
pub struct CallRejection {
    /// The message: the plugin's own where it has one for this case.
    pub message: String,
    /// The code: the plugin's own, else the kind of the error.
    pub code: String,
    /// The code of the server that refused a call about channels: `error` in the rejection's data.
    pub server_code: Option<String>,
}

impl CallRejection {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: code.to_owned(),
            server_code: None,
        }
    }
}

impl From<Error> for CallRejection {
    fn from(error: Error) -> Self {
        Self::new(error.kind().as_str(), error.to_string())
    }
}

impl From<CallError> for CallRejection {
    fn from(error: CallError) -> Self {
        let code = error.code().unwrap_or(ErrorKind::InvalidInput.as_str());
        Self::new(code, error.rejection())
    }
}

/// A call as the bridge of a plugin receives it.
#[derive(Debug, Clone, Copy)]
pub struct BridgeCall<'a> {
    /// The name of the method.
    pub method: &'a str,
    /// Its arguments, a JSON object.
    pub arguments: &'a str,
    /// The offset of the device's local time, for dates without one.
    pub local: UtcOffset,
}

impl Updater {
    /// Carries out a call of JavaScript, and returns the JSON that its promise resolves to. `page` is the page that calls.
    ///
    /// Blocks for as long as the call takes: `download` downloads, calls about channels and `getLatest` ask a server. Run
    /// it on a background thread; `control` cancels it.
    ///
    /// # Errors
    /// What the promise is rejected with.
    pub fn call_bridge(
        self: &Arc<Self>,
        call: BridgeCall<'_>,
        page: Option<&Page>,
        control: &Control,
    ) -> Result<String, CallRejection> {
        let parsed = Call::parse(call.method, call.arguments, call.local)?;
        self.call(parsed, page, control).map(|value| compact(&value))
    }

    /// As [`call_bridge`](Self::call_bridge), for a call that is parsed.
    ///
    /// # Errors
    /// As [`call_bridge`](Self::call_bridge).
    pub fn call(self: &Arc<Self>, call: Call, page: Option<&Page>, control: &Control) -> Result<Value, CallRejection> {
        match call {
            Call::NotifyAppReady => self.notify_app_ready(page),
            Call::Next(bundle) => {
                self.request(Request::Next(bundle.clone()))?;
                Ok(self.info(&bundle)?.to_json())
            }
            Call::Set(bundle) => self.requested(Request::Set(bundle)),
            Call::Reset {
                to_last_successful,
                use_pending_bundle,
            } => self.reset(to_last_successful, use_pending_bundle),
            Call::Reload => self.requested(Request::Reload),
            Call::SetPreview(bundle) => self.requested(Request::StartPreview(bundle)),
            Call::ResetPreview => self.requested(Request::LeavePreview),
            Call::SetMultiDelay(conditions) => self.requested(Request::SetDelays(conditions)),
            Call::CancelDelay => self.requested(Request::SetDelays(Vec::new())),
            Call::SetBundleError(bundle) => self.set_bundle_error(bundle),
            Call::TriggerUpdateCheck => self.trigger_update_check(),
            Call::Delete(bundle) => self.delete(&bundle),
            Call::Download(download) => self.download(&download, control),
            Call::SetChannel {
                channel,
                trigger_auto_update,
            } => self.set_channel(&channel, trigger_auto_update, control),
            Call::UnsetChannel { trigger_auto_update } => self.unset_channel(trigger_auto_update),
            Call::GetChannel => self.channel(control),
            Call::ListChannels => self.list_channels(control),
            Call::SetCustomId { .. }
            | Call::SetUpdateUrl { .. }
            | Call::SetStatsUrl { .. }
            | Call::SetChannelUrl { .. }
            | Call::SetAppId(_) => self.change_setting(call),
            Call::GetLatest(latest) => self.latest(&latest, control),
            query => self.answer(&query),
        }
    }

    fn requested(&self, request: Request) -> Result<Value, CallRejection> {
        self.request(request)?;
        Ok(JsonObject::new().done())
    }

    fn notify_app_ready(&self, page: Option<&Page>) -> Result<Value, CallRejection> {
        let Some(page) = page else {
            return Err(CallRejection::new(
                "no_page",
                "no page has started: call pageStarted first",
            ));
        };
        match page.ready() {
            Ready::Confirmed(bundle) => Ok(bundle_answer(&self.info(&bundle)?)),
            // Its answer reaches a page that is about to go.
            Ready::Replaced => Ok(bundle_answer(&self.served_info())),
            Ready::NotYetRecorded => Err(CallRejection::new(
                ErrorKind::Busy.as_str(),
                "the store cannot record it now; it is tried again",
            )),
        }
    }

    fn reset(&self, to_last_proven: bool, use_pending: bool) -> Result<Value, CallRejection> {
        match self.store.next()?.filter(|_| use_pending) {
            Some(next) => self.requested(Request::Set(next)),
            None => self.requested(Request::Reset { to_last_proven }),
        }
    }

    fn set_bundle_error(&self, bundle: BundleRef) -> Result<Value, CallRejection> {
        let BundleRef::Bundle(id) = bundle else {
            return Err(CallRejection::new(
                "invalid_input",
                "Cannot set builtin bundle to error state",
            ));
        };
        self.request(Request::MarkFailed(id.clone()))?;
        let failed = self.store.failed()?.into_iter().find(|failed| failed.id == id);
        Ok(match failed {
            Some(failed) => bundle_answer(&BundleInfo::failed(&failed)),
            None => JsonObject::new().value("bundle", Value::Null).done(),
        })
    }

    fn trigger_update_check(&self) -> Result<Value, CallRejection> {
        let Reply::Check(reply) = self.request(Request::CheckNow)? else {
            return Err(CallRejection::new("internal", "the check has no reply"));
        };
        let status = reply.as_str();
        Ok(JsonObject::new()
            .text("status", status)
            .flag("queued", status == "queued")
            .done())
    }

    fn delete(&self, bundle: &BundleRef) -> Result<Value, CallRejection> {
        let BundleRef::Bundle(id) = bundle else {
            return Err(CallRejection::new(
                "invalid_input",
                "the built-in bundle cannot be deleted",
            ));
        };
        let version = self.version_of(bundle).unwrap_or_default();
        self.store.delete(id)?;
        self.push_report(super::ReportAction::Delete, &version);
        Ok(JsonObject::new().done())
    }

    fn download(self: &Arc<Self>, call: &DownloadCall, control: &Control) -> Result<Value, CallRejection> {
        let Source::Server(server) = &self.options.source else {
            let what = "download".to_owned();
            let problem = "this app takes bundles from its channel of signed releases only".to_owned();
            return Err(Error::Unsupported { what, problem }.into());
        };
        if call.manifest.is_some() {
            return Err(single_files("download with a manifest"));
        }
        let offer = UpdateOffer {
            version: call.version.clone(),
            url: call.url.clone(),
            checksum: call.checksum.clone(),
            session_key: call.session_key.clone(),
            manifest: Vec::new(),
            link: None,
            comment: None,
        };
        let proof = proof_of(server, &offer)?;
        let archive = RemoteArchive::new(call.url.parse()?, proof, NewBundle::new(call.version.clone()));
        let installed = self.install_remote(archive, control);
        self.wants_reports();
        Ok(self.info(&BundleRef::Bundle(installed?))?.to_json())
    }

    fn latest(&self, call: &LatestCall, control: &Control) -> Result<Value, CallRejection> {
        if call.app_id.is_some() {
            return Err(CallRejection::new(
                "not_allowed",
                "getLatest preview override not allowed",
            ));
        }
        let mut identity = self.identity()?;
        if let Some(channel) = &call.channel {
            identity.channel = Some(channel.clone());
        }
        let Some((_, response)) = self.ask_server(&identity, control)? else {
            return Err(CallRejection::new("unavailable", "this app asks no update server"));
        };
        match response {
            UpdateResponse::Offer(offer) => Ok(offer_answer(&offer)),
            UpdateResponse::BuiltIn(None) => Ok(version_answer(BundleRef::BUILT_IN)),
            UpdateResponse::Nothing { message } => Ok(notice_answer(
                StatusKind::UpToDate,
                "no_new_version_available",
                &message.unwrap_or_default(),
                &self.served_info().version,
            )),
            UpdateResponse::BuiltIn(Some(notice))
            | UpdateResponse::UpToDate(notice)
            | UpdateResponse::Blocked(notice) => Ok(self.latest_notice(&notice)),
            UpdateResponse::Failed(notice)
            | UpdateResponse::Limited {
                notice: Some(notice), ..
            } => Err(CallRejection::new(notice.error.as_str(), notice.error.as_str())),
            UpdateResponse::Limited { .. } => Err(CallRejection::new("rate_limit_reached", "too many requests")),
        }
    }

    fn latest_notice(&self, notice: &Notice) -> Value {
        let version = notice.version.clone().unwrap_or_else(|| self.served_info().version);
        notice_answer(notice.kind(), notice.error.as_str(), &notice.message, &version)
    }

    /// A query of the device itself.
    fn answer(&self, query: &Call) -> Result<Value, CallRejection> {
        Ok(match query {
            Call::Current => JsonObject::new()
                .value("bundle", self.served_info().to_json())
                .text("native", &self.built_in_info().version)
                .done(),
            Call::List { raw } => self.list(*raw)?,
            Call::GetNextBundle => match self.store.next()? {
                Some(next) => self.info(&next)?.to_json(),
                None => Value::Null,
            },
            Call::GetFailedUpdate => match self.store.take_failure()? {
                Some(failed) => bundle_answer(&BundleInfo::failed(&failed)),
                None => Value::Null,
            },
            Call::GetDeviceId => JsonObject::new().text("deviceId", &self.store.device_id()?).done(),
            Call::GetPluginVersion => version_answer(&self.options.device.plugin_version),
            Call::GetBuiltinVersion => version_answer(&self.built_in_info().version),
            Call::GetAppId => JsonObject::new().text("appId", &self.identity()?.app_id).done(),
            Call::IsAutoUpdateEnabled => JsonObject::new().flag("enabled", self.is_enabled()?).done(),
            Call::IsAutoUpdateAvailable => JsonObject::new().flag("available", true).done(),
            Call::GetBundleDownloadSize { .. } => return Err(single_files("getBundleDownloadSize")),
            Call::GetMissingBundleFiles { .. } => return Err(single_files("getMissingBundleFiles")),
            // `call` carries out every other one.
            _ => return Err(CallRejection::new("internal", "not a query")),
        })
    }

    fn list(&self, raw: bool) -> Result<Value, CallRejection> {
        let installed = self.store.list()?;
        let mut bundles: Vec<_> = installed
            .iter()
            .map(|(record, status)| BundleInfo::installed(record, *status).to_json())
            .collect();
        if raw {
            bundles.extend(
                self.store
                    .failed()?
                    .iter()
                    .map(|failed| BundleInfo::failed(failed).to_json()),
            );
        }
        Ok(JsonObject::new().value("bundles", Value::Array(bundles)).done())
    }

    fn is_enabled(&self) -> Result<bool, CallRejection> {
        let has_source = match self.options.source {
            Source::Server(_) => self.identity()?.update_url.is_some(),
            Source::Channel(_) => true,
        };
        Ok(has_source && self.options.policy.mode.checks_automatically())
    }

    pub(super) fn info(&self, bundle: &BundleRef) -> Result<BundleInfo, Error> {
        let gone = || match bundle.bundle() {
            Some(id) => Error::UnknownBundle { id: id.to_string() },
            None => Error::UnknownBundle {
                id: BundleRef::BUILT_IN.to_owned(),
            },
        };
        self.bundle_info(bundle).ok_or_else(gone)
    }
}

fn bundle_answer(bundle: &BundleInfo) -> Value {
    JsonObject::new().value("bundle", bundle.to_json()).done()
}

fn version_answer(version: &str) -> Value {
    JsonObject::new().text("version", version).done()
}

fn notice_answer(kind: StatusKind, code: &str, message: &str, version: &str) -> Value {
    JsonObject::new()
        .text("kind", kind.as_str())
        .text("error", code)
        .text("message", message)
        .text("version", version)
        .done()
}

fn offer_answer(offer: &UpdateOffer) -> Value {
    let files = offer.manifest.iter().map(|file| {
        JsonObject::new()
            .text_or_null("file_name", file.file_name.as_deref())
            .text_or_null("file_hash", file.file_hash.as_deref())
            .text_or_null("download_url", file.download_url.as_deref())
            .done()
    });
    JsonObject::new()
        .text("version", &offer.version)
        .text("url", &offer.url)
        .text("checksum", offer.checksum.as_deref().unwrap_or_default())
        .text("sessionKey", offer.session_key.as_deref().unwrap_or_default())
        .value("manifest", Value::Array(files.collect()))
        .text_or_null("link", offer.link.as_deref())
        .text_or_null("comment", offer.comment.as_deref())
        .done()
}

fn single_files(what: &str) -> CallRejection {
    let what = what.to_owned();
    let problem = "single files are not supported: pass the URL of an archive".to_owned();
    Error::Unsupported { what, problem }.into()
}

// These tests pack the bundles that they install.
#[cfg(all(test, feature = "pack"))]
mod tests;
