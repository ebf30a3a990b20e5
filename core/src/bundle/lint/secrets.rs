//! Detecting files with credentials by name or first bytes.

use super::names::{extension, file_name};
use crate::finding::{Finding, FindingCode};
use crate::path::SafePath;

/// Names of files that contain credentials.
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
/// Prefixes of names of files that contain credentials.
const SECRET_PREFIXES: [&str; 3] = [".env.", ".capgo_key", ".capbundle_content_key"];
/// Extensions of files that contain credentials.
const SECRET_EXTENSIONS: [&str; 8] = ["pem", "key", "ppk", "p12", "pfx", "jks", "keystore", "p8"];
/// The first line of a PEM private key is within this many bytes.
#[cfg(feature = "check")]
pub(in crate::bundle) const PEM_HEAD: usize = 64;
/// A finding if the name is that of a secret.
pub(in crate::bundle) fn secret(path: &SafePath) -> Option<Finding> {
    is_secret_name(path.as_str()).then(|| secret_finding("").in_file(path.as_str()))
}

/// Whether the file name is that of a secret.
pub(in crate::bundle) fn is_secret_name(path: &str) -> bool {
    let name = file_name(path).to_ascii_lowercase();
    SECRET_NAMES.contains(&name.as_str())
        || SECRET_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || extension(&name).is_some_and(|extension| SECRET_EXTENSIONS.contains(&extension))
}

/// Whether a file that starts with `head` contains a PEM private key.
#[cfg(feature = "check")]
pub(in crate::bundle) fn is_private_key(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&head[..head.len().min(PEM_HEAD)]);
    head.split_once("-----BEGIN ")
        .is_some_and(|(_, rest)| rest.contains("PRIVATE KEY-----"))
}

/// The finding for a secret. `why` is put first if the name alone does not explain it.
pub(in crate::bundle) fn secret_finding(why: impl std::fmt::Display) -> Finding {
    let message = format!(
        "{why} looks like a secret, which everyone with the app could read; remove it, exclude it or allow it by name"
    );
    Finding::error(FindingCode::Secret, message.trim_start())
}

#[cfg(test)]
mod tests;
