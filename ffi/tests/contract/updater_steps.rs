//! Steps on the updater, over a server that is a script.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::CaseRunner;
use super::arguments::Arguments;
use super::store_steps::native;
use super::values;
use crate::error::{CallbackError, Result};
use crate::http::{HttpRequest, HttpResponseHead, HttpTransport, ResponseSink, TransportError};
use crate::store::channel::ChannelSource;
use crate::store::fetch::ExpectedProof;
use crate::store::release::ReleaseOptions;
use crate::updater::BlockingUpdater;
use crate::updater::ask::{UpdateAnswer, expected_proof};
use crate::updater::call::{BridgeCall, CallResult};
use crate::updater::events::{Load, PageReady, UpdaterEvent};
use crate::updater::host::UpdaterHost;
use crate::updater::options::{
    DeviceInfo, Permissions, Platform, ServerSource, UpdateMode, UpdateSource, UpdaterOptions, update_mode,
};

/// An answer: its status and its body.
type Answer = (i32, Vec<u8>);

/// Answers by URL. What has no answer is a server that cannot be reached.
#[derive(Default)]
pub(super) struct ScriptedTransport {
    answers: Mutex<BTreeMap<String, Answer>>,
    /// The body of the last request to each URL.
    asked: Mutex<BTreeMap<String, Value>>,
}

impl HttpTransport for ScriptedTransport {
    fn send(&self, request: HttpRequest, sink: Arc<dyn ResponseSink>) -> std::result::Result<(), TransportError> {
        let body = request.body.as_deref().map(serde_json::from_slice);
        let body = body.map_or(Value::Null, std::result::Result::unwrap);
        self.asked.lock().unwrap().insert(request.url.clone(), body);
        let answer = self.answers.lock().unwrap().get(&request.url).cloned();
        let Some((status, body)) = answer else {
            let reason = "no such server".to_owned();
            return Err(TransportError::Offline { reason });
        };
        let cancelled = |error: crate::error::CapBundleError| TransportError::Cancelled {
            reason: error.to_string(),
        };
        let headers = Vec::new();
        sink.begin(HttpResponseHead { status, headers }).map_err(cancelled)?;
        sink.write(body).map_err(cancelled)
    }
}

/// What the host received, in order.
#[derive(Default)]
pub(super) struct Told {
    new: Mutex<Vec<Value>>,
    /// Every load, also those that were returned.
    loads: Mutex<Vec<Load>>,
}

impl UpdaterHost for Told {
    fn load(&self, load: Load) -> Result<(), CallbackError> {
        let told = json!({ "load": load_value(&load) });
        self.loads.lock().unwrap().push(load);
        self.new.lock().unwrap().push(told);
        Ok(())
    }

    fn event(&self, event: UpdaterEvent) -> Result<(), CallbackError> {
        // How many there are of these is not part of the contract.
        if event.name != "download" {
            let payload: Value = serde_json::from_str(&event.payload).unwrap();
            let told = json!({ "event": event.name, "payload": payload, "retain": event.retain_until_consumed });
            self.new.lock().unwrap().push(told);
        }
        Ok(())
    }

    fn show_splash(&self, is_shown: bool) -> Result<(), CallbackError> {
        self.new.lock().unwrap().push(json!({ "splash": is_shown }));
        Ok(())
    }

    fn wake(&self) -> Result<(), CallbackError> {
        Ok(())
    }
}

