//! Calls of JavaScript.

use std::sync::Arc;

use capbundle_core::time::UtcOffset;
use capbundle_core::updater as core;

use super::BlockingUpdater;
use crate::error::Result;
use crate::progress::{CancelToken, with_control};

/// A call of JavaScript, as the bridge of a plugin receives it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BridgeCall {
    /// The name of the method of Capgo's plugin: `notifyAppReady`, `download`, `next`, …
    pub method: String,
    /// Its arguments, a JSON object. An empty text is one without members.
    #[uniffi(default = "")]
    pub arguments: String,
    /// Seconds by which the device's local time is east of UTC, for dates without an offset: 3600 is `+01:00`.
    #[uniffi(default = 0)]
    pub utc_offset_seconds: i32,
}

/// What the promise of a call comes to.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum CallResult {
    /// It resolves.
    Resolved {
        /// To this JSON: an object, or `null`.
        json: String,
    },
    /// It is rejected.
    Rejected {
        /// The message for people: that of Capgo's plugin where it has one for this case.
        reason: String,
        /// The code: that of Capgo's plugin, else the kind of the error, as `invalid_input`.
        code: String,
        /// The code of the server that refused a call about channels: `error` in the rejection's data.
        server_code: Option<String>,
    },
}

#[uniffi::export]
impl BlockingUpdater {
    /// Carries out a call of JavaScript, in the words of Capgo's plugin. The page that started last made it.
    ///
    /// Blocks for as long as the call takes: `download` downloads, calls about channels and `getLatest` ask a server.
    /// Run it on a background thread.
    ///
    /// A refused call is a result and not an exception. Throws only for a bug in this library, and `InvalidInput` for
    /// an offset of a day or more.
    #[uniffi::method(default(cancel = None))]
    pub fn call(&self, call: BridgeCall, cancel: Option<Arc<CancelToken>>) -> Result<CallResult> {
        let result = with_control(cancel, None, |control| {
            let call = core::BridgeCall {
                method: &call.method,
                arguments: &call.arguments,
                local: UtcOffset::from_seconds_east(call.utc_offset_seconds)?,
            };
            Ok(self.updater.call_bridge(call, self.page().as_ref(), control).into())
        })?;
        if let CallResult::Rejected { reason, code, .. } = &result {
            self.store.log().warn(|| format!("{}: {reason} ({code})", call.method));
        }
        Ok(result)
    }
}

impl From<std::result::Result<String, core::CallRejection>> for CallResult {
    fn from(result: std::result::Result<String, core::CallRejection>) -> Self {
        match result {
            Ok(json) => Self::Resolved { json },
            Err(rejection) => Self::Rejected {
                reason: rejection.message,
                code: rejection.code,
                server_code: rejection.server_code,
            },
        }
    }
}
