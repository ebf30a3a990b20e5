//! When updates are looked for and applied.

use std::fmt;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::json::shown;

/// When updates are looked for and applied: `autoUpdate` of Capgo's plugin.
///
/// Capgo's plugin logs a value that it does not know and takes `atBackground` for `autoUpdate` and `false` for
/// `directUpdate`. Here such a value is an error that lists the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum UpdateMode {
    /// Nothing happens automatically.
    Off,
    /// Look for an update whenever the app comes to the foreground, and apply it when the app goes to the background.
    #[default]
    AtBackground,
    /// Apply it at once in the first check after an installation or update of the native app, otherwise as
    /// `AtBackground`.
    AtInstall,
    /// Apply it at once in the first check after the process started, otherwise as `AtBackground`.
    OnLaunch,
    /// Apply it at once.
    Always,
    /// Look for an update, download it, and leave it to the app.
    OnlyDownload,
}

/// What a check for an update follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckSituation {
    /// The first check after the native app was installed or updated. It is also the first one of its process.
    AfterNativeInstall,
    /// The first check after the process started.
    AfterColdStart,
    /// Any other check.
    Later,
}

impl UpdateMode {
    /// Every mode.
    pub const ALL: &[Self] = &[
        Self::Off,
        Self::AtBackground,
        Self::AtInstall,
        Self::OnLaunch,
        Self::Always,
        Self::OnlyDownload,
    ];

    /// The mode of an app's configuration, from its `autoUpdate` and the deprecated `directUpdate`, each as in
    /// `capacitor.config.json`; `None` or `null` if absent.
    ///
    /// | `autoUpdate` | mode |
    /// |---|---|
    /// | absent, `true`, `"true"` | as `directUpdate` says |
    /// | `false`, `"false"`, `"off"` | `Off` |
    /// | the name of a mode | that mode, whatever `directUpdate` is |
    ///
    /// | `directUpdate` | mode |
    /// |---|---|
    /// | absent, `false`, `"false"` | `AtBackground` |
    /// | `true`, `"true"`, `"always"` | `Always` |
    /// | `"atInstall"`, `"onLaunch"` | that mode |
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for any other value, also where the other option takes
    /// precedence. Capgo's plugin takes `""` as `false` for `autoUpdate`; it is an error as well.
    pub fn from_config(auto_update: Option<&Value>, direct_update: Option<&Value>) -> Result<Self> {
        let direct = direct_mode(direct_update.unwrap_or(&Value::Null))?;
        auto_mode(auto_update.unwrap_or(&Value::Null), direct)
    }

    /// The value of `autoUpdate` for this mode.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::AtBackground => "atBackground",
            Self::AtInstall => "atInstall",
            Self::OnLaunch => "onLaunch",
            Self::Always => "always",
            Self::OnlyDownload => "onlyDownload",
        }
    }

    /// Whether updates are looked for without a call: each time the app comes to the foreground, and periodically.
    #[must_use]
    pub fn checks_automatically(self) -> bool {
        self != Self::Off
    }

    /// Whether a downloaded update becomes the next bundle.
    #[must_use]
    pub fn sets_next(self) -> bool {
        !matches!(self, Self::Off | Self::OnlyDownload)
    }

    /// Whether an update that is found in this situation is applied at once, while the user waits.
    #[must_use]
    pub fn applies_directly(self, situation: CheckSituation) -> bool {
        match self {
            Self::Always => true,
            Self::OnLaunch => situation != CheckSituation::Later,
            Self::AtInstall => situation == CheckSituation::AfterNativeInstall,
            Self::Off | Self::AtBackground | Self::OnlyDownload => false,
        }
    }
}

impl fmt::Display for UpdateMode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

fn direct_mode(value: &Value) -> Result<UpdateMode> {
    match value {
        Value::Null | Value::Bool(false) => return Ok(UpdateMode::AtBackground),
        Value::Bool(true) => return Ok(UpdateMode::Always),
        _ => {}
    }
    match value.as_str() {
        Some("false") => Ok(UpdateMode::AtBackground),
        Some("true" | "always") => Ok(UpdateMode::Always),
        Some("atInstall") => Ok(UpdateMode::AtInstall),
        Some("onLaunch") => Ok(UpdateMode::OnLaunch),
        _ => Err(unknown(
            "directUpdate",
            "true, false, \"atInstall\", \"onLaunch\" or \"always\"",
            value,
        )),
    }
}

