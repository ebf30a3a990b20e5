//! The steps that update from static channels.

use std::fs;
use std::sync::Arc;

use capbundle::http::Http;
use capbundle::keys::ContentKey;
use capbundle::native::NativeVersion;
use capbundle::progress::Control;
use capbundle::store::RolloutDecision;
use capbundle::store::{BundleRecord, ChannelOutcome, ChannelSource, ChannelUpdate, ReleaseOptions, Skipped};
use capbundle::update::channel::Site;
use capbundle::{Error, Result};
use serde_json::{Value, json};

use super::{Device, options, text};

impl Device<'_> {
    pub(super) fn update_from_channel(&mut self, step: &Value) -> Result<Value> {
        let (name, words) = text(step, "from").split_once('?').unwrap_or((text(step, "from"), ""));
        let root = self.path(text(step, "site"));
        let site = self.server.url(&format!("{name}?root={}&{words}", root.display()));
        let mut source = ChannelSource::new(Site::new(site.parse()?), self.release_options(step)?);
        source.device_id = step["device_id"].as_str().map(str::to_owned);
        let store = self.store.as_ref().unwrap();
        let update = store.update_from_channel(&Http::new(), &source, &options(step), &Control::new())?;
        if let (Some(name), Some(record)) = (step["as"].as_str(), record(&update.outcome)) {
            self.bundles.insert(record.id.to_string(), name.to_owned());
        }
        Ok(self.described_update(&update))
    }

    pub(super) fn release_options(&self, step: &Value) -> Result<ReleaseOptions> {
        let ring = fs::read(self.path("ring.json")).unwrap();
        let (app, channel) = ("com.example.app".parse()?, "production".parse()?);
        let mut options = ReleaseOptions::new(app, channel, ring, NativeVersion::new("1.0.0"));
        for file in step["content_keys"].as_array().into_iter().flatten() {
            let key = ContentKey::read(&self.path(file.as_str().unwrap()))?;
            options.content_keys.push(Arc::new(key));
        }
        Ok(options)
    }

    fn described_update(&self, update: &ChannelUpdate) -> Value {
        let record = record(&update.outcome);
        let built_in = match &update.outcome {
            ChannelOutcome::BuiltInNext { version, sequence }
            | ChannelOutcome::BuiltInUpToDate { version, sequence } => Some((version, *sequence)),
            _ => None,
        };
        let (offered, known) = match update.outcome {
            ChannelOutcome::Older { offered, known } => (Some(offered), Some(known)),
            _ => (None, None),
        };
        json!({
            "outcome": update.outcome.as_str(),
            "bundle": record.map(|record| self.name(record)),
            "version": record.map(|record| &record.version).or(built_in.map(|(version, _)| version)),
            "sequence": record.and_then(|record| record.sequence).or(built_in.map(|(_, sequence)| sequence)),
            "offered": offered,
            "known": known,
            "rollout": update.rollout.as_ref().map(described_rollout),
            "passed_over": update.passed_over.iter().map(described_skip).collect::<Value>(),
            "key_ring": update.ring,
            "key_ring_problem": update.ring_problem.is_some(),
        })
    }
}

fn record(outcome: &ChannelOutcome) -> Option<&BundleRecord> {
    match outcome {
        ChannelOutcome::Installed(record) | ChannelOutcome::UpToDate(record) => Some(record),
        _ => None,
    }
}

fn described_rollout(rollout: &RolloutDecision) -> Value {
    json!({
        "sequence": rollout.sequence, "rollout_bps": rollout.rollout_bps, "bucket": rollout.bucket,
        "is_inside": rollout.is_inside(),
    })
}

fn described_skip(passed: &Skipped) -> Value {
    let reason = match &passed.error {
        Error::ReleaseRefused { reason, .. } => Some(reason.as_str()),
        _ => None,
    };
    json!({
        "offer": passed.offer.as_str(), "sequence": passed.sequence, "error": passed.error.kind().as_str(),
        "reason": reason,
    })
}
