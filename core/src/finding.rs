//! Findings of a check of a folder or an archive.

use std::fmt;

/// The severity of a [`Finding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The bundle works, but may behave unexpectedly.
    Warning,
    /// The bundle does not work on a device, or leaks a secret.
    Error,
}

/// The subject of a [`Finding`]. Stable, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingCode {
    /// The folder has no `index.html` at its top.
    IndexHtmlNotFound,
    /// No script calls `notifyAppReady()`, so the plugin rolls the bundle back.
    NotifyAppReadyNotCalled,
    /// `index.html` refers to an asset by an absolute path.
    AbsoluteAssetPath,
    /// A file that must not be published: keys, tokens, environment files.
    Secret,
    /// A symbolic link inside the folder, which was followed.
    Symlink,
    /// A file that is unusual in a web bundle.
    SuspiciousFile,
    /// A name that is valid on phones but not on every platform.
    UnportableName,
    /// Exceeds the default limits of devices; see [`Limits`](crate::Limits).
    OverDeviceLimit,
}

impl FindingCode {
    /// The code in snake case; Capgo's own code where one exists.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IndexHtmlNotFound => "index_html_not_found",
            Self::NotifyAppReadyNotCalled => "notifyAppReady_not_in_source_code",
            Self::AbsoluteAssetPath => "absolute_asset_path",
            Self::Secret => "secret",
            Self::Symlink => "symlink",
            Self::SuspiciousFile => "suspicious_file",
            Self::UnportableName => "unportable_name",
            Self::OverDeviceLimit => "over_device_limit",
        }
    }
}

/// One finding of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The severity.
    pub severity: Severity,
    /// The subject.
    pub code: FindingCode,
    /// The file inside the bundle, with `/` separators.
    pub path: Option<String>,
    /// The line in the file, from 1.
    pub line: Option<u64>,
    /// The finding and the remedy, for people.
    pub message: String,
}

impl Finding {
    pub(crate) fn error(code: FindingCode, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            path: None,
            line: None,
            message: message.into(),
        }
    }

    pub(crate) fn warning(code: FindingCode, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    pub(crate) fn in_file(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    #[cfg(feature = "check")]
    pub(crate) fn at_line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    pub(crate) fn into_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Whether the finding stops packing.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => write!(formatter, "{path}:{line}: ")?,
            (Some(path), None) => write!(formatter, "{path}: ")?,
            (None, _) => {}
        }
        formatter.write_str(&self.message)
    }
}
