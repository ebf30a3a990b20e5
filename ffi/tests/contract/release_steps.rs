//! Steps on releases and key rings.

use std::fs;

use serde_json::{Value, json};

use super::CaseRunner;
use super::arguments::Arguments;
use crate::error::Result;
use crate::keys::ContentKey;
use crate::release::{Release, inspect_release_unverified, rollout_bucket};
use crate::store::Store;
use crate::store::release::ReleaseOptions;

impl CaseRunner {
    /// `None` for another operation.
    pub(super) fn release_steps(&mut self, arguments: &Arguments<'_>) -> Option<Result<Value>> {
        Some(match arguments.operation() {
            "inspect_release" => {
                inspect_release_unverified(self.bytes(arguments, "envelope")).map(|release| release_facts(&release))
            }
            "rollout_bucket" => rollout_bucket(
                arguments.text("app_id"),
                arguments.text("rollout_sha256"),
                arguments.text("device_id"),
            )
            .map(Value::from),
            "check_release" => self.check_release(arguments),
            "install_release" => self.install_release(arguments),
            "accept_built_in" => self.accept_built_in(arguments),
            "key_ring" => self.key_ring(arguments),
            "follow_ring" => self.follow_ring(arguments),
            _ => return None,
        })
    }

    fn check_release(&self, arguments: &Arguments<'_>) -> Result<Value> {
        let envelope = self.bytes(arguments, "envelope");
        let options = self.release_options(arguments)?;
        Ok(release_facts(&self.open_store().check_release(envelope, options)?))
    }

    fn install_release(&mut self, arguments: &Arguments<'_>) -> Result<Value> {
        let (envelope, list) = (self.bytes(arguments, "envelope"), self.bytes(arguments, "file_list"));
        let (archive, name) = (self.path(arguments.text("archive")), arguments.optional("as"));
        let options = self.release_options(arguments)?;
        let store = self.open_store();
        let record = store.install_release(envelope, &archive, list, options, None, None)?;
        Ok(self.installed(name.map(str::to_owned), &record))
    }

    fn accept_built_in(&self, arguments: &Arguments<'_>) -> Result<Value> {
        let envelope = self.bytes(arguments, "envelope");
        let options = self.release_options(arguments)?;
        self.open_store().accept_built_in(envelope, options).map(Value::from)
    }

    fn key_ring(&self, arguments: &Arguments<'_>) -> Result<Value> {
        let options = self.release_options(arguments)?;
        self.open_store().key_ring(options).map(Value::from)
    }

    fn follow_ring(&self, arguments: &Arguments<'_>) -> Result<Value> {
        let envelope = self.bytes(arguments, "envelope");
        let options = self.release_options(arguments)?;
        self.open_store().follow_ring(envelope, options).map(Value::from)
    }

    fn release_options(&self, arguments: &Arguments<'_>) -> Result<ReleaseOptions> {
        let text = |key: &str, usual: &str| arguments.optional(key).unwrap_or(usual).to_owned();
        let mut options = ReleaseOptions {
            app_id: text("app_id", "com.example.app"),
            channel: text("channel", "production"),
            first_ring: fs::read_to_string(self.path(&text("ring", "ring.json"))).unwrap(),
            native_version: text("native_version", "1.0.0"),
            content_keys: Vec::new(),
        };
        for file in arguments
            .value("content_keys")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let pem = fs::read_to_string(self.path(file.as_str().unwrap())).unwrap();
            options.content_keys.push(ContentKey::from_pem(&pem)?);
        }
        Ok(options)
    }

    fn bytes(&self, arguments: &Arguments<'_>, key: &str) -> Vec<u8> {
        fs::read(self.path(arguments.text(key))).unwrap()
    }

    fn open_store(&self) -> &Store {
        self.store.as_ref().expect("the store is not open")
    }
}

fn release_facts(release: &Release) -> Value {
    let bundle = release.bundle.as_ref();
    json!({
        "app_id": release.app_id, "channel": release.channel, "version": release.version, "sequence": release.sequence,
        "rollout_sha256": release.rollout_sha256, "is_built_in": bundle.is_none(),
        "is_sealed": bundle.map(|bundle| bundle.is_sealed), "archive_path": bundle.map(|bundle| &bundle.archive_path),
        "archive_size": bundle.map(|bundle| bundle.archive_size),
        "archive_sha256": bundle.map(|bundle| &bundle.archive_sha256),
        "file_list_path": bundle.map(|bundle| &bundle.file_list_path),
    })
}
