//! The tables, and how those of older versions become those of this one.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Error, Result};

/// Each step brings the format one number up. Steps are never changed once released; new ones follow.
const STEPS: [&str; 1] = [include_str!("schema_1.sql")];

pub(super) fn bring_up_to_date(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let done = usize::try_from(found).ok().filter(|done| *done <= STEPS.len());
    let Some(done) = done else {
        return Err(Error::Newer { found, known });
    };
    for step in &STEPS[done..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}
