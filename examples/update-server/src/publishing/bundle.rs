//! `/bundle`: list, register, delete, describe, promote. Codes are those of Capgo's backend; shapes are the documented ones, or
//! the backend's where that is configured.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{describe, native_packages};
use crate::access::Caller;
use crate::config::ApiShape;
use crate::database::bundles::{self, NewBundle};
use crate::database::{apps, channels};
use crate::files::{Claim, remove};
use crate::gate::Slot;
use crate::input::Fields;
use crate::names::{self, Checksum};
use crate::refusal::documented::{INVALID_VERSION, NOT_FOUND, PERMISSION, STORAGE};
use crate::refusal::{Answer, Refusal};
use crate::state::App;

/// Longer than any signed URL.
const MAX_URL: usize = 16 << 10;
/// Session keys of RSA-4096 have about a thousand characters.
const MAX_PROOF: usize = 4 << 10;
/// What people write about a bundle.
const MAX_TEXT: usize = 4 << 10;

/// `GET /bundle?app_id&page`: newest first, 50 a page, the first page is 0.
///
/// Documented is `{"data":[…]}`, which is empty past the last page. The backend answers a bare array, and past the last page the
/// error that Capgo's clients stop at; its pages overlap and these do not, which clients made for both do not notice.
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller, fields: Fields) -> Answer<Json<Value>> {
    let app_id = fields.app_id()?;
    let page = fields.number("page").unwrap_or(0).max(0);
    let cannot = |error| Refusal::new("cannot_get_bundle", "Cannot get bundle").documented(error);
    if !caller.may_read(&app_id) {
        return Err(cannot(PERMISSION));
    }
    let documented = app.config.api_shape == ApiShape::Documented;
    let (rows, usage) = app
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
    let rows: Vec<Value> = rows.iter().map(|row| describe::bundle(row, &app.config)).collect();
    if !documented {
        return Ok(Json(json!(rows)));
    }
    let usage =
        usage.map(|usage| json!({ "bundles": usage.bundles, "archives": usage.archives, "bytes": usage.bytes }));
    Ok(Json(json!({ "data": rows, "storage": usage })))
}

/// `POST /bundle`: registers an archive that is at an https address, or that was uploaded here.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Extension(slot): Extension<Slot>,
    fields: Fields,
) -> Answer<Json<Value>> {
    let mut bundle = read_new(&fields)?;
    bundle.r2_path = stored_path(&app, &bundle)?;
    if bundle.r2_path.is_none() && !bundle.external_url.starts_with("https://") {
        return Err(Refusal::new(
            "invalid_protocol",
            "external_url has to start with https://",
        ));
    }
    if !caller.may_write(&bundle.app_id) {
        let refusal = Refusal::new("cannot_create_bundle", "You can't create a bundle for this app");
        return Err(refusal.documented(PERMISSION));
    }
    let new_apps = app.config.new_apps;
    let claim = if let Some(path) = &bundle.r2_path {
        let (claim, size) = claim_uploaded(&app, path).await?;
        bundle.size = Some(size);
        Some(claim)
    } else {
        let (asked, known) = (bundle.clone(), app.database.clone());
        let rules = known.read(move |database| may_come(database, &asked, new_apps)).await?;
        if rules.verify_external.unwrap_or(app.config.verify_external) {
            // Another server may take its time, and others are served meanwhile.
            slot.give_back();
            let verified = app
                .verifier
                .verify(&app, caller.key, &bundle, rules.public_key.as_deref());
            bundle.size = Some(verified.await?);
        }
        None
    };
    let (row, _claim) = app
        .database
        .write(move |database| {
            may_come(database, &bundle, new_apps)?;
            apps::ensure(database, &bundle.app_id)?;
            let id = bundles::add(database, &bundle, caller.key)?;
            // The claim comes back with the row, so that it outlives the commit.
            Ok((bundles::by_id(database, &bundle.app_id, id)?, claim))
        })
        .await?;
    let row = row.map(|row| describe::bundle(&row, &app.config));
    let status = match app.config.api_shape {
        ApiShape::Documented => "ok",
        ApiShape::Backend => "success",
    };
    Ok(Json(json!({ "status": status, "bundle": row })))
}

/// Whether the app takes this bundle now; gives the app's rules.
fn may_come(database: &Connection, bundle: &NewBundle, new_apps: bool) -> Answer<apps::AppRules> {
    let rules = match apps::rules(database, &bundle.app_id)? {
        None if new_apps => apps::AppRules::default(),
        None => {
            return Err(Refusal::new(
                "cannot_find_app",
                "There is no such app; `app create` makes it",
            ));
        }
        Some(rules) => rules,
    };
    encrypted_as_wanted(&rules, bundle)?;
    if bundles::by_name(database, &bundle.app_id, &bundle.name)?.is_some() {
        return Err(Refusal::new(
            "version_already_exists",
            format!("Version {} already exists", bundle.name),
        ));
    }
    Ok(rules)
}

