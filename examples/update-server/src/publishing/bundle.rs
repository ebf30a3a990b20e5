//! `/bundle`: list, register, promote, describe and delete bundles. The codes are those of Capgo's backend. The shapes are the
//! documented ones, or those of the backend if configured ([`ApiShape`]).

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use capbundle::update::protocol::NO_ARCHIVE;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{cannot_access_app, json, native_packages};
use crate::access::Caller;
use crate::api_error::documented::{INVALID_VERSION, NOT_FOUND, PERMISSION, STORAGE};
use crate::api_error::{ApiError, ApiResult};
use crate::config::ApiShape;
use crate::database::bundles::{self, NewBundleRow};
use crate::database::{apps, channels, manifests};
use crate::files::{ArchiveLock, remove};
use crate::input::Fields;
use crate::middleware::RequestPermit;
use crate::state::ServerState;
use crate::validation::{self, Checksum};

/// Longer than any session key; those of RSA-4096 have about 1,000 characters.
const MAX_KEY: usize = 4 << 10;
/// Largest link or comment.
const MAX_TEXT: usize = 4 << 10;

/// `GET /bundle?app_id&page`: newest first, 50 per page, starting at page 0.
///
/// The documented shape is `{"data":[…]}`, which is empty past the last page. The backend's shape is a bare array, and past the
/// last page the error at which Capgo's clients stop. The backend's pages overlap and these do not, which clients do not notice.
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    fields: Fields,
) -> ApiResult<Json<Value>> {
    let app_id = fields.app_id()?;
    let page = fields.number("page").unwrap_or(0).max(0);
    let cannot = |error| ApiError::new("cannot_get_bundle", "Cannot get bundle").documented(error);
    if !caller.may_read(&app_id) {
        return Err(cannot(PERMISSION));
    }
    let documented = state.config.api_shape == ApiShape::Documented;
    let (rows, usage) = state
        .database
        .read(move |database| {
            let known = apps::rules(database, &app_id)?.is_some();
            let rows = bundles::page(database, &app_id, page)?;
            if !known || (!documented && rows.is_empty() && page > 0) {
                return Err(cannot(NOT_FOUND));
            }
            Ok((rows, bundles::usage(database, Some(&app_id))?.pop()))
        })
        .await?;
    let rows: Vec<Value> = rows.iter().map(|row| json::bundle(row, &state.config)).collect();
    if !documented {
        return Ok(Json(json!(rows)));
    }
    let usage =
        usage.map(|usage| json!({ "bundles": usage.bundles, "archives": usage.archives, "bytes": usage.bytes }));
    Ok(Json(json!({ "data": rows, "storage": usage })))
}

/// `POST /bundle`: registers an archive at an https URL, or one that was uploaded to this server.
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    Extension(permit): Extension<RequestPermit>,
    fields: Fields,
) -> ApiResult<Json<Value>> {
    let mut bundle = parse_new(&fields)?;
    bundle.r2_path = uploaded_path(&state, &bundle)?;
    if bundle.r2_path.is_none() && !bundle.external_url.starts_with("https://") {
        return Err(ApiError::new(
            "invalid_protocol",
            "external_url must start with https://",
        ));
    }
    if !caller.may_write(&bundle.app_id) {
        let error = ApiError::new("cannot_create_bundle", "You can't create a bundle for this app");
        return Err(error.documented(PERMISSION));
    }
    bundle.manifest_id = find_manifest(&state, &fields, &bundle).await?;
    let new_apps = state.config.new_apps;
    let lock = if let Some(path) = &bundle.r2_path {
        let (lock, size) = lock_uploaded(&state, path).await?;
        bundle.size = Some(size);
        Some(lock)
    } else {
        let candidate = bundle.clone();
        let check = move |database: &Connection| check_registration(database, &candidate, new_apps);
        let rules = state.database.read(check).await?;
        let is_archive = bundle.external_url != NO_ARCHIVE;
        if is_archive && rules.verify_external.unwrap_or(state.config.verify_external) {
            // The external server may be slow, so this request no longer counts towards the limit.
            permit.release();
            let verified = state
                .verifier
                .verify(&state, caller.key, &bundle, rules.public_key.as_deref());
            bundle.size = Some(verified.await?);
        }
        None
    };
    let (row, _lock) = state
        .database
        .write(move |database| {
            check_registration(database, &bundle, new_apps)?;
            apps::create_if_missing(database, &bundle.app_id)?;
            // It may have been removed since it was found.
            if let Some(manifest) = bundle.manifest_id
                && !manifests::exists(database, manifest)?
            {
                return Err(no_such_manifest());
            }
            let id = bundles::insert(database, &bundle, caller.key)?;
            // The lock is returned with the row, so that it outlives the commit.
            Ok((bundles::by_id(database, &bundle.app_id, id)?, lock))
        })
        .await?;
    let row = row.map(|row| json::bundle(&row, &state.config));
    let status = match state.config.api_shape {
        ApiShape::Documented => "ok",
        ApiShape::Backend => "success",
    };
    Ok(Json(json!({ "status": status, "bundle": row })))
}

