use super::*;

/// Every kind that the core has: a new one must get its case here and in the list above.
const CORE_KINDS: [core::ErrorKind; 19] = [
    core::ErrorKind::InvalidInput,
    core::ErrorKind::NotABundle,
    core::ErrorKind::UnsafeArchive,
    core::ErrorKind::LimitExceeded,
    core::ErrorKind::DigestMismatch,
    core::ErrorKind::SignatureInvalid,
    core::ErrorKind::DecryptionFailed,
    core::ErrorKind::KeyInvalid,
    core::ErrorKind::NotTrusted,
    core::ErrorKind::NotFound,
    core::ErrorKind::InUse,
    core::ErrorKind::Busy,
    core::ErrorKind::NoSpace,
    core::ErrorKind::Io,
    core::ErrorKind::Network,
    core::ErrorKind::Server,
    core::ErrorKind::Cancelled,
    core::ErrorKind::Unsupported,
    core::ErrorKind::Corrupt,
];

#[test]
fn every_kind_of_the_core_keeps_its_name() {
    for kind in CORE_KINDS {
        let ours = ErrorKind::from(kind);
        assert_eq!(format!("{ours:?}"), format!("{kind:?}"));
        assert_eq!(CapBundleError::new(ours, "why").kind(), ours);
    }
}

#[test]
fn the_message_is_the_one_of_the_core() {
    let error =
        core::digest::Sha256Digest::of_file(std::path::Path::new("/no/such/file"), &core::progress::Control::new())
            .map_err(|error| (error.to_string(), CapBundleError::from(error)));
    let Err((expected, error)) = error else {
        unreachable!("there is no such file");
    };
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), expected);
    assert!(expected.contains("/no/such/file"), "{expected}");
}

#[test]
fn an_unexpected_exception_is_reported_without_its_stack_trace() {
    let thrown = uniffi::UnexpectedUniFFICallbackError::new("java.lang.IllegalStateException: boom\n\tat App.kt:7\n");
    let error = CallbackError::from(thrown);
    assert_eq!(error.to_string(), "java.lang.IllegalStateException: boom");
}
