//! Rows as servers keep them.

use serde::Serialize;
use serde_json::Value;

/// Parses one row of a list.
pub(super) trait Row: Sized {
    /// What is wrong with it, if it is none.
    fn from_json(row: &Value) -> Result<Self, String>;
    /// What tells rows apart.
    fn id(&self) -> u64;
}

/// A bundle as a server knows it. What a server does not tell is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RemoteBundle {
    /// What channels and metadata know it by.
    pub id: u64,
    /// Its version; servers call it `name`.
    pub version: String,
    /// The app it is of.
    pub app_id: Option<String>,
    /// SHA-256 of the plain archive, or a signed checksum.
    pub checksum: Option<String>,
    /// IV and wrapped session key of a sealed archive.
    pub session_key: Option<String>,
    /// The key it was sealed with.
    pub key_id: Option<String>,
    /// Where devices get it, unless the server keeps it.
    pub external_url: Option<String>,
    /// Who keeps it, for example `r2` or `external`.
    pub storage_provider: Option<String>,
    /// The bucket the server keeps it in.
    pub bucket_id: Option<String>,
    /// Where the server keeps it.
    pub r2_path: Option<String>,
    /// Bytes of the stored archive.
    pub size: Option<u64>,
    /// The native packages of the project it was built from, as the server has them; see
    /// [`NativePackage`](super::NativePackage).
    pub native_packages: Option<Vec<Value>>,
    /// A link to what is new.
    pub link: Option<String>,
    /// What was remarked.
    pub comment: Option<String>,
    /// The oldest native version that takes it. Capgo's servers heed it only in channels that go by it.
    pub min_update_version: Option<String>,
    /// When it was registered, as the server writes it.
    pub created_at: Option<String>,
    /// When it was changed last.
    pub updated_at: Option<String>,
    /// The organization it belongs to.
    pub owner_org: Option<String>,
    /// Who registered it, as the server names the key or person.
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

/// A number; older servers have it as text.
pub(super) fn id(row: &Value) -> Result<u64, String> {
    let id = row.get("id").ok_or("a row has no id")?;
    let from_text = || id.as_str().and_then(|id| id.parse().ok());
    id.as_u64()
        .or_else(from_text)
        .ok_or_else(|| "the id of a row is no number".to_owned())
}

fn optional_list(row: &Value, name: &str) -> Result<Option<Vec<Value>>, String> {
    match row.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(list)) => Ok(Some(list.clone())),
        Some(_) => Err(format!("the field {name} of a row is no array")),
    }
}

/// The text of a field that may be absent or `null`.
pub(super) fn optional_text(row: &Value, name: &str) -> Result<Option<String>, String> {
    match row.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("the field {name} of a row is no text")),
    }
}