/// The manifest with which the bundle is registered. A bundle without an archive must have one.
async fn find_manifest(state: &ServerState, fields: &Fields, bundle: &NewBundleRow) -> ApiResult<Option<i64>> {
    let Some(digest) = fields.optional_text("manifest_sha256", "invalid_manifest")? else {
        if bundle.external_url == NO_ARCHIVE {
            let message = "external_url says that the bundle has no archive, and manifest_sha256 is missing";
            return Err(ApiError::new("missing_manifest", message));
        }
        return Ok(None);
    };
    let app_id = bundle.app_id.clone();
    let found = state
        .database
        .read(move |database| manifests::by_digest(database, &app_id, &digest))
        .await?;
    found.map(Some).ok_or_else(no_such_manifest)
}

fn no_such_manifest() -> ApiError {
    let message = "manifest_sha256: this server has no such manifest; upload it first";
    ApiError::new("invalid_manifest", message)
}

/// Checks that the bundle may be registered for its app. Returns the app's rules.
fn check_registration(database: &Connection, bundle: &NewBundleRow, new_apps: bool) -> ApiResult<apps::AppRules> {
    let rules = match apps::rules(database, &bundle.app_id)? {
        None if new_apps => apps::AppRules::default(),
        None => {
            return Err(ApiError::new(
                "cannot_find_app",
                "The app does not exist; create it with `app create`",
            ));
        }
        Some(rules) => rules,
    };
    check_encryption(&rules, bundle)?;
    if bundles::by_name(database, &bundle.app_id, &bundle.name)?.is_some() {
        return Err(ApiError::new(
            "version_already_exists",
            format!("Version {} already exists", bundle.name),
        ));
    }
    Ok(rules)
}

/// Locks an archive that was uploaded to this server, so that it is not deleted before it is registered. Returns its size too.
async fn lock_uploaded(state: &ServerState, path: &str) -> ApiResult<(ArchiveLock, u64)> {
    let lock = state.files.lock(path).await;
    let archive = path.to_owned();
    let size = state
        .files
        .run_blocking("look for an archive", move |storage| storage.size(&archive))
        .await?;
    match size {
        Some(size) => Ok((lock, size)),
        None => Err(ApiError::new(
            "cannot_create_bundle",
            "external_url: this server has no such archive; upload it first",
        )),
    }
}

