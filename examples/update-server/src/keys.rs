//! `key` and `app`: what is done beside a running server.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use capbundle_update_server::{Access, AppRules, KeyRecord, Keys, create_app};

use crate::command_line::{AppCommand, KeyCommand};

type Outcome = Result<(), Box<dyn std::error::Error>>;

pub(crate) fn run(data: &Path, command: KeyCommand) -> Outcome {
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
            writeln!(anstream::stderr(), "Key {}, shown this once:", key.id())?;
            writeln!(out, "{}", key.text())?;
        }
        KeyCommand::List => {
            for key in keys.list()? {
                writeln!(out, "{}", line(&key))?;
            }
        }
        KeyCommand::Revoke { id } => {
            if !keys.revoke(id)? {
                return Err(format!("there is no key {id} that is still good").into());
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
            if *writes {
                apps
            } else {
                format!("{apps} (only to read)")
            }
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

pub(crate) fn run_app(data: &Path, command: AppCommand) -> Outcome {
    let AppCommand::Create {
        app_id,
        require_encryption,
        key_id,
        verify_external,
        public_key,
    } = command;
    let read = |path: PathBuf| {
        std::fs::read_to_string(&path).map_err(|problem| format!("--public-key {}: {problem}", path.display()))
    };
    if !app_id.contains('.') {
        let warning = "warning: the id is no reverse domain such as com.example.app: app stores and releases need one";
        writeln!(anstream::stderr(), "{warning}")?;
    }
    create_app(
        data,
        &app_id,
        &AppRules {
            encryption_required: require_encryption,
            key_id,
            verify_external,
            public_key: public_key.map(read).transpose()?,
        },
    )?;
    Ok(())
}
