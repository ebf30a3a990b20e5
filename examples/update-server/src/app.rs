//! `capbundle-update-server app`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use capbundle_update_server::{AppRules, create_app};

use crate::command_line::AppCommand;

pub(crate) fn run(data: &Path, command: AppCommand) -> Result<(), Box<dyn std::error::Error>> {
    let AppCommand::Create {
        app_id,
        require_encryption,
        key_id,
        verify_external,
        public_key,
    } = command;
    let read = |path: PathBuf| {
        std::fs::read_to_string(&path).map_err(|error| format!("--public-key {}: {error}", path.display()))
    };
    if !app_id.contains('.') {
        let warning = "warning: the app id is not a reverse domain such as com.example.app; app stores and signed releases require one";
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