fn parse_new(fields: &Fields) -> ApiResult<NewBundleRow> {
    let app_id = fields.app_id()?;
    let missing = |code: &'static str, name: &str| ApiError::new(code, format!("Missing {name}"));
    let name = fields
        .text("version")
        .ok_or_else(|| missing("missing_version", "version"))?;
    let external_url = fields
        .text("external_url")
        .ok_or_else(|| missing("missing_external_url", "external_url"))?;
    let checksum = fields
        .text("checksum")
        .ok_or_else(|| missing("missing_checksum", "checksum"))?;
    if !validation::is_version(&name) {
        let message = format!("Invalid version {name:?}: expected a semantic version such as 1.2.3");
        return Err(ApiError::new("invalid_version_format", message).documented(INVALID_VERSION));
    }
    let min_update_version = fields.optional_text("min_update_version", "invalid_min_update_version")?;
    if min_update_version
        .as_deref()
        .is_some_and(|version| !validation::is_version(version))
    {
        let error = ApiError::new(
            "invalid_version_format",
            "min_update_version: expected a semantic version such as 1.2.3",
        );
        return Err(error.documented(INVALID_VERSION));
    }
    let checksum = match Checksum::parse(&checksum) {
        // Devices compare it case-sensitively, with lower-case digits.
        Some(Checksum::Plain(digest)) => digest.to_string(),
        Some(Checksum::Signed(_)) => checksum,
        None => {
            let message = "checksum: expected a SHA-256 of 64 hexadecimal digits, or one signed with an RSA key of 2048, 3072 or \
                           4096 bits";
            return Err(ApiError::new("invalid_checksum", message));
        }
    };
    let bundle = NewBundleRow {
        app_id,
        name,
        checksum,
        session_key: fields.text("session_key"),
        key_id: fields.text("key_id"),
        external_url,
        r2_path: None,
        link: fields.text("link"),
        comment: fields.text("comment"),
        min_update_version,
        size: None,
        native_packages: native_packages::parse(fields)?,
        manifest_id: None,
    };
    let long = |text: Option<&String>, limit| text.is_some_and(|text| text.len() > limit);
    let too_long = bundle.external_url.len() > validation::MAX_URL
        || long(bundle.session_key.as_ref(), MAX_KEY)
        || long(bundle.key_id.as_ref(), MAX_KEY)
        || long(bundle.link.as_ref(), MAX_TEXT)
        || long(bundle.comment.as_ref(), MAX_TEXT);
    let invalid_in_url = |letter: char| letter.is_whitespace() || letter.is_control();
    if too_long || bundle.external_url.contains(invalid_in_url) {
        return Err(ApiError::new(
            "cannot_create_bundle",
            "a field is too long, or external_url is not a valid URL",
        ));
    }
    Ok(bundle)
}

/// The path of an archive that was uploaded to this server, from its URL; `None` if the URL is external.
fn uploaded_path(state: &ServerState, bundle: &NewBundleRow) -> ApiResult<Option<String>> {
    let Some(path) = bundle
        .external_url
        .strip_prefix(&format!("{}/bundles/", state.base_url))
    else {
        return Ok(None);
    };
    let name = path
        .strip_prefix(&format!("{}/", bundle.app_id))
        .filter(|name| validation::is_archive_name(name));
    let Some(name) = name else {
        return Err(ApiError::new(
            "cannot_create_bundle",
            "external_url is not the URL of an archive of this app",
        ));
    };
    // The checksum of an archive that is not encrypted is its digest, which this server knows.
    let (digest, checksum) = (name.trim_end_matches(".zip"), &bundle.checksum);
    let plain = bundle.session_key.is_none() && checksum.len() == 64;
    if plain && checksum != digest {
        return Err(ApiError::new(
            "cannot_create_bundle",
            format!("checksum: expected {digest}, found {checksum}"),
        ));
    }
    Ok(Some(path.to_owned()))
}

fn check_encryption(rules: &apps::AppRules, bundle: &NewBundleRow) -> ApiResult<()> {
    if (rules.encryption_required || rules.key_id.is_some()) && bundle.session_key.is_none() {
        return Err(ApiError::new(
            "encryption_required",
            "This app requires encrypted bundles: session_key is missing",
        ));
    }
    match (&rules.key_id, &bundle.key_id) {
        (Some(_), None) => Err(ApiError::new(
            "encryption_key_required",
            "This app requires the id of the encryption key: key_id is missing",
        )),
        (Some(expected), Some(found)) if expected != found => Err(ApiError::new(
            "encryption_key_mismatch",
            format!("This app requires key_id {expected}, found {found}"),
        )),
        _ => Ok(()),
    }
}

