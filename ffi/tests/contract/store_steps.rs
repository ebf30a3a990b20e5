//! Steps on the store.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::CaseRunner;
use super::arguments::Arguments;
use super::file_steps::sorted;
use super::values;
use crate::archive::VerifiedArchive;
use crate::digest::sha256_of_file;
use crate::error::Result;
use crate::store::Store;
use crate::store::cleanup::KeepRules;
use crate::store::install::NewBundle;
use crate::store::launch::Launch;
use crate::store::migrate_capgo::CapgoBundles;
use crate::store::options::{RequiredProof, StoreOptions};
use crate::store::records::{BundleRecord, FailedBundle};
use crate::store::trial::Confirmation;
use crate::store::types::{ApplyCondition, BundleRef, NativeApp, NativeRange};

impl CaseRunner {
    pub(super) fn store_steps(&mut self, arguments: &Arguments<'_>) -> Result<Value> {
        match arguments.operation() {
            "open" => self.open(arguments),
            "resume" => self.resume(arguments),
            "close" => {
                self.updater = None;
                self.store = None;
                Ok(Value::Null)
            }
            "install" => self.install(arguments),
            "write" => Ok(self.damage(arguments)),
            "remove" => Ok(self.remove(arguments)),
            _ => self.on_open_store(arguments),
        }
    }

    fn on_open_store(&mut self, arguments: &Arguments<'_>) -> Result<Value> {
        let store = Arc::clone(self.store.as_ref().expect("the store is not open"));
        let nothing = |()| Value::Null;
        match arguments.operation() {
            "launch" => Ok(self.launch(&store.launch(native(arguments))?)),
            "apply_next" => Ok(self.maybe_launch(store.apply_next(native(arguments))?.as_ref())),
            "served" => Ok(self.maybe_launch(store.served()?.as_ref())),
            "set_current" => Ok(self.launch(&store.set_current(self.bundle_ref(arguments))?)),
            "reset" => Ok(self.launch(&store.reset(arguments.flag("to_last_proven").unwrap())?)),
            "trial_started" => store.trial_started(&self.id(arguments)).map(Value::from),
            "trial_suspended" => store.trial_suspended(&self.id(arguments)).map(Value::from),
            "trial_expired" => Ok(self.maybe_launch(store.trial_expired(&self.id(arguments))?.as_ref())),
            "ready_deadline" => Ok(store.ready_deadline_ms().into()),
            "confirm" => self.confirm(&store, arguments),
            "current" => Ok(self.name_of(&store.current()?)),
            "next" => Ok(store.next()?.map_or(Value::Null, |slot| self.name_of(&slot))),
            "fallback" => Ok(self.name_of(&store.fallback()?)),
            "set_next" => match delays(arguments) {
                Some(delays) => store.set_next_when(self.bundle_ref(arguments), delays).map(nothing),
                None => store.set_next(self.bundle_ref(arguments)).map(nothing),
            },
            "clear_next" => store.clear_next().map(nothing),
            "set_delays" => store.set_delays(delays(arguments).unwrap()).map(nothing),
            "delays" => Ok(store.delays()?.iter().map(values::delay_value).collect()),
            "entered_background" => store.entered_background().map(nothing),
            "entered_foreground" => store.entered_foreground(native(arguments)).map(nothing),
            "list" => {
                let mut bundles = store.list()?;
                bundles.sort_by(|one, other| one.record.version.cmp(&other.record.version));
                Ok(bundles.iter().map(|bundle| self.listed(bundle)).collect())
            }
            "failed" => Ok(store.failed()?.iter().map(|failed| self.failed(failed)).collect()),
            "failure_of" => {
                let digest = arguments.optional("digest").map(str::to_owned);
                Ok(self.maybe_failed(store.failure_of(arguments.text("version"), digest)?.as_ref()))
            }
            "take_failure" => Ok(self.maybe_failed(store.take_failure()?.as_ref())),
            "mark_failed" => store.mark_failed(&self.id(arguments)).map(nothing),
            "delete" => store.delete(&self.id(arguments)).map(nothing),
            "forget_failure" => store.forget_failure(arguments.text("version")).map(Value::from),
            "find" => {
                let record = store.find(arguments.text("digest"))?;
                Ok(record.map_or(Value::Null, |record| self.name_of_id(&record.id)))
            }
            "verify_bundle" => {
                let damage = store.verify_bundle(&self.id(arguments), None, None)?;
                Ok(sorted(damage.into_iter().map(|damage| damage.path).collect()).into())
            }
            "clean" => self.clean(&store, arguments),
            "sweep" => store.sweep().map(nothing),
            "staged" => Ok(self.staged().into()),
            "device_id_is_uuid" => {
                let id = store.device_id()?;
                Ok((is_uuid(&id) && store.device_id()? == id).into())
            }
            "adopt" => self.adopt(&store, arguments),
            other => panic!("there is no operation {other}"),
        }
    }

