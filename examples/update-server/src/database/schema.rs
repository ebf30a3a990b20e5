//! The schema and its migrations.

use rusqlite::{Connection, TransactionBehavior};

use crate::error::{Error, Result};

/// Each migration raises the format by one. Released migrations never change; changes go into new ones.
const MIGRATIONS: [&str; 3] = [
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
];

pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let done = usize::try_from(found).ok().filter(|done| *done <= MIGRATIONS.len());
    let Some(done) = done else {
        return Err(Error::NewerDatabase { found, known });
    };
    for migration in &MIGRATIONS[done..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::database::bundles;

    #[test]
    fn a_database_of_format_1_is_migrated_with_its_rows() {
        let mut database = Connection::open_in_memory().unwrap();
        database.execute_batch(MIGRATIONS[0]).unwrap();
        database.pragma_update(None, "user_version", 1).unwrap();
        let rows = "INSERT INTO keys (name, hash, every_app, writes) VALUES ('ci', x'00', 1, 1); \
                    INSERT INTO apps (app_id) VALUES ('com.example.app'); \
                    INSERT INTO bundles (app_id, name, created_by) VALUES ('com.example.app', '1.0.0', 1), \
                    ('com.example.app', '0.9.0', NULL);";
        database.execute_batch(rows).unwrap();
        migrate(&mut database).unwrap();
        let bundle = bundles::by_name(&database, "com.example.app", "1.0.0")
            .unwrap()
            .unwrap();
        assert_eq!((bundle.size, bundle.user_id.as_deref()), (None, Some("1:ci")));
        let oldest = bundles::by_name(&database, "com.example.app", "0.9.0")
            .unwrap()
            .unwrap();
        assert_eq!((oldest.native_packages, oldest.user_id), (None, None));
        migrate(&mut database).unwrap();
    }
}
