//! Trusted certificates: given, from the environment, or Mozilla's.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;

use super::tls::Tls;
use crate::error::{Error, Result};

/// The variable of Amazon's tools.
pub(super) const AWS_CA_BUNDLE: &str = "AWS_CA_BUNDLE";
/// The variables of OpenSSL and most other tools.
const SSL_CERT_FILE: &str = "SSL_CERT_FILE";
const SSL_CERT_DIR: &str = "SSL_CERT_DIR";

/// Parses PEM that contains only certificates.
pub(super) fn of_pem(pem: &str) -> Result<Tls> {
    let refuse = |problem: String| Error::invalid_input("certificates", problem);
    let found = certificates(pem.as_bytes(), "certificates")?;
    if found.others {
        return Err(refuse("expected only certificates, found a key".to_owned()));
    }
    trusting(found.certificates, "certificates")
}

/// From the first of these variables that is set, otherwise OpenSSL's two, otherwise Mozilla's.
pub(super) fn of_env(first: &[&'static str]) -> Result<Tls> {
    of_variables(first, &|name| std::env::var_os(name).filter(|value| !value.is_empty()))
}

fn of_variables(first: &[&'static str], get: &dyn Fn(&str) -> Option<OsString>) -> Result<Tls> {
    for variable in first {
        if let Some(file) = get(variable) {
            return trusting(of_file(Path::new(&file), variable)?, variable);
        }
    }
    let (file, folders) = (get(SSL_CERT_FILE), get(SSL_CERT_DIR));
    let variable = match (&file, &folders) {
        (None, None) => {
            return Tls::trusting_mozilla().map_err(|error| Error::invalid_input("certificates", error.to_string()));
        }
        (Some(_), _) => SSL_CERT_FILE,
        (None, Some(_)) => SSL_CERT_DIR,
    };
    let mut all = Vec::new();
    if let Some(file) = file {
        all.extend(of_file(Path::new(&file), SSL_CERT_FILE)?);
    }
    for folder in folders.iter().flat_map(std::env::split_paths) {
        all.extend(of_folder(&folder)?);
    }
    trusting(all, variable)
}

fn of_file(file: &Path, variable: &str) -> Result<Vec<CertificateDer<'static>>> {
    let unreadable = |error| Error::invalid_input(variable, format!("{} cannot be read: {error}", file.display()));
    let what = format!("{variable} ({})", file.display());
    let found = certificates(&fs::read(file).map_err(unreadable)?, &what)?;
    if found.certificates.is_empty() {
        return Err(Error::invalid_input(what, "expected PEM certificates, found none"));
    }
    Ok(found.certificates)
}

/// OpenSSL reads files named by a hash and a number, such as `5ed36f99.0`. Folders in the list are often missing.
fn of_folder(folder: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    // Dangling symlinks to removed certificates are common.
    files.retain(|path| is_hashed(path) && path.exists());
    // Sorted, so that errors do not depend on the order of the file system.
    files.sort();
    let mut all = Vec::new();
    for file in files {
        all.extend(of_file(&file, SSL_CERT_DIR)?);
    }
    Ok(all)
}

fn is_hashed(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.split_once('.').is_some_and(|(hash, number)| {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) && is_number(number)
    })
}

struct Found {
    certificates: Vec<CertificateDer<'static>>,
    /// Whether the input contained anything else.
    others: bool,
}

fn certificates(pem: &[u8], what: &str) -> Result<Found> {
    let mut found = Found {
        certificates: Vec::new(),
        others: false,
    };
    for item in ureq::tls::parse_pem(pem) {
        match item.map_err(|error| Error::invalid_input(what, format!("unreadable certificates: {error}")))? {
            ureq::tls::PemItem::Certificate(certificate) => {
                found
                    .certificates
                    .push(CertificateDer::from(certificate.der().to_vec()));
            }
            _ => found.others = true,
        }
    }
    Ok(found)
}

fn trusting(certificates: Vec<CertificateDer<'static>>, what: &str) -> Result<Tls> {
    if certificates.is_empty() {
        return Err(Error::invalid_input(what, "expected PEM certificates, found none"));
    }
    Tls::trusting_only(certificates)
        .map_err(|error| Error::invalid_input(what, format!("none of the certificates is usable: {error}")))
}

#[cfg(test)]
mod tests;