/// `DELETE /bundle`: deletes one version, or without `version` all bundles that no channel links.
pub(crate) async fn delete(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    fields: Fields,
) -> ApiResult<Json<Value>> {
    let app_id = fields.app_id()?;
    let version = fields.optional_text("version", "invalid_version");
    let version = version.map_err(|error| error.documented(INVALID_VERSION))?;
    if !caller.may_write(&app_id) {
        let code = if version.is_some() {
            "cannot_delete_version"
        } else {
            "cannot_delete_all_version"
        };
        return Err(ApiError::new(code, "You can't delete bundles of this app").documented(PERMISSION));
    }
    let paths = state
        .database
        .write(move |database| {
            let Some(version) = version else {
                return bundles::delete(database, &app_id, None);
            };
            let bundle = bundles::by_name(database, &app_id, &version)?.ok_or_else(|| {
                let error = ApiError::new(
                    "cannot_delete_version",
                    format!("Version {version} not found in this app"),
                );
                error.documented(NOT_FOUND)
            })?;
            if bundles::is_linked(database, bundle.id)? {
                let message = format!("Version {version} is linked to a channel; promote another version first");
                return Err(ApiError::new("cannot_delete_linked_version", message));
            }
            bundles::delete(database, &app_id, Some(bundle.id))
        })
        .await?;
    for path in paths {
        let removed = remove::if_unreferenced(&state, path).await;
        removed.map_err(|error| error.documented(STORAGE))?;
    }
    Ok(Json(json!({ "status": "ok" })))
}

/// `PUT /bundle`: promotes a bundle to a channel.
pub(crate) async fn promote(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    fields: Fields,
) -> ApiResult<Json<Value>> {
    let (version_id, channel_id) = (fields.number("version_id"), fields.number("channel_id"));
    let (Some(_), Some(version_id), Some(channel_id)) = (fields.text("app_id"), version_id, channel_id) else {
        return Err(ApiError::new(
            "missing_required_fields",
            "Missing app_id, version_id or channel_id",
        ));
    };
    let app_id = fields.app_id()?;
    if !caller.may_write(&app_id) {
        return Err(cannot_access_app().documented(PERMISSION));
    }
    let message = state
        .database
        .write(move |database| {
            let bundle = find(database, &app_id, version_id)?;
            let mut channel = channels::by_id(database, &app_id, channel_id)?
                .ok_or_else(|| ApiError::new("cannot_find_channel", "Channel not found in this app"))?;
            channel.built_in = false;
            channel.version = Some(channels::LinkedBundle {
                id: bundle.id,
                name: bundle.name.clone(),
            });
            channels::save(database, &channel)?;
            Ok(format!("Bundle {} set to channel {}", bundle.name, channel.name))
        })
        .await?;
    Ok(Json(json!({ "status": "success", "message": message })))
}

/// `POST /bundle/metadata`: sets the link and the comment of a bundle.
pub(crate) async fn set_metadata(
    State(state): State<Arc<ServerState>>,
    caller: Caller,
    fields: Fields,
) -> ApiResult<Json<Value>> {
    let (Some(_), Some(version_id)) = (fields.text("app_id"), fields.number("version_id")) else {
        return Err(ApiError::new("missing_required_fields", "Missing app_id or version_id"));
    };
    let app_id = fields.app_id()?;
    if !caller.may_write(&app_id) {
        let error = ApiError::new("cannot_update_version_metadata", "You can't change bundles of this app");
        return Err(error.documented(PERMISSION));
    }
    let (link, comment) = (fields.text("link"), fields.text("comment"));
    if [&link, &comment]
        .into_iter()
        .flatten()
        .any(|text| text.len() > MAX_TEXT)
    {
        return Err(ApiError::new(
            "cannot_update_version_metadata",
            format!("link and comment: expected at most {MAX_TEXT} bytes"),
        ));
    }
    state
        .database
        .write(move |database| {
            let bundle = find(database, &app_id, version_id)?;
            if link.is_none() && comment.is_none() {
                return Err(ApiError::new("no_fields_to_update", "Missing link or comment"));
            }
            bundles::set_metadata(database, bundle.id, link.as_deref(), comment.as_deref())
        })
        .await?;
    let status = match state.config.api_shape {
        ApiShape::Documented => "success",
        ApiShape::Backend => "ok",
    };
    Ok(Json(json!({ "status": status })))
}

fn find(database: &Connection, app_id: &str, id: i64) -> ApiResult<bundles::BundleRow> {
    bundles::by_id(database, app_id, id)?
        .ok_or_else(|| ApiError::new("cannot_find_version", "Version not found in this app").documented(NOT_FOUND))
}