    /// The number of folders that wait for removal.
    fn staged(&self) -> usize {
        let entries = fs::read_dir(Path::new(&self.path("store")).join("staging")).unwrap();
        let names = entries.map(|entry| entry.unwrap().path());
        names
            .filter(|path| path.extension().is_none_or(|ending| ending != "lock"))
            .count()
    }

    fn open(&mut self, arguments: &Arguments<'_>) -> Result<Value> {
        self.updater = None;
        self.store = None;
        let store = Store::open(&self.path("store"), self.options(arguments), None)?;
        self.session = Some(store.session());
        self.store = Some(store);
        Ok(Value::Null)
    }

    fn resume(&mut self, arguments: &Arguments<'_>) -> Result<Value> {
        let session = self.session.clone().expect("no session was opened before");
        let store = Store::resume(&self.path("store"), self.options(arguments), &session, None)?;
        self.store = Some(store);
        Ok(Value::Null)
    }

    fn options(&self, arguments: &Arguments<'_>) -> StoreOptions {
        let required_proof = match arguments.value("required_proof") {
            Some(Value::Object(proof)) => {
                let key = self.path(proof["capgo_signed"].as_str().unwrap());
                RequiredProof::CapgoSigned {
                    public_key: fs::read_to_string(key).unwrap(),
                }
            }
            Some(Value::String(word)) if word == "release" => RequiredProof::Release,
            Some(Value::String(word)) if word != "digest" => panic!("there is no proof {word}"),
            _ => RequiredProof::Digest,
        };
        StoreOptions {
            required_proof,
            bundles: arguments.optional("bundles").map(|folder| self.path(folder)),
            attempts: arguments.number("attempts").unwrap_or(2),
            silent_starts: arguments.number("silent_starts").unwrap_or(3),
            app_ready_timeout_ms: arguments.number("app_ready_timeout_ms").unwrap_or(10_000),
            reset_when_native_changes: arguments.flag("reset_when_native_changes").unwrap_or(true),
            auto_delete_failed: arguments.flag("auto_delete_failed").unwrap_or(true),
            auto_delete_previous: arguments.flag("auto_delete_previous").unwrap_or(true),
            limits: values::limits(arguments.value("limits")),
            unpack_threads: None,
            lock_timeout_ms: arguments.number("lock_timeout_ms").unwrap_or(10_000),
            space_margin: arguments.number("space_margin").unwrap_or(33_554_432),
            verify_at_launch_ms: arguments.number("verify_at_launch_ms"),
            built_in_sequence: arguments.number("built_in_sequence"),
            built_in_folder: arguments.optional("built_in_folder").map(|folder| self.path(folder)),
        }
    }

    fn install(&mut self, arguments: &Arguments<'_>) -> Result<Value> {
        let archive = if let Some(name) = arguments.optional("archive") {
            Arc::clone(&self.archives[name])
        } else {
            let file = self.path(arguments.text("file"));
            VerifiedArchive::from_digest(&file, &sha256_of_file(&file, None, None)?, None, None)?
        };
        let text = |key: &str| arguments.optional(key).map(str::to_owned);
        let bundle = NewBundle {
            version: arguments.text("version").to_owned(),
            native: Some(NativeRange {
                min: text("min_native"),
                max: text("max_native"),
            }),
            link: text("link"),
            comment: text("comment"),
            sequence: arguments.number("sequence"),
        };
        let name = text("as");
        let record = self
            .store
            .as_ref()
            .expect("the store is not open")
            .install(&archive, bundle, None, None)?;
        Ok(self.installed(name, &record))
    }

    pub(super) fn installed(&mut self, name: Option<String>, record: &BundleRecord) -> Value {
        if let Some(name) = name {
            self.bundles.insert(name, record.id.clone());
        }
        json!({
            "bundle": self.name_of_id(&record.id), "version": record.version, "files": record.files,
            "link": record.link, "comment": record.comment, "sequence": record.sequence, "digest": record.digest,
            "release": record.release.as_ref().map(|release| release.sequence),
        })
    }

    fn damage(&self, arguments: &Arguments<'_>) -> Value {
        let path = match arguments.optional("file") {
            Some(file) => self.path(file),
            None => format!("{}/{}", self.folder_of(arguments), arguments.text("path")),
        };
        fs::write(path, arguments.text("text")).unwrap();
        Value::Null
    }

    fn remove(&self, arguments: &Arguments<'_>) -> Value {
        fs::remove_dir_all(Path::new(&self.folder_of(arguments))).unwrap();
        Value::Null
    }

