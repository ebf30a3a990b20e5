//! One `SQLite` file: apps, bundles, channels, devices, keys and counted reports.
//!
//! Write-ahead log with a sync at every commit: what was committed survives a power cut, and readers never wait. One connection
//! writes, so that writers queue here and not on `SQLite`'s lock.

pub(crate) mod apps;
pub(crate) mod bundles;
pub(crate) mod channels;
pub(crate) mod devices;
mod schema;
pub(crate) mod statistics;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction};

use crate::error::{Error, Result};
use crate::refusal::{Answer, Refusal};

/// The database's file in the data folder.
const FILE: &str = "capbundle.sqlite";
/// Connections for reading that are kept open.
const MAX_IDLE: usize = 8;
/// How long to wait for another process (`key create`) that writes.
const BUSY: Duration = Duration::from_secs(10);

pub(crate) struct Database {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl Database {
    /// Opens the database in the folder `data`, which is made with it if it is missing.
    pub(crate) fn open(data: &Path) -> Result<Self> {
        std::fs::create_dir_all(data).map_err(Error::file("create", data))?;
        let path = data.join(FILE);
        let mut writer = connect(&path, true)?;
        schema::bring_up_to_date(&mut writer)?;
        Ok(Self {
            path,
            writer: Mutex::new(writer),
            readers: Mutex::default(),
        })
    }

    /// Reads, off the threads that serve connections.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let database = Arc::clone(self);
        off_thread(move || {
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

    /// Changes everything that `work` changes, or nothing if it refuses. When this returns, it is on the disk.
    pub(crate) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Transaction<'_>) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let database = Arc::clone(self);
        off_thread(move || {
            let mut writer = database.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
        .await
    }

    /// The same as [`write`](Self::write) for commands, which have no runtime.
    pub(crate) fn change<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

impl From<Error> for Refusal {
    fn from(problem: Error) -> Self {
        Self::broken("open the database", &problem)
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

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Answer<T> + Send + 'static) -> Answer<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(problem) => Err(Refusal::broken("work", &problem)),
    }
}
