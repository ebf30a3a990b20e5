//! The errors of the command: a stable code, a message and an exit code.
//!
//! The code is Capgo's where Capgo has one for the situation; otherwise it is the core's
//! [`ErrorKind`](capbundle::ErrorKind) in snake case. No other file assigns codes.

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use capbundle::bundle::Finding;
use capbundle::{Error, ErrorKind, InsecureReason};
use capbundle_publish::Error as PublishError;
use serde::Serialize;

/// The subject of a core error. The same kind has one code for a key and another for an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Archive,
    PrivateKey,
    PublicKey,
    ContentKey,
    Checksum,
    IvSessionKey,
    Other,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// May hold a code sent by a server, which is any text.
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    /// Lines printed below the message. They are the command's own and quote no untrusted text.
    pub(crate) lines: String,
    /// All findings of the check that failed.
    pub(crate) findings: Vec<ReportedFinding>,
    /// The effects of the steps before the failure, if there were any.
    pub(crate) aftermath: Option<Box<Aftermath>>,
    exit: u8,
}

/// The effects of the steps that completed before one failed.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Aftermath {
    /// Done and rolled back.
    pub(crate) undone: Vec<String>,
    /// Done and not rolled back.
    pub(crate) left: Vec<String>,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// A problem that does not stop the command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Warning {
    pub(crate) code: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u64>,
    pub(crate) message: String,
}

impl Failure {
    /// The operation was refused or failed.
    pub(crate) fn refused(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            lines: String::new(),
            findings: Vec::new(),
            aftermath: None,
            exit: 1,
        }
    }

    /// A check found problems for which the command documents a separate exit code.
    pub(crate) fn verdict(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        findings: Vec<ReportedFinding>,
        exit: u8,
    ) -> Self {
        Self {
            findings,
            exit,
            ..Self::refused(code, message)
        }
    }

    /// A check found errors. The JSON document lists all of them.
    pub(crate) fn found(code: &'static str, message: impl Into<String>, findings: Vec<ReportedFinding>) -> Self {
        Self {
            findings,
            ..Self::refused(code, message)
        }
    }

    /// The command line is wrong or incomplete.
    pub(crate) fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            exit: 2,
            ..Self::refused(code, message)
        }
    }

    /// A required value is neither on the command line nor in the project.
    pub(crate) fn missing_argument(message: impl Into<String>) -> Self {
        Self::usage("missing_argument", message)
    }

    /// The command's own I/O failed.
    pub(crate) fn io(operation: &str, path: &Path, error: &io::Error) -> Self {
        let code = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
            _ => ErrorKind::Io,
        };
        Self::refused(
            code.as_str(),
            format!("{}: {operation} failed: {error}", path.display()),
        )
    }

    /// Converts a core error about `subject`.
    pub(crate) fn about(subject: Subject, error: &Error) -> Self {
        let findings = match error {
            Error::CheckFailed { findings, .. } => findings.iter().map(ReportedFinding::from).collect(),
            _ => Vec::new(),
        };
        let code: Option<Cow<'static, str>> = match error {
            Error::ReleaseRefused { reason, .. } => Some(reason.as_str().into()),
            _ => None,
        };
        let failure = Self {
            findings,
            ..Self::refused(
                code.unwrap_or_else(|| code_of(subject, error).into()),
                error.to_string(),
            )
        };
        match error {
            Error::InsecureConnection { reason, .. } => match reason {
                InsecureReason::UntrustedIssuer => failure.adding(
                    "to trust the server, pass its certificate or its CA's with --ca-file (or CAPBUNDLE_CA_FILE, \
                    SSL_CERT_FILE)",
                ),
                InsecureReason::NoTls => {
                    failure.adding("use an http:// address, or pass --no-s3-ssl for an S3 endpoint")
                }
                _ => failure,
            },
            _ => failure,
        }
    }

    /// Converts a publishing error about `subject`.
    fn published(subject: Subject, error: &PublishError) -> Self {
        let code = match error {
            PublishError::Core(error) => return Self::about(subject, error),
            // The server's own code, if the response had one.
            PublishError::Api(refused) => refused.code.clone().map(Cow::Owned),
            PublishError::NoSuchSite { .. } => Some("site_not_found".into()),
            PublishError::NoSuchChannel { .. } => Some("channel_not_found".into()),
            _ => None,
        };
        Self::refused(code.unwrap_or_else(|| error.kind().as_str().into()), error.to_string())
    }

    /// Appends a hint to the message.
    pub(crate) fn adding(mut self, more: &str) -> Self {
        self.message.push_str("; ");
        self.message.push_str(more);
        self
    }

    /// Puts the path of the file in front of the message.
    pub(crate) fn naming(mut self, file: &Path) -> Self {
        self.message = format!("{}: {}", file.display(), self.message);
        self
    }

    /// Sets the lines printed below the message.
    pub(crate) fn showing(mut self, lines: &str) -> Self {
        lines.trim_start_matches('\n').clone_into(&mut self.lines);
        self
    }

    /// Marks the failure as caused by `--timeout`.
    pub(crate) fn out_of_time(mut self) -> Self {
        self.code = "timeout".into();
        self.adding("the time limit of --timeout has passed")
    }

    /// Appends findings made before the failure.
    pub(crate) fn with_findings(mut self, findings: Vec<ReportedFinding>) -> Self {
        self.findings.extend(findings);
        self
    }

    /// Sets the effects of the steps before the failure.
    pub(crate) fn after(mut self, aftermath: Aftermath) -> Self {
        self.aftermath = Some(Box::new(aftermath));
        self
    }

    /// The message and the lines below it.
    pub(crate) fn whole_message(&self) -> String {
        if self.lines.is_empty() {
            self.message.clone()
        } else {
            format!("{}\n\n{}", self.message, self.lines)
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit)
    }
}

