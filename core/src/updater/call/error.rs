//! Calls that cannot be parsed.

use crate::error::Error;
use crate::path::printable;

/// Methods of Capgo's plugin that belong to the native app or to a container app, not to an updater.
const OF_THE_HOST: &[&str] = &[
    "checkPreviewUpdate",
    "completeFlexibleUpdate",
    "deletePreview",
    "getAppUpdateInfo",
    "isShakeChannelSelectorEnabled",
    "isShakeMenuEnabled",
    "listPreviews",
    "openAppStore",
    "performImmediateUpdate",
    "reportWebViewError",
    "setShakeChannelSelector",
    "setShakeMenu",
    "startFlexibleUpdate",
    "startPreviewSession",
    "updatePreview",
];

/// Why a call was refused.
///
/// The text says what was expected and found. [`rejection`](Self::rejection) and [`code`](Self::code) are for the
/// promise in JavaScript, where apps may compare them with those of Capgo's plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{method}: {problem}")]
pub struct CallError {
    method: String,
    problem: String,
    is_unsupported: bool,
    rejection: Option<String>,
    code: Option<&'static str>,
}

impl CallError {
    /// The method that was called.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The message for the promise: the plugin's own if it rejects this call, otherwise the text of this error.
    ///
    /// For a missing argument it is `setChannel called without channel`, in which the plugin begins the names `Next`,
    /// `Set`, `Delete` and `Download` with a capital. For `delete` its Android form is another one.
    #[must_use]
    pub fn rejection(&self) -> String {
        self.rejection.clone().unwrap_or_else(|| self.to_string())
    }

    /// The code for the promise: `SETCHANNEL_INVALID_PARAMS` for `setChannel` without a channel, Capacitor's
    /// `UNIMPLEMENTED` for a method that does not exist. The plugin gives other refused calls no code.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        self.code
    }

    /// The method does not exist, or is not one of an updater.
    pub(super) fn unknown(method: &str) -> Self {
        let problem = if OF_THE_HOST.contains(&method) {
            "not a method of the updater: implement it in the native plugin"
        } else {
            "unknown method: Capgo's plugin 8.51.23 has none of this name"
        };
        Self {
            is_unsupported: true,
            code: Some("UNIMPLEMENTED"),
            ..Self::new(&printable_name(method), problem.to_owned())
        }
    }

    /// A required argument is absent or has another type, for which the plugin has a message.
    pub(super) fn required(method: &str, argument: &str, problem: String) -> Self {
        let subject = match method {
            "next" => "Next",
            "set" => "Set",
            "delete" => "Delete",
            "download" => "Download",
            method => method,
        };
        // The plugin names this argument in the singular.
        let named = if method == "setMultiDelay" {
            "delayCondition"
        } else {
            argument
        };
        Self {
            rejection: Some(format!("{subject} called without {named}")),
            code: (method == "setChannel").then_some("SETCHANNEL_INVALID_PARAMS"),
            ..Self::new(method, problem)
        }
    }

    pub(super) fn new(method: &str, problem: String) -> Self {
        Self {
            method: method.to_owned(),
            problem,
            is_unsupported: false,
            rejection: None,
            code: None,
        }
    }
}

/// The name as it is if it can be one, otherwise escaped.
fn printable_name(method: &str) -> String {
    let is_name = (1..=64).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_name {
        method.to_owned()
    } else {
        printable(method.as_bytes())
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        if error.is_unsupported {
            return Self::Unsupported {
                what: error.method,
                problem: error.problem,
            };
        }
        Self::invalid_input(error.method, error.problem)
    }
}