fn auto_mode(value: &Value, direct: UpdateMode) -> Result<UpdateMode> {
    match value {
        Value::Null | Value::Bool(true) => return Ok(direct),
        Value::Bool(false) => return Ok(UpdateMode::Off),
        _ => {}
    }
    match value.as_str() {
        Some("true") => Ok(direct),
        Some("false") => Ok(UpdateMode::Off),
        text => {
            let mut modes = UpdateMode::ALL.iter().copied();
            modes.find(|mode| text == Some(mode.as_str())).ok_or_else(|| {
                let expected = "true, false, \"off\", \"atBackground\", \"atInstall\", \"onLaunch\", \"always\" or \
                                \"onlyDownload\"";
                unknown("autoUpdate", expected, value)
            })
        }
    }
}

fn unknown(option: &str, expected: &str, value: &Value) -> Error {
    Error::invalid_input(option, format!("expected {expected}, found {}", shown(value)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ErrorKind;

    #[test]
    fn the_mode_merges_auto_update_and_direct_update() {
        use UpdateMode::{Always, AtBackground, AtInstall, Off, OnLaunch, OnlyDownload};
        let absent = json!(null);
        for (auto, direct, expected) in [
            (absent.clone(), absent.clone(), AtBackground),
            (absent.clone(), json!(true), Always),
            (absent.clone(), json!("onLaunch"), OnLaunch),
            (json!(true), absent.clone(), AtBackground),
            (json!("true"), absent.clone(), AtBackground),
            (json!(true), json!(false), AtBackground),
            (json!(true), json!("false"), AtBackground),
            (json!(true), json!(true), Always),
            (json!(true), json!("true"), Always),
            (json!("true"), json!("always"), Always),
            (json!(true), json!("atInstall"), AtInstall),
            (json!(true), json!("onLaunch"), OnLaunch),
            (json!(false), absent.clone(), Off),
            (json!("false"), json!("always"), Off),
            (json!(false), json!(true), Off),
            (json!("off"), json!("onLaunch"), Off),
            (json!("atBackground"), absent.clone(), AtBackground),
            (json!("atBackground"), json!("always"), AtBackground),
            (json!("atInstall"), json!(false), AtInstall),
            (json!("onLaunch"), absent.clone(), OnLaunch),
            (json!("always"), absent.clone(), Always),
            (json!("onlyDownload"), json!(true), OnlyDownload),
        ] {
            let mode = UpdateMode::from_config(Some(&auto), Some(&direct)).unwrap();
            assert_eq!(mode, expected, "autoUpdate {auto}, directUpdate {direct}");
        }
        assert_eq!(UpdateMode::from_config(None, None).unwrap(), UpdateMode::default());
    }

    #[test]
    fn an_unknown_value_is_refused_with_the_known_ones() {
        for value in [
            json!(""),
            json!("AtBackground"),
            json!("background"),
            json!(1),
            json!([]),
            json!({}),
        ] {
            let error = UpdateMode::from_config(Some(&value), None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{value}");
            let error = UpdateMode::from_config(Some(&json!("off")), Some(&value)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{value}");
        }
        let message = |auto: Value, direct: Value| {
            let error = UpdateMode::from_config(Some(&auto), Some(&direct)).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            message(json!("onResume"), json!(null)),
            "autoUpdate: expected true, false, \"off\", \"atBackground\", \"atInstall\", \"onLaunch\", \"always\" or \
             \"onlyDownload\", found \"onResume\""
        );
        assert_eq!(
            message(json!(true), json!("onlyDownload")),
            "directUpdate: expected true, false, \"atInstall\", \"onLaunch\" or \"always\", found \"onlyDownload\""
        );
    }

    #[test]
    fn a_mode_is_written_as_it_is_configured() {
        for mode in UpdateMode::ALL {
            let written = json!(mode.as_str());
            assert_eq!(UpdateMode::from_config(Some(&written), None).unwrap(), *mode);
        }
    }

    #[test]
    fn each_mode_checks_sets_next_and_applies_as_documented() {
        use CheckSituation::{AfterColdStart, AfterNativeInstall, Later};
        for (mode, checks, sets_next, directly) in [
            (UpdateMode::Off, false, false, [false, false, false]),
            (UpdateMode::AtBackground, true, true, [false, false, false]),
            (UpdateMode::AtInstall, true, true, [true, false, false]),
            (UpdateMode::OnLaunch, true, true, [true, true, false]),
            (UpdateMode::Always, true, true, [true, true, true]),
            (UpdateMode::OnlyDownload, true, false, [false, false, false]),
        ] {
            assert_eq!(mode.checks_automatically(), checks, "{mode}");
            assert_eq!(mode.sets_next(), sets_next, "{mode}");
            let found = [AfterNativeInstall, AfterColdStart, Later].map(|situation| mode.applies_directly(situation));
            assert_eq!(found, directly, "{mode}");
        }
    }
}
