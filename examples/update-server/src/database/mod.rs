//! The database: one `SQLite` file with apps, bundles, channels, devices, keys and statistics.
//!
//! It uses a write-ahead log and syncs at every commit, so commits survive a power cut and readers never wait. All writes go
//! through one connection, so that writers queue on its mutex and not on `SQLite`'s lock.

pub(crate) mod apps;
pub(crate) mod bundles;
pub(crate) mod channels;
pub(crate) mod devices;
pub(crate) mod manifests;
mod schema;
pub(crate) mod statistics;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction};

use crate::api_error::{ApiError, ApiResult};
use crate::error::{Error, Result};

/// The file in the data folder.
const FILE: &str = "capbundle.sqlite";
/// Idle connections for reading that stay open.
const MAX_IDLE: usize = 8;
/// How long to wait while another process writes, such as `key create`.
const BUSY: Duration = Duration::from_secs(10);

pub(crate) struct Database {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl Database {
    /// Opens the database in the folder `data`. Creates both if they do not exist.
    pub(crate) fn open(data: &Path) -> Result<Self> {
        std::fs::create_dir_all(data).map_err(Error::file("create", data))?;
        let path = data.join(FILE);
        let mut writer = connect(&path, true)?;
        schema::migrate(&mut writer)?;
        Ok(Self {
            path,
            writer: Mutex::new(writer),
            readers: Mutex::default(),
        })
    }

    /// Runs a read on a blocking thread.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        let database = Arc::clone(self);
        run_blocking(move || {
            let idle = database.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let reader = idle.map_or_else(|| connect(&database.path, false), Ok)?;
            let result = work(&reader);
            let mut readers = database.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if readers.len() < MAX_IDLE {
                readers.push(reader);
            }
            result
        })
        .await
    }

    /// Runs `work` in a transaction on a blocking thread. The transaction is durable when this returns, and rolled back if `work`
    /// fails.
    pub(crate) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Transaction<'_>) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        let database = Arc::clone(self);
        run_blocking(move || {
            let mut writer = database.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
        .await
    }

    /// Like [`write`](Self::write), for commands, which have no async runtime.
    pub(crate) fn write_blocking<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::internal("open the database", &error)
    }
}

fn connect(path: &Path, writes: bool) -> Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, writes);
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "query_only", !writes)?;
    Ok(connection)
}

async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> ApiResult<T> + Send + 'static) -> ApiResult<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ApiError::internal("run a database operation", &error)),
    }
}