/// Claims an archive that was uploaded here, which must be there: no deletion takes it away until it is registered. Gives its
/// size too.
async fn claim_uploaded(app: &App, path: &str) -> Answer<(Claim, u64)> {
    let claim = app.files.claim(path).await;
    let asked = path.to_owned();
    let size = app
        .files
        .work("look for an archive", move |kept| kept.size(&asked))
        .await?;
    match size {
        Some(size) => Ok((claim, size)),
        None => Err(Refusal::new(
            "cannot_create_bundle",
            "external_url is an address of this server that has no archive: upload it first",
        )),
    }
}

fn read_new(fields: &Fields) -> Answer<NewBundle> {
    let app_id = fields.app_id()?;
    let missing = |code: &'static str, name: &str| Refusal::new(code, format!("Missing {name}"));
    let name = fields
        .text("version")
        .ok_or_else(|| missing("missing_version", "version"))?;
    let external_url = fields
        .text("external_url")
        .ok_or_else(|| missing("missing_external_url", "external_url"))?;
    let checksum = fields
        .text("checksum")
        .ok_or_else(|| missing("missing_checksum", "checksum"))?;
    if !names::is_version(&name) {
        let message = format!("Invalid version {name:?}: a semantic version is wanted, such as 1.2.3");
        return Err(Refusal::new("invalid_version_format", message).documented(INVALID_VERSION));
    }
    let min_update_version = fields.text_if_given("min_update_version", "invalid_min_update_version")?;
    if min_update_version
        .as_deref()
        .is_some_and(|version| !names::is_version(version))
    {
        let refusal = Refusal::new("invalid_version_format", "min_update_version is no semantic version");
        return Err(refusal.documented(INVALID_VERSION));
    }
    let checksum = match Checksum::read(&checksum) {
        // Devices compare it letter for letter.
        Some(Checksum::Plain(digest)) => digest.to_string(),
        Some(Checksum::Signed(_)) => checksum,
        None => {
            let message = "checksum is neither a SHA-256 of 64 hexadecimal digits nor one that is signed with an RSA key of 2048, \
                           3072 or 4096 bits";
            return Err(Refusal::new("invalid_checksum", message));
        }
    };
    let bundle = NewBundle {
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
        native_packages: native_packages::read(fields)?,
    };
    let long = |text: Option<&String>, limit| text.is_some_and(|text| text.len() > limit);
    let too_long = bundle.external_url.len() > MAX_URL
        || long(bundle.session_key.as_ref(), MAX_PROOF)
        || long(bundle.key_id.as_ref(), MAX_PROOF)
        || long(bundle.link.as_ref(), MAX_TEXT)
        || long(bundle.comment.as_ref(), MAX_TEXT);
    let no_url = |letter: char| letter.is_whitespace() || letter.is_control();
    if too_long || bundle.external_url.contains(no_url) {
        return Err(Refusal::new(
            "cannot_create_bundle",
            "a field is too long, or external_url is no URL",
        ));
    }
    Ok(bundle)
}

/// The path of an archive that was uploaded here, from its address.
fn stored_path(app: &App, bundle: &NewBundle) -> Answer<Option<String>> {
    let Some(path) = bundle.external_url.strip_prefix(&format!("{}/bundles/", app.base_url)) else {
        return Ok(None);
    };
    let name = path
        .strip_prefix(&format!("{}/", bundle.app_id))
        .filter(|name| names::is_stored_file(name));
    let Some(name) = name else {
        return Err(Refusal::new(
            "cannot_create_bundle",
            "external_url is no archive of this app",
        ));
    };
    // What is not encrypted has its own digest as checksum, and that is known here.
    let (digest, checksum) = (name.trim_end_matches(".zip"), &bundle.checksum);
    let plain = bundle.session_key.is_none() && checksum.len() == 64;
    if plain && checksum != digest {
        return Err(Refusal::new(
            "cannot_create_bundle",
            format!("checksum is not that of the archive, {digest}"),
        ));
    }
    Ok(Some(path.to_owned()))
}

fn encrypted_as_wanted(rules: &apps::AppRules, bundle: &NewBundle) -> Answer<()> {
    if (rules.encryption_required || rules.key_id.is_some()) && bundle.session_key.is_none() {
        return Err(Refusal::new(
            "encryption_required",
            "This app takes encrypted bundles only: session_key is missing",
        ));
    }
    match (&rules.key_id, &bundle.key_id) {
        (Some(_), None) => Err(Refusal::new(
            "encryption_key_required",
            "This app wants to know the key: key_id is missing",
        )),
        (Some(wanted), Some(given)) if wanted != given => Err(Refusal::new(
            "encryption_key_mismatch",
            format!("This app takes bundles of the key {wanted} only"),
        )),
        _ => Ok(()),
    }
}

