//! An update from a static channel of signed releases.

use std::sync::Arc;

use super::facade::Updater;
use super::log_entry::LogEvent;
use super::options::StaticSource;
use super::plugin_event::PluginEvent;
use super::policy::{CheckAnswer, UpdateOutcome};
use super::progress::Downloading;
use super::server::may_pass;
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Control;
use crate::release::Release;
use crate::store::{BundleRef, ChannelOutcome, ChannelSource, ChannelUpdate, WatchedUpdate};

impl Updater {
    pub(super) fn update_from_channel(self: &Arc<Self>, source: &StaticSource, control: &Control) -> UpdateOutcome {
        if let Err(error) = self.note_refused_channel(source) {
            self.log_problem("settings", &error);
        }
        let updated = self
            .chosen_channel(source)
            .and_then(|channel| self.follow(&channel, control));
        match updated {
            Ok(update) => self.channel_outcome(update),
            Err(error) if error.kind() == ErrorKind::Cancelled => UpdateOutcome::Cancelled,
            Err(error) => {
                let entry = self.log.entry(LogEvent::Check).with_reason("unreachable");
                self.log.write(&entry.with_error(&error));
                if may_pass(&error) {
                    return UpdateOutcome::Unreachable { error };
                }
                UpdateOutcome::Refused(CheckAnswer::new(error.kind().as_str(), error.to_string()))
            }
        }
    }

    /// The channel that the app chose, if it is allowed (still), else the default.
    pub(super) fn chosen_channel(&self, source: &StaticSource) -> Result<ChannelSource> {
        let chosen = self.identity()?.channel;
        let mut channel = source.channel.clone();
        if let Some(chosen) = chosen.and_then(|chosen| source.channels().find(|name| name.as_str() == chosen)) {
            channel.release.channel = chosen.clone();
        }
        channel.sets_next = self.options.policy.mode.sets_next();
        Ok(channel)
    }

    /// Tells once that the channel of this device is not one that the app allows: a later version of the app can allow
    /// others than the one in which it was chosen.
    fn note_refused_channel(&self, source: &StaticSource) -> Result<()> {
        let is_refused = |chosen: &String| !source.channels().any(|name| name.as_str() == chosen.as_str());
        let refused = self.identity()?.channel.filter(is_refused);
        if self.settings.load()?.refused_channel == refused {
            return Ok(());
        }
        if let Some(channel) = &refused {
            let default = source.channel.release.channel.as_str();
            let message = format!("this app does not allow the channel any more; it follows {default}");
            let entry = self.log.entry(LogEvent::ChannelRefused).with_channel(channel);
            self.log.write(&entry.with_text(&message));
            self.emit(PluginEvent::ChannelPrivate {
                channel: channel.clone(),
                message,
            });
        }
        // Last: a crash before this line repeats it, which is better than silence.
        self.settings.change(|settings| settings.refused_channel = refused)?;
        Ok(())
    }

    fn follow(self: &Arc<Self>, channel: &ChannelSource, control: &Control) -> Result<ChannelUpdate> {
        let downloading = Downloading::new(self)?;
        let observed = downloading.observe(control);
        let begins = |release: &Release| {
            downloading.expect(&release.version);
            Ok(downloading.id())
        };
        let watched = WatchedUpdate {
            transport: &*self.transport,
            options: &self.options.download,
            control: &observed,
            begins: &begins,
        };
        let updated = self.store.update_from_channel_watched(channel, &watched);
        if let Ok(update) = &updated
            && let ChannelOutcome::Installed(record) = &update.outcome
        {
            downloading.end(record);
        }
        updated
    }

    fn channel_outcome(&self, update: ChannelUpdate) -> UpdateOutcome {
        for skipped in &update.passed_over {
            let entry = self
                .log
                .entry(LogEvent::Check)
                .with_reason("refused")
                .with_error(&skipped.error);
            self.log.write(&entry.with_count(skipped.sequence));
        }
        let entry = self.log.entry(LogEvent::Check).with_reason(update.outcome.as_str());
        let entry = match &update.outcome {
            ChannelOutcome::Installed(record) | ChannelOutcome::UpToDate(record) => {
                entry.with_bundle(record.id.clone()).with_version(&record.version)
            }
            _ => entry,
        };
        self.log.write(&entry);
        match update.outcome {
            ChannelOutcome::UpToDate(record) if self.is_next(&BundleRef::Bundle(record.id.clone())) => {
                UpdateOutcome::NextAlready(BundleRef::Bundle(record.id))
            }
            ChannelOutcome::BuiltInUpToDate { .. } if self.is_next(&BundleRef::BuiltIn) => {
                UpdateOutcome::NextAlready(BundleRef::BuiltIn)
            }
            // Installed is not served yet: the policy decides, also about one that came with an earlier check.
            ChannelOutcome::Installed(record) | ChannelOutcome::UpToDate(record) => UpdateOutcome::Ready(record.id),
            ChannelOutcome::BuiltInNext { .. }
            | ChannelOutcome::BuiltInOffered { .. }
            | ChannelOutcome::BuiltInUpToDate { .. } => UpdateOutcome::BuiltIn,
            ChannelOutcome::NothingOffered | ChannelOutcome::Older { .. } => UpdateOutcome::UpToDate(None),
            ChannelOutcome::OutsideRollout => UpdateOutcome::Blocked(CheckAnswer::new(
                "outside_rollout",
                "the rollout of the release does not include this device yet",
            )),
            ChannelOutcome::Refused => {
                UpdateOutcome::Refused(refusal(update.passed_over.first().map(|skipped| &skipped.error)))
            }
        }
    }

    fn is_next(&self, bundle: &BundleRef) -> bool {
        // If the store cannot say, it is announced again.
        self.store.next().is_ok_and(|next| next.as_ref() == Some(bundle))
    }
}

fn refusal(error: Option<&Error>) -> CheckAnswer {
    let code = error.map_or("refused", |error| error.kind().as_str());
    let message = error.map_or_else(
        || "no release of the channel can be accepted".to_owned(),
        ToString::to_string,
    );
    CheckAnswer::new(code, message)
}
