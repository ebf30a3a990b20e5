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
        "The server found no app id: a proxy may have changed the request",
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
        "The server found no version: a proxy may have changed the request",
    ),
    (
        "missing_external_url",
        "The server found no address of the archive: a proxy may have changed the request",
    ),
    (
        "missing_checksum",
        "The server found no checksum: a proxy may have changed the request",
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
        "There is no such app, or not of this key's owner: check the app id, or create the app first",
    ),
    (
        "encryption_required",
        "This organization takes encrypted bundles only: seal the archive and give its session key",
    ),
    (
        "encryption_key_required",
        "This organization requires the ID of the key that sealed the archive: pass the key id",
    ),
    (
        "encryption_key_mismatch",
        "The archive was sealed with another key than the organization's: seal it with the right one",
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
        "There may be no such version, or the key may not delete it",
    ),
    (
        "cannot_delete_linked_version",
        "A channel still serves this bundle: set the channel to another one first",
    ),
    (
        "cannot_delete_all_version",
        "Some bundles may be gone, others not: list them",
    ),
    (
        "cannot_check_linked_channels",
        "The server could not determine which bundles are served: nothing was deleted; retry",
    ),
    (
        "missing_required_fields",
        "The server found not all fields: a proxy may have changed the request",
    ),
    (
        "cannot_access_app",
        "This key may not change this app: check the app id and the key's rights",
    ),
    (
        "cannot_find_version",
        "There is no bundle of this id in this app: list them",
    ),
    (
        "cannot_find_channel",
        "There is no such channel in this app: list them, or create it first",
    ),
    (
        "cannot_set_bundle_to_channel",
        "The server could not change the channel: the key may not, or it failed",
    ),
    ("no_fields_to_update", "Neither link nor comment arrived"),
    (
        "cannot_update_version_metadata",
        "The server could not write link and comment: the key may not, or it failed",
    ),
];

/// Documented messages of errors without codes.
const TEXTS: &[(&str, &str)] = &[
    ("Bundle not found", "There is no such bundle in this app: list them"),
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
