//! What a check says about a folder or an archive.

use std::fmt;

/// How bad a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Works, but may surprise.
    Warning,
    /// The bundle would not work on a device, or leaks a secret.
    Error,
}

/// What a [`Finding`] is about; stable words for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FindingCode {
    /// No `index.html` directly in the folder.
    IndexHtmlNotFound,
    /// No script calls `notifyAppReady()`, so the plugin would roll the bundle back.
    NotifyAppReadyNotCalled,
    /// `index.html` names an asset by an absolute path.
    AbsoluteAssetPath,
    /// A file that must not be published: keys, tokens, environment files.
    Secret,
    /// A symbolic link that was followed, inside the folder.
    Symlink,
    /// A file that hardly belongs into a web bundle.
    SuspiciousFile,
    /// A name that is legal on phones but not everywhere.
    UnportableName,
    /// More than devices accept by default; see [`Limits`](crate::Limits).
    OverDeviceLimit,
}

impl FindingCode {
    /// The code in snake case; Capgo's own word where it has one.
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

/// One thing a check noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub code: FindingCode,
    /// The file inside the bundle, with `/` separators.
    pub path: Option<String>,
    /// The line in that file, counted from 1.
    pub line: Option<u64>,
    /// What was found and what to do, for people.
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

    /// Whether packing stops for it.
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