impl CaseRunner {
    /// `None` for an operation of the others.
    pub(super) fn updater_steps(&mut self, arguments: &Arguments<'_>) -> Option<Result<Value>> {
        let result = match arguments.operation() {
            "server" => Ok(self.script(arguments)),
            "update_mode" => update_mode(json_text(arguments, "auto"), json_text(arguments, "direct"))
                .map(|mode| values::snake(&format!("{mode:?}")).into()),
            "expected_proof" => self.expected_proof(arguments),
            "asked" => Ok(self.asked(arguments)),
            "updater" => self.open_updater(arguments),
            "start" => {
                let in_background = arguments.flag("in_background").unwrap_or(false);
                let load = self.updater().start(native(arguments), in_background);
                load.map(|load| self.returned(Some(load)))
            }
            "page_started" => self.page_started(arguments),
            "page_ready" => self.updater().page_ready().map(|ready| ready_value(&ready)),
            "has_deadline" => self.updater().page_deadline_ms().map(|time| time.is_some().into()),
            "page_timed_out" => self.updater().page_timed_out().map(|load| self.returned(load)),
            "page_crashed" => self.updater().page_crashed().map(|load| self.returned(load)),
            "background" => self.updater().background().map(|load| self.returned(load)),
            "foreground" => self.updater().foreground().map(|load| self.returned(load)),
            "connectivity_returned" => self.updater().connectivity_returned().map(|()| Value::Null),
            "run" => self.updater().run(None).map(|_| Value::Null),
            "call" => self.call(arguments),
            "told" => Ok(std::mem::take(&mut *self.told.new.lock().unwrap()).into()),
            "log" => self.log(arguments),
            _ => return None,
        };
        Some(result)
    }

    fn updater(&self) -> &BlockingUpdater {
        self.updater.as_ref().expect("there is no updater")
    }

    fn script(&self, arguments: &Arguments<'_>) -> Value {
        let mut answers = BTreeMap::new();
        for (url, answer) in arguments.value("answers").unwrap().as_object().unwrap() {
            let status = i32::try_from(answer["status"].as_i64().unwrap_or(200)).unwrap();
            let body = match answer["file"].as_str() {
                Some(file) => fs::read(self.path(file)).unwrap(),
                None => answer["json"].to_string().into_bytes(),
            };
            answers.insert(url.clone(), (status, body));
        }
        *self.transport.answers.lock().unwrap() = answers;
        Value::Null
    }

    /// The body of the last request to a URL since the last time.
    fn asked(&self, arguments: &Arguments<'_>) -> Value {
        let asked = self.transport.asked.lock().unwrap().remove(arguments.text("url"));
        asked.unwrap_or_default()
    }

    fn expected_proof(&self, arguments: &Arguments<'_>) -> Result<Value> {
        let text = |name: &str| arguments.optional(name).map(str::to_owned);
        let offer = UpdateAnswer::Offer {
            version: "2.0.0".to_owned(),
            url: "https://updates.example/a.zip".to_owned(),
            checksum: text("checksum"),
            session_key: text("session_key"),
            link: None,
            comment: None,
        };
        let public_key = text("public_key").map(|file| fs::read_to_string(self.path(&file)).unwrap());
        Ok(match expected_proof(offer, public_key, None)? {
            ExpectedProof::Digest { digest } => json!({ "digest": digest }),
            ExpectedProof::CapgoSigned { checksum, .. } => json!({ "signed": checksum }),
            ExpectedProof::CapgoEncrypted { checksum, .. } => json!({ "encrypted": checksum }),
        })
    }

    fn open_updater(&mut self, arguments: &Arguments<'_>) -> Result<Value> {
        let text = |name: &str| arguments.optional(name).map(str::to_owned);
        let server = ServerSource {
            url: text("url").unwrap_or_else(|| "https://updates.example/updates".to_owned()),
            channel_url: text("channel_url"),
            public_key: text("public_key").map(|file| fs::read_to_string(self.path(&file)).unwrap()),
            form: None,
            allow_unencrypted: false,
            allow_unverified_https: false,
        };
        let permits = |name: &str| {
            let permitted = arguments.value("permits").and_then(Value::as_array);
            permitted.is_some_and(|names| names.contains(&name.into()))
        };
        let options = UpdaterOptions {
            source: match arguments.value("allowed") {
                Some(names) => static_source(names),
                None => UpdateSource::Server { server },
            },
            device: DeviceInfo {
                platform: Platform::Android,
                app_id: "com.example.app".to_owned(),
                os_version: "16".to_owned(),
                plugin_version: Some("8.0.0".to_owned()),
                is_emulator: false,
                is_production: true,
                install_source: None,
            },
            mode: mode(arguments.optional("mode").unwrap_or("at_background")),
            check_period_seconds: 0,
            splash_timeout_ms: arguments.number("splash_timeout_ms"),
            stats_url: None,
            default_channel: text("default_channel"),
            permissions: Some(Permissions {
                modify_urls: permits("modify_urls"),
                keep_urls: permits("keep_urls"),
                modify_app_id: permits("modify_app_id"),
                keep_custom_id: permits("keep_custom_id"),
                set_channel: true,
                bundle_error: arguments.flag("bundle_error").unwrap_or(false),
                preview: arguments.flag("preview").unwrap_or(false),
            }),
            download: None,
            response_timeout_ms: 20_000,
        };
        let store = Arc::clone(self.store.as_ref().expect("the store is not open"));
        let (transport, told) = (Arc::clone(&self.transport), Arc::clone(&self.told));
        self.updater = Some(BlockingUpdater::new(store, transport, told, options)?);
        Ok(Value::Null)
    }