    fn folder_of(&self, arguments: &Arguments<'_>) -> String {
        let store = self.store.as_ref().expect("the store is not open");
        store.folder(&self.id(arguments)).unwrap()
    }

    fn confirm(&self, store: &Store, arguments: &Arguments<'_>) -> Result<Value> {
        let bundle = match arguments.optional("bundle") {
            Some(_) => self.bundle_ref(arguments),
            None => store.served()?.expect("nothing is served").bundle,
        };
        Ok(match store.confirm(bundle)? {
            Confirmation::Proven => "proven".into(),
            Confirmation::AlreadyProven => "already_proven".into(),
            Confirmation::BuiltIn => "builtin".into(),
            Confirmation::Ignored { current } => json!({ "ignored": self.name_of(&current) }),
            Confirmation::Other => "other".into(),
        })
    }

    fn clean(&self, store: &Store, arguments: &Arguments<'_>) -> Result<Value> {
        let cleaned = store.clean(KeepRules {
            newest: arguments.number("newest"),
            max_age_ms: None,
            max_total: arguments.number("max_total"),
        })?;
        let name = |id: &str| self.name_of_id(id).as_str().unwrap().to_owned();
        Ok(sorted(cleaned.removed.iter().map(|record| name(&record.id)).collect()).into())
    }

    fn adopt(&self, store: &Store, arguments: &Arguments<'_>) -> Result<Value> {
        let text = |key: &str| arguments.optional(key).map(str::to_owned);
        let infos = arguments.value("infos").unwrap().as_array().unwrap();
        let migration = store.migrate_capgo(CapgoBundles {
            folder: self.path(arguments.text("folder")),
            infos: infos.iter().map(|info| info.as_str().unwrap().to_owned()).collect(),
            current: text("current"),
            fallback: text("fallback"),
            next: text("next"),
            native_build: text("native_build"),
        })?;
        Ok(json!({
            "bundles": sorted(migration.bundles.into_iter().map(|record| record.version).collect()),
            "failed": sorted(migration.failed.into_iter().map(|failed| failed.version).collect()),
            "skipped": migration.skipped.len(),
        }))
    }

    fn id(&self, arguments: &Arguments<'_>) -> String {
        let name = arguments.text("bundle");
        self.bundles.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    fn bundle_ref(&self, arguments: &Arguments<'_>) -> BundleRef {
        match self.id(arguments) {
            id if id == "builtin" => BundleRef::BuiltIn,
            id => BundleRef::Bundle { id },
        }
    }

    fn name_of(&self, bundle: &BundleRef) -> Value {
        match bundle {
            BundleRef::BuiltIn => "builtin".into(),
            BundleRef::Bundle { id } => self.name_of_id(id),
        }
    }

    fn name_of_id(&self, id: &str) -> Value {
        let named = self.bundles.iter().find(|(_, named)| *named == id);
        named.map_or(id, |(name, _)| name).into()
    }

    fn launch(&self, launch: &Launch) -> Value {
        json!({
            "bundle": self.name_of(&launch.bundle), "version": launch.version, "on_trial": launch.on_trial,
            "reason": values::snake(&format!("{:?}", launch.reason)),
            "failed": launch.failed.as_ref().map(|failed| self.name_of_id(&failed.id)),
        })
    }

    fn maybe_launch(&self, launch: Option<&Launch>) -> Value {
        launch.map_or(Value::Null, |launch| self.launch(launch))
    }

    fn listed(&self, bundle: &crate::store::records::InstalledBundle) -> Value {
        json!({
            "bundle": self.name_of_id(&bundle.record.id), "version": bundle.record.version,
            "status": values::snake(&format!("{:?}", bundle.status)),
        })
    }

    fn failed(&self, failed: &FailedBundle) -> Value {
        json!({
            "bundle": self.name_of_id(&failed.id), "version": failed.version,
            "cause": values::snake(&format!("{:?}", failed.cause)),
        })
    }

    fn maybe_failed(&self, failed: Option<&FailedBundle>) -> Value {
        failed.map_or(Value::Null, |failed| self.failed(failed))
    }
}

pub(super) fn native(arguments: &Arguments<'_>) -> NativeApp {
    NativeApp {
        version: arguments.optional("version").unwrap_or("1.0.0").to_owned(),
        build: arguments.optional("build").unwrap_or("1").to_owned(),
    }
}

fn delays(arguments: &Arguments<'_>) -> Option<Vec<ApplyCondition>> {
    let delays = arguments.value("delays")?.as_array().unwrap();
    Some(delays.iter().map(values::delay).collect())
}

/// A UUID of version 4 in lower case.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            14 => byte == b'4',
            19 => matches!(byte, b'8' | b'9' | b'a' | b'b'),
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}
