//! Conditions under which the next bundle is applied, as in Capgo's `setMultiDelay`.
//!
//! All must hold; a condition that held once stays met. Capgo's Android plugin drops a background condition at the
//! first return to the foreground; this one waits for the full time.

mod capgo;

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::native::NativeVersion;
use crate::store::storage::json::{FromJson, Object};
use crate::time::Timestamp;

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "value", rename_all = "camelCase")]
#[non_exhaustive]
pub enum ApplyCondition {
    /// The app was in the background for this many milliseconds without a break.
    Background(u64),
    /// The process ended and the app was started again.
    Kill,
    /// The native app has this version or a later one.
    NativeVersion(NativeVersion),
    /// The device's clock has reached this time.
    Date(Timestamp),
}

/// The conditions that are not met yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(in crate::store) struct ApplyConditions {
    waiting: Vec<ApplyCondition>,
    /// When the app went to the background, while it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    background_since: Option<Timestamp>,
}

impl ApplyConditions {
    pub(in crate::store) fn set(&mut self, delays: Vec<ApplyCondition>) {
        self.waiting = delays;
    }

    pub(in crate::store) fn waiting(&self) -> &[ApplyCondition] {
        &self.waiting
    }

    /// Whether a return to the foreground changes nothing.
    pub(in crate::store) fn are_idle(&self) -> bool {
        self.waiting.is_empty() && self.background_since.is_none()
    }

    pub(in crate::store) fn are_met(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The app was started again.
    pub(in crate::store) fn launched(&mut self, native: &NativeVersion, now: Timestamp) {
        self.satisfy_background(now);
        self.waiting.retain(|delay| *delay != ApplyCondition::Kill);
        self.satisfy_conditions(native, now);
    }

    pub(in crate::store) fn entered_background(&mut self, now: Timestamp) {
        self.background_since = Some(now);
    }

    pub(in crate::store) fn entered_foreground(&mut self, native: &NativeVersion, now: Timestamp) {
        self.satisfy_background(now);
        self.satisfy_conditions(native, now);
    }

    fn satisfy_background(&mut self, now: Timestamp) {
        let Some(since) = self.background_since.take() else {
            return;
        };
        let away = now.since(since);
        self.waiting
            .retain(|delay| !matches!(delay, ApplyCondition::Background(wait) if away >= Duration::from_millis(*wait)));
    }

    pub(in crate::store) fn satisfy_conditions(&mut self, native: &NativeVersion, now: Timestamp) {
        self.waiting.retain(|delay| match delay {
            ApplyCondition::NativeVersion(minimum) => !native.at_least(minimum),
            ApplyCondition::Date(date) => now < *date,
            ApplyCondition::Background(_) | ApplyCondition::Kill => true,
        });
    }
}

impl FromJson for ApplyCondition {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(match object.get::<String>("kind")?.as_str() {
            "background" => Self::Background(object.get("value")?),
            "kill" => Self::Kill,
            "nativeVersion" => Self::NativeVersion(object.get("value")?),
            "date" => Self::Date(object.get("value")?),
            other => return Err(format!("unknown condition \"{other}\"")),
        })
    }
}

impl FromJson for ApplyConditions {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            waiting: object.get("waiting")?,
            background_since: object.get_or_default("background_since")?,
        })
    }
}

#[cfg(test)]
mod tests;
