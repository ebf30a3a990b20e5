//! What the server of an app knows: its bundles and channels.

pub(crate) mod channel;
pub(crate) mod cleanup;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod metadata;
pub(in crate::commands) mod table;

use capbundle::publish::api::{Api, AppId, RemoteBundle};

use super::bundle::content::Project;
use super::bundle::identity;
use super::server;
use crate::args::ServerArgs;
use crate::codes::{Failure, Result};
use crate::interrupt;

/// An app at its server.
struct Remote {
    api: Api,
    app: AppId,
}

impl Remote {
    fn find(app_id: Option<&str>, args: &ServerArgs) -> Result<Self> {
        let id = identity::app_id(app_id, &mut Project::default(), "")?;
        let app = server::app(&id)?;
        let transport = server::transport(&args.network)?;
        let api = server::api(args, transport)?;
        Ok(Self { api, app })
    }

    /// All bundles, the newest first.
    fn bundles(&self) -> Result<Vec<RemoteBundle>> {
        let control = interrupt::control();
        let mut bundles = Vec::new();
        for bundle in self.api.bundles(&self.app, &control) {
            match bundle {
                Ok(bundle) => bundles.push(bundle),
                // Capgo's server says it of an app without bundles, and of a key that may not see them.
                Err(capbundle::Error::Api(error)) if bundles.is_empty() && error.is("cannot_get_bundle") => {
                    let failure = Failure::from(capbundle::Error::Api(error));
                    return Err(failure.adding("the app has no bundles yet, or the key may not see them"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(bundles)
    }

    fn bundle(&self, version: &str) -> Result<RemoteBundle> {
        let found = self.api.bundle(&self.app, version, &interrupt::control())?;
        found.ok_or_else(|| {
            Failure::refused(
                "bundle_not_found",
                format!(
                    "{} has no bundle {version}; `capbundle bundle list` shows them",
                    self.app
                ),
            )
        })
    }
}
