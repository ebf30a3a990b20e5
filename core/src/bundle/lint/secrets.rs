//! Files that hold credentials, by name or by how they begin.

use super::names::{extension, file_name};
use crate::finding::{Finding, FindingCode};
use crate::path::SafePath;

/// Names of files that hold credentials.
const SECRET_NAMES: [&str; 9] = [
    ".env",
    ".npmrc",
    ".netrc",
    ".capgo",
    "id_rsa",
    "id_dsa",
    "id_ed25519",
    "id_ecdsa",
    "credentials.json",
];
/// Beginnings of such names.
const SECRET_PREFIXES: [&str; 3] = [".env.", ".capgo_key", ".capbundle_content_key"];
/// Endings of such names.
const SECRET_EXTENSIONS: [&str; 8] = ["pem", "key", "ppk", "p12", "pfx", "jks", "keystore", "p8"];
/// The line that begins a private key in PEM form lies within so many bytes.
#[cfg(feature = "check")]
pub(in crate::bundle) const PEM_HEAD: usize = 64;
/// A file that must not be published.
pub(in crate::bundle) fn secret(path: &SafePath) -> Option<Finding> {
    is_secret_name(path.as_str()).then(|| secret_finding("").in_file(path.as_str()))
}

/// Whether the last name of the path is one that secrets have.
pub(in crate::bundle) fn is_secret_name(path: &str) -> bool {
    let name = file_name(path).to_ascii_lowercase();
    SECRET_NAMES.contains(&name.as_str())
        || SECRET_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || extension(&name).is_some_and(|extension| SECRET_EXTENSIONS.contains(&extension))
}

/// Whether a file that begins like this holds a private key in PEM form, whatever it is called.
#[cfg(feature = "check")]
pub(in crate::bundle) fn is_private_key(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&head[..head.len().min(PEM_HEAD)]);
    head.split_once("-----BEGIN ")
        .is_some_and(|(_, rest)| rest.contains("PRIVATE KEY-----"))
}

/// The finding for a secret; `why` stands in front where the name alone does not say it.
pub(in crate::bundle) fn secret_finding(why: impl std::fmt::Display) -> Finding {
    let message = format!(
        "{why} looks like a secret: everybody who has the app could read it; remove it, exclude it or allow it by name"
    );
    Finding::error(FindingCode::Secret, message.trim_start())
}

#[cfg(test)]
mod tests;