    fn page_started(&self, arguments: &Arguments<'_>) -> Result<Value> {
        let loads = self.told.loads.lock().unwrap().clone();
        let load = match arguments.number("load") {
            Some(position) => Some(loads[usize::try_from(position).unwrap() - 1].clone()),
            None => loads.last().cloned(),
        };
        self.updater().page_started(load).map(|()| Value::Null)
    }

    fn call(&mut self, arguments: &Arguments<'_>) -> Result<Value> {
        let mut text = match arguments.value("arguments") {
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        };
        for (name, id) in &self.bundles {
            text = text.replace(&format!("\"@{name}\""), &format!("\"{id}\""));
        }
        let call = BridgeCall {
            method: arguments.text("method").to_owned(),
            arguments: text,
            utc_offset_seconds: 0,
        };
        let name = arguments.optional("as");
        Ok(match self.updater().call(call, None)? {
            CallResult::Resolved { json } => {
                let value: Value = serde_json::from_str(&json).unwrap();
                if let Some(name) = name {
                    self.bundles
                        .insert(name.to_owned(), value["id"].as_str().unwrap().to_owned());
                }
                json!({ "resolved": value })
            }
            CallResult::Rejected {
                reason,
                code,
                server_code,
            } => json!({ "rejected": { "message": reason, "code": code, "server_code": server_code } }),
        })
    }

    /// The entries of these events.
    fn log(&self, arguments: &Arguments<'_>) -> Result<Value> {
        let wanted = arguments.text("event");
        let lines = self.updater().log_lines()?;
        let entries = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        Ok(entries.filter(|entry| entry["event"] == wanted).collect())
    }

    fn returned(&self, load: Option<Load>) -> Value {
        let Some(load) = load else { return Value::Null };
        let value = load_value(&load);
        self.told.loads.lock().unwrap().push(load);
        value
    }
}

/// The channel `production` of a site that cannot be reached, and the other channels that the app allows.
fn static_source(allowed: &Value) -> UpdateSource {
    let text = |text: &str| text.to_owned();
    let allowed = allowed.as_array().unwrap().iter();
    UpdateSource::Channel {
        channel: ChannelSource {
            site: text("https://updates.example/site"),
            release: ReleaseOptions {
                app_id: text("com.example.app"),
                channel: text("production"),
                first_ring: text("{}"),
                native_version: text("1.0.0"),
                content_keys: Vec::new(),
            },
            headers: Vec::new(),
            device_id: None,
        },
        allowed: allowed.map(|name| text(name.as_str().unwrap())).collect(),
    }
}

fn load_value(load: &Load) -> Value {
    json!({
        "version": load.version, "has_folder": load.folder.is_some(),
        "reason": values::snake(&format!("{:?}", load.reason)),
    })
}

fn ready_value(ready: &PageReady) -> Value {
    match ready {
        PageReady::Confirmed { .. } => "confirmed".into(),
        PageReady::Replaced => "replaced".into(),
        PageReady::NotYetRecorded => "not_yet_recorded".into(),
        PageReady::Other => "other".into(),
    }
}

fn json_text(arguments: &Arguments<'_>, name: &str) -> Option<String> {
    arguments.value(name).map(Value::to_string)
}

fn mode(name: &str) -> UpdateMode {
    match name {
        "off" => UpdateMode::Off,
        "at_background" => UpdateMode::AtBackground,
        "at_install" => UpdateMode::AtInstall,
        "on_launch" => UpdateMode::OnLaunch,
        "always" => UpdateMode::Always,
        "only_download" => UpdateMode::OnlyDownload,
        _ => panic!("there is no mode {name}"),
    }
}
