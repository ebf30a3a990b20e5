//! Rows of a server's lists.

use serde::Serialize;
use serde_json::Value;

/// Parses one row of a list.
pub(super) trait Row: Sized {
    /// Parses the row, or says why it is invalid.
    fn from_json(row: &Value) -> Result<Self, String>;
    /// Its unique ID.
    fn id(&self) -> u64;
}

/// A bundle of a server. Values that a server does not send are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RemoteBundle {
    /// Its ID, which channels and metadata refer to.
    pub id: u64,
    /// Its version; servers call it `name`.
    pub version: String,
    /// Its app.
    pub app_id: Option<String>,
    /// SHA-256 of the plain archive, or a signed checksum.
    pub checksum: Option<String>,
    /// IV and wrapped session key of a sealed archive.
    pub session_key: Option<String>,
    /// The key it was sealed with.
    pub key_id: Option<String>,
    /// The URL of the archive, unless the server stores it.
    pub external_url: Option<String>,
    /// The storage provider, for example `r2` or `external`.
    pub storage_provider: Option<String>,
    /// The server's bucket.
    pub bucket_id: Option<String>,
    /// Its path in the server's storage.
    pub r2_path: Option<String>,
    /// Size of the stored archive in bytes.
    pub size: Option<u64>,
    /// The native packages of the project it was built from, as the server has them; see
    /// [`NativePackage`](super::NativePackage).
    pub native_packages: Option<Vec<Value>>,
    /// A link to release notes.
    pub link: Option<String>,
    /// A comment.
    pub comment: Option<String>,
    /// The oldest native version that accepts it. Capgo's servers apply it only in channels that use it.
    pub min_update_version: Option<String>,
    /// When it was registered, as the server formats it.
    pub created_at: Option<String>,
    /// When it was last changed.
    pub updated_at: Option<String>,
    /// The organization it belongs to.
    pub owner_org: Option<String>,
    /// The key or user that registered it.
    pub user_id: Option<String>,
    /// The command that registered it.
    pub cli_version: Option<String>,
    /// Whether it is deleted. Lists leave such bundles out.
    pub deleted: bool,
}

impl Row for RemoteBundle {
    fn from_json(row: &Value) -> Result<Self, String> {
        let text = |name| optional_text(row, name);
        let min_update_version = match text("min_update_version")? {
            None => text("minUpdateVersion")?,
            found => found,
        };
        Ok(Self {
            id: id(row)?,
            version: text("name")?.ok_or("a row has no name")?,
            app_id: text("app_id")?,
            checksum: text("checksum")?,
            session_key: text("session_key")?,
            key_id: text("key_id")?,
            external_url: text("external_url")?,
            storage_provider: text("storage_provider")?,
            bucket_id: text("bucket_id")?,
            r2_path: text("r2_path")?,
            size: row.get("size").and_then(Value::as_u64),
            native_packages: optional_list(row, "native_packages")?,
            link: text("link")?,
            comment: text("comment")?,
            min_update_version,
            created_at: text("created_at")?,
            updated_at: text("updated_at")?,
            owner_org: text("owner_org")?,
            user_id: text("user_id")?,
            cli_version: text("cli_version")?,
            deleted: row.get("deleted").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    fn id(&self) -> u64 {
        self.id
    }
}

/// A channel of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RemoteChannel {
    /// Its ID in the API.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Whether devices without an assigned channel use it.
    pub public: Option<bool>,
    /// ID of the bundle it serves; `None` for the built-in one, and if the server does not say.
    pub bundle_id: Option<u64>,
    /// Version of the bundle it serves.
    pub version: Option<String>,
}

impl Row for RemoteChannel {
    fn from_json(row: &Value) -> Result<Self, String> {
        let version = row.get("version").filter(|version| !version.is_null());
        let (bundle_id, version) = match version {
            None => (None, None),
            // Some servers name only the version, others only its id.
            Some(Value::String(name)) => (None, Some(name.clone())),
            Some(Value::Number(id)) => (id.as_u64(), None),
            Some(version) => {
                // The built-in bundle has a name and no id.
                let has_id = version.get("id").is_some_and(|id| !id.is_null());
                let bundle_id = has_id.then(|| id(version)).transpose()?;
                (bundle_id, optional_text(version, "name")?)
            }
        };
        Ok(Self {
            id: id(row)?,
            name: optional_text(row, "name")?.ok_or("a channel has no name")?,
            public: row.get("public").and_then(Value::as_bool),
            bundle_id,
            version,
        })
    }

    fn id(&self) -> u64 {
        self.id
    }
}

/// An ID: a number, or a string on older servers.
fn id(row: &Value) -> Result<u64, String> {
    let id = row.get("id").ok_or("a row has no id")?;
    let from_text = || id.as_str().and_then(|id| id.parse().ok());
    id.as_u64()
        .or_else(from_text)
        .ok_or_else(|| "the id of a row is not a number".to_owned())
}

fn optional_list(row: &Value, name: &str) -> Result<Option<Vec<Value>>, String> {
    match row.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(list)) => Ok(Some(list.clone())),
        Some(_) => Err(format!("the field {name} of a row is not an array")),
    }
}

/// A string that may be absent or `null`.
fn optional_text(row: &Value, name: &str) -> Result<Option<String>, String> {
    match row.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("the field {name} of a row is not a string")),
    }
}
