//! `capbundle-update-server key`.

use std::io::Write as _;
use std::path::Path;

use capbundle_update_server::{Access, KeyRecord, Keys};

use crate::command_line::KeyCommand;

pub(crate) fn run(data: &Path, command: KeyCommand) -> Result<(), Box<dyn std::error::Error>> {
    let keys = Keys::open(data)?;
    let mut out = anstream::stdout();
    match command {
        KeyCommand::Create { name, app, read_only } => {
            let everything = app.is_empty() && !read_only;
            let access = if everything {
                Access::Everything
            } else {
                Access::Limited {
                    apps: app,
                    writes: !read_only,
                }
            };
            let key = keys.create(&name, &access)?;
            writeln!(anstream::stderr(), "Key {}; it is not shown again:", key.id())?;
            writeln!(out, "{}", key.text())?;
        }
        KeyCommand::List => {
            for key in keys.list()? {
                writeln!(out, "{}", line(&key))?;
            }
        }
        KeyCommand::Revoke { id } => {
            if !keys.revoke(id)? {
                return Err(format!("cannot revoke key {id}: no active key has this number; see `key list`").into());
            }
        }
    }
    Ok(())
}

fn line(key: &KeyRecord) -> String {
    let access = match &key.access {
        Access::Everything => "every app".to_owned(),
        Access::Limited { apps, writes } => {
            let apps = if apps.is_empty() {
                "every app".to_owned()
            } else {
                apps.join(",")
            };
            if *writes { apps } else { format!("{apps} (read-only)") }
        }
    };
    let revoked = key
        .revoked_at
        .as_ref()
        .map(|at| format!("\trevoked {at}"))
        .unwrap_or_default();
    format!(
        "{}\t{}\t{access}\t{}{revoked}",
        key.id,
        key.name.escape_debug(),
        key.created_at
    )
}
