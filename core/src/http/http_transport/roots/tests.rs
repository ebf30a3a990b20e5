#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::error::ErrorKind;

fn of(first: &[&'static str], variables: &[(&str, &Path)]) -> Result<Tls> {
    let get = |name: &str| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, path)| path.as_os_str().to_owned())
    };
    of_variables(first, &get)
}

fn problem(outcome: Result<Tls>) -> String {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    error.to_string()
}

#[test]
fn a_variable_without_certificates_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, empty) = (folder.path().join("missing.pem"), folder.path().join("empty.pem"));
    fs::write(&empty, "").unwrap();
    for path in [&missing, &empty] {
        let problem = problem(of(&[], &[(SSL_CERT_FILE, path)]));
        assert!(
            problem.contains("SSL_CERT_FILE") && problem.contains(path.to_str().unwrap()),
            "{problem}"
        );
    }
    let problem = problem(of(&[], &[(SSL_CERT_DIR, folder.path())]));
    assert!(problem.contains("SSL_CERT_DIR"), "{problem}");
}

#[test]
fn aws_ca_bundle_takes_precedence_for_object_stores_only() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.pem");
    let both: [(&str, &Path); 2] = [(AWS_CA_BUNDLE, &missing), (SSL_CERT_FILE, &missing)];
    assert!(problem(of(&[AWS_CA_BUNDLE], &both)).contains("AWS_CA_BUNDLE"));
    assert!(problem(of(&[], &both)).contains("SSL_CERT_FILE"));
    assert!(
        of(&[AWS_CA_BUNDLE], &[]).is_ok(),
        "without a variable Mozilla's roots are trusted"
    );
}

#[test]
fn certificates_in_a_folder_are_named_by_hash() {
    for (name, expected) in [
        ("5ed36f99.0", true),
        ("5ed36f99.12", true),
        ("5ed36f99.r0", false),
        ("5ed36f9.0", false),
        ("ca-certificates.crt", false),
        ("5ed36f99", false),
    ] {
        assert_eq!(is_hashed(Path::new(name)), expected, "{name}");
    }
}
