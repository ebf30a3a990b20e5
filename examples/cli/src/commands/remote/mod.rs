//! The bundles and channels of an app on its server.

mod bundle_age;
pub(crate) mod channel;
pub(crate) mod cleanup;
pub(crate) mod delete;
pub(crate) mod download;
pub(crate) mod list;
pub(crate) mod metadata;
pub(in crate::commands) mod table;

use std::sync::Arc;

use capbundle::http::Transport;
use capbundle_publish::api::{Api, AppId, RemoteBundle, RemoteChannel};

use super::bundle::content::Project;
use super::bundle::identity;
use super::server;
use crate::args::ServerArgs;
use crate::error::{Failure, Result};
use crate::interrupt;
use crate::output::Output;

/// An app on its server.
struct Remote {
    api: Api,
    app: AppId,
    /// The transport for archives, which are on other servers.
    transport: Arc<dyn Transport>,
}

impl Remote {
    fn find(app_id: Option<&str>, args: &ServerArgs, output: &Output) -> Result<Self> {
        let id = identity::app_id(app_id, &mut Project::default(), "")?;
        let app = identity::parse_app_id(&id)?;
        identity::warn_of_app_id(&app, output);
        let transport = server::transport(&args.network)?;
        let api = server::api(args, Arc::clone(&transport))?;
        Ok(Self { api, app, transport })
    }

    /// All bundles, newest first.
    fn bundles(&self) -> Result<Vec<RemoteBundle>> {
        let control = interrupt::control();
        let mut bundles = Vec::new();
        for bundle in self.api.bundles(&self.app, &control) {
            match bundle {
                Ok(bundle) => bundles.push(bundle),
                // Capgo's server returns this code for an app without bundles and for a key without access.
                Err(capbundle_publish::Error::Api(error)) if bundles.is_empty() && error.is("cannot_get_bundle") => {
                    let failure = Failure::from(capbundle_publish::Error::Api(error));
                    return Err(failure.adding("the app has no bundles yet, or the API key has no access to them"));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(bundles)
    }

    fn channels(&self) -> Result<Vec<RemoteChannel>> {
        let control = interrupt::control();
        let channels = self.api.channels(&self.app, &control);
        Ok(channels.collect::<capbundle_publish::Result<_>>()?)
    }

    /// Fails if the server has no bundle and no channel of the app, so that a wrong app id is not reported as success.
    fn require_known(&self, bundles: &[RemoteBundle], channels: &[RemoteChannel]) -> Result<()> {
        if !bundles.is_empty() || !channels.is_empty() {
            return Ok(());
        }
        let message = format!(
            "{} has no bundle and no channel of {}: check the app id",
            self.api.base(),
            self.app
        );
        Err(Failure::refused("app_not_found", message))
    }

    fn bundle(&self, version: &str) -> Result<RemoteBundle> {
        let found = self.api.bundle(&self.app, version, &interrupt::control())?;
        found.ok_or_else(|| {
            Failure::refused(
                "bundle_not_found",
                format!(
                    "{} has no bundle {version}; list the bundles with `capbundle bundle list`",
                    self.app
                ),
            )
        })
    }
}