/// `DELETE /bundle`: one version; where none is named at all, every one that no channel hands out.
pub(crate) async fn delete(State(app): State<Arc<App>>, caller: Caller, fields: Fields) -> Answer<Json<Value>> {
    let app_id = fields.app_id()?;
    let version = fields.text_if_given("version", "invalid_version");
    let version = version.map_err(|refusal| refusal.documented(INVALID_VERSION))?;
    if !caller.may_write(&app_id) {
        let code = if version.is_some() {
            "cannot_delete_version"
        } else {
            "cannot_delete_all_version"
        };
        return Err(Refusal::new(code, "You can't delete bundles of this app").documented(PERMISSION));
    }
    let paths = app
        .database
        .write(move |database| {
            let Some(version) = version else {
                return bundles::delete(database, &app_id, None);
            };
            let bundle = bundles::by_name(database, &app_id, &version)?.ok_or_else(|| {
                let refusal = Refusal::new("cannot_delete_version", format!("There is no version {version}"));
                refusal.documented(NOT_FOUND)
            })?;
            if bundles::is_linked(database, bundle.id)? {
                let message = format!("Version {version} is in a channel: promote another one first");
                return Err(Refusal::new("cannot_delete_linked_version", message));
            }
            bundles::delete(database, &app_id, Some(bundle.id))
        })
        .await?;
    for path in paths {
        let removed = remove::unneeded(&app, path).await;
        removed.map_err(|refusal| refusal.documented(STORAGE))?;
    }
    Ok(Json(json!({ "status": "ok" })))
}

/// `PUT /bundle`: promotes a bundle to a channel.
pub(crate) async fn set_channel(State(app): State<Arc<App>>, caller: Caller, fields: Fields) -> Answer<Json<Value>> {
    let (version_id, channel_id) = (fields.number("version_id"), fields.number("channel_id"));
    let (Some(_), Some(version_id), Some(channel_id)) = (fields.text("app_id"), version_id, channel_id) else {
        return Err(Refusal::new(
            "missing_required_fields",
            "app_id, version_id and channel_id are needed",
        ));
    };
    let app_id = fields.app_id()?;
    if !caller.may_write(&app_id) {
        return Err(Refusal::new("cannot_access_app", "You can't access this app").documented(PERMISSION));
    }
    let message = app
        .database
        .write(move |database| {
            let bundle = find(database, &app_id, version_id)?;
            let mut channel = channels::by_id(database, &app_id, channel_id)?
                .ok_or_else(|| Refusal::new("cannot_find_channel", "There is no such channel in this app"))?;
            channel.built_in = false;
            channel.version = Some(channels::Linked {
                id: bundle.id,
                name: bundle.name.clone(),
            });
            channels::save(database, &channel)?;
            Ok(format!("Bundle {} set to channel {}", bundle.name, channel.name))
        })
        .await?;
    Ok(Json(json!({ "status": "success", "message": message })))
}

/// `POST /bundle/metadata`: what people read about a bundle.
pub(crate) async fn describe(State(app): State<Arc<App>>, caller: Caller, fields: Fields) -> Answer<Json<Value>> {
    let (Some(_), Some(version_id)) = (fields.text("app_id"), fields.number("version_id")) else {
        return Err(Refusal::new(
            "missing_required_fields",
            "app_id and version_id are needed",
        ));
    };
    let app_id = fields.app_id()?;
    if !caller.may_write(&app_id) {
        let refusal = Refusal::new("cannot_update_version_metadata", "You can't change bundles of this app");
        return Err(refusal.documented(PERMISSION));
    }
    let (link, comment) = (fields.text("link"), fields.text("comment"));
    if [&link, &comment]
        .into_iter()
        .flatten()
        .any(|text| text.len() > MAX_TEXT)
    {
        return Err(Refusal::new(
            "cannot_update_version_metadata",
            format!("at most {MAX_TEXT} bytes are taken"),
        ));
    }
    app.database
        .write(move |database| {
            let bundle = find(database, &app_id, version_id)?;
            if link.is_none() && comment.is_none() {
                return Err(Refusal::new("no_fields_to_update", "link or comment is needed"));
            }
            bundles::describe(database, bundle.id, link.as_deref(), comment.as_deref())
        })
        .await?;
    let status = match app.config.api_shape {
        ApiShape::Documented => "success",
        ApiShape::Backend => "ok",
    };
    Ok(Json(json!({ "status": status })))
}

fn find(database: &Connection, app_id: &str, id: i64) -> Answer<bundles::Bundle> {
    bundles::by_id(database, app_id, id)?.ok_or_else(|| {
        Refusal::new("cannot_find_version", "There is no such version in this app").documented(NOT_FOUND)
    })
}