impl<E: Into<PublishError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::published(Subject::Other, &error.into())
    }
}

/// `core_call().about(Subject::…)?` states which argument an error is about.
pub(crate) trait About<T> {
    fn about(self, subject: Subject) -> Result<T>;
}

impl<T, E: Into<PublishError>> About<T> for Result<T, E> {
    fn about(self, subject: Subject) -> Result<T> {
        self.map_err(|error| Failure::published(subject, &error.into()))
    }
}

fn code_of(subject: Subject, error: &Error) -> &'static str {
    if let Error::CheckFailed { findings, .. } = error {
        // Like Capgo, the code names only the first error. The document lists all of them.
        if let Some(first) = findings.iter().find(|finding| finding.is_error()) {
            return first.code.as_str();
        }
    }
    match (subject, error.kind()) {
        (Subject::Archive, ErrorKind::NotFound) => "zip_not_found",
        (Subject::PrivateKey, ErrorKind::NotFound) => "missing_key",
        (Subject::PrivateKey, ErrorKind::KeyInvalid) => "invalid_private_key",
        (Subject::PublicKey, ErrorKind::NotFound) => "missing_public_key",
        (Subject::PublicKey, ErrorKind::KeyInvalid) => "invalid_public_key",
        (Subject::ContentKey, ErrorKind::NotFound) => "missing_content_key",
        (Subject::ContentKey, ErrorKind::KeyInvalid) => "invalid_content_key",
        (Subject::Checksum, ErrorKind::InvalidInput) => "invalid_checksum",
        (Subject::IvSessionKey, ErrorKind::InvalidInput | ErrorKind::NotTrusted) => "invalid_iv_session_key",
        (_, kind) => kind.as_str(),
    }
}

/// A finding of a check: an error or a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ReportedFinding {
    severity: &'static str,
    #[serde(flatten)]
    pub(crate) text: Warning,
}

impl ReportedFinding {
    pub(crate) fn error(text: Warning) -> Self {
        Self { severity: ERROR, text }
    }

    pub(crate) fn warning(text: Warning) -> Self {
        Self {
            severity: "warning",
            text,
        }
    }

    pub(crate) fn is_error(&self) -> bool {
        self.severity == ERROR
    }
}

impl From<&Finding> for ReportedFinding {
    fn from(finding: &Finding) -> Self {
        Self {
            severity: if finding.is_error() { ERROR } else { "warning" },
            text: Warning::from(finding),
        }
    }
}

const ERROR: &str = "error";

impl Warning {
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            path: None,
            line: None,
            message: message.into(),
        }
    }
}

impl From<&Finding> for Warning {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.as_str().into(),
            path: finding.path.clone(),
            line: finding.line,
            message: finding.message.clone(),
        }
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => write!(formatter, "{path}:{line}: ")?,
            (Some(path), None) => write!(formatter, "{path}: ")?,
            (None, _) => {}
        }
        formatter.write_str(&self.message)
    }
}
