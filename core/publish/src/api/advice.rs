//! The meaning of the error codes of the Bundles API, and what to do about each.

/// Error codes in the sources of Capgo's servers.
const CODES: &[(&str, &str)] = &[
    (
        "no_key_provided",
        "No API key arrived: a proxy may have removed the header",
    ),
    (
        "invalid_apikey",
        "The server does not know this API key: it may have been deleted, or belong to another server",
    ),
    (
        "invalid_subkey",
        "The server does not know the limited key of this API key",
    ),
    (
        "too_many_requests",
        "Wait before the next request; several jobs may share this key",
    ),
    (
        "not_found",
        "The server has no such path: check the base URL of the API",
    ),
    (
        "unknown_error",
        "The server failed; retry, then contact its administrator",
    ),
    (
        "invalid_json_parse_body",
        "The server could not read the request: a proxy may have changed it",
    ),
    (
        "missing_app_id",
        "The app id is missing: a proxy may have changed the request",
    ),
    (
        "invalid_app_id",
        "The app id must be a reverse domain such as com.example.app",
    ),
    (
        "cannot_get_bundle",
        "Either the app has no bundle yet, or this key may not read it: check the app id and the key's rights",
    ),
    (
        "missing_version",
        "The version is missing: a proxy may have changed the request",
    ),
    (
        "missing_external_url",
        "The URL of the archive is missing: a proxy may have changed the request",
    ),
    (
        "missing_checksum",
        "The checksum is missing: a proxy may have changed the request",
    ),
    (
        "invalid_version_format",
        "The version must be a semantic version such as 1.2.3",
    ),
    (
        "invalid_protocol",
        "The address of the archive must begin with https://",
    ),
    (
        "cannot_create_bundle",
        "Either this key may not create bundles of this app, or the server failed: check the key's rights",
    ),
    (
        "cannot_find_app",
        "The app does not exist, or belongs to another owner than this key: check the app id, or create the app first",
    ),
    (
        "encryption_required",
        "This organization requires encrypted bundles: encrypt the archive and pass its session key",
    ),
    (
        "encryption_key_required",
        "This organization requires the id of the key that encrypted the archive: pass the key id",
    ),
    (
        "encryption_key_mismatch",
        "The archive is not encrypted with the organization's key: encrypt it with that key",
    ),
    (
        "version_already_exists",
        "A version stays in use, even after its bundle was deleted: choose a higher one",
    ),
    (
        "cannot_delete_bundle",
        "This key may not delete bundles of this app: check its rights",
    ),
    (
        "cannot_delete_version",
        "The version does not exist, or this key may not delete it",
    ),
    (
        "cannot_delete_linked_version",
        "A channel still serves this bundle: set the channel to another one first",
    ),
    (
        "cannot_delete_all_version",
        "Only some of the bundles may have been deleted: list them",
    ),
    (
        "cannot_check_linked_channels",
        "The server could not determine which bundles are served: nothing was deleted; retry",
    ),
    (
        "missing_required_fields",
        "Required fields are missing: a proxy may have changed the request",
    ),
    (
        "cannot_access_app",
        "This key may not change this app: check the app id and the key's rights",
    ),
    ("cannot_find_version", "This app has no bundle with this id: list them"),
    (
        "cannot_find_channel",
        "This app has no such channel: list them, or create it first",
    ),
    (
        "cannot_set_bundle_to_channel",
        "This key may not change the channel, or the server failed: check the key's rights, then retry",
    ),
    ("no_fields_to_update", "Neither a link nor a comment was sent"),
    (
        "cannot_update_version_metadata",
        "This key may not change link and comment, or the server failed: check the key's rights, then retry",
    ),
];

/// Documented messages of errors without codes.
const TEXTS: &[(&str, &str)] = &[
    ("Bundle not found", "This app has no such bundle: list them"),
    (
        "Invalid version format",
        "The version must be a semantic version such as 1.2.3",
    ),
    (
        "Failed to delete bundle from storage",
        "The archive is still in storage; the server's log says why",
    ),
    (
        "Insufficient permissions to manage bundles",
        "This key may not do that with this app: check its rights",
    ),
];

pub(super) fn advice_for_code(code: &str) -> Option<&'static str> {
    CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, advice)| *advice)
}

pub(super) fn advice_for_text(text: &str) -> Option<&'static str> {
    let found = TEXTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(text));
    found.map(|(_, advice)| *advice)
}
