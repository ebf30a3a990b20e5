#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::ErrorKind;
use crate::io::crash_fs::{Count, CrashFs, Fault, Found};
use crate::io::vfs::Files as _;
use crate::store::StoreOptions;

const ROOT: &str = "/app/store";

struct App {
    store: Store,
    log: DeviceLog,
    settings: SettingsFile,
}

fn app_on(files: &CrashFs) -> App {
    let files = Arc::new(files.clone());
    let clock = Arc::new(|| Timestamp(5));
    let store = Store::open_on(files, Path::new(ROOT), StoreOptions::default(), clock).unwrap();
    let log = DeviceLog::of(&store);
    let settings = SettingsFile::of(&store, &log);
    App { store, log, settings }
}

fn machine() -> CrashFs {
    CrashFs::with_folder(Path::new("/app"))
}

fn at(name: &str) -> PathBuf {
    Path::new(ROOT).join(name)
}

fn with_channel(channel: &str) -> impl FnOnce(&mut Settings) {
    let channel = Some(channel.to_owned());
    move |settings| settings.default_channel = channel
}

#[test]
fn a_change_is_durable_with_every_member() {
    let files = machine();
    let App { settings, .. } = app_on(&files);
    assert_eq!(settings.load().unwrap(), Settings::default());
    let text = |text: &str| Some(text.to_owned());
    let all = Settings {
        custom_id: text("user 1"),
        default_channel: text("beta"),
        app_id: text("com.example.other"),
        update_url: text("https://example.com/updates"),
        stats_url: text(""),
        channel_url: text("https://example.com/channel_self"),
        retry_after_until: Some(Timestamp(10)),
        last_check: Some(Timestamp(9)),
        native: Some(NativeApp::new("1.0", "7")),
        native_is_new: true,
        refused_channel: text("staff"),
        unknown: Map::new(),
    };

    let changed = settings.change(|settings| *settings = all.clone()).unwrap();

    assert_eq!(changed, all);
    assert_eq!(app_on(&files.power_loss(Found::Nothing)).settings.load().unwrap(), all);
    let cleared = settings.change(|settings| *settings = Settings::default()).unwrap();
    assert_eq!(
        app_on(&files.power_loss(Found::Nothing)).settings.load().unwrap(),
        cleared
    );
}

#[test]
fn a_change_of_an_override_is_logged_without_its_value() {
    let App { log, settings, .. } = app_on(&machine());
    settings
        .change(|settings| {
            settings.custom_id = Some("secret".to_owned());
            settings.stats_url = Some(String::new());
            settings.last_check = Some(Timestamp(1));
        })
        .unwrap();
    settings
        .change(|settings| settings.last_check = Some(Timestamp(2)))
        .unwrap();

    let entries = log.entries().unwrap();
    assert_eq!(entries.len(), 1, "times are no settings of the app");
    assert_eq!(entries[0].event, LogEvent::SettingsChanged);
    assert_eq!(entries[0].text.as_deref(), Some("custom_id, stats_url"));
}

#[test]
fn a_change_that_changes_nothing_writes_nothing() {
    let files = machine();
    let App { settings, .. } = app_on(&files);
    settings.change(with_channel("beta")).unwrap();
    files.plan(Count::Changes, u64::MAX, Fault::StopBefore);

    settings.change(with_channel("beta")).unwrap();

    assert_eq!(files.counted(Count::Changes), 1, "the lock: {}", files.history());
}

#[test]
fn members_of_a_later_version_are_written_again() {
    let files = machine();
    let App { store, settings, .. } = app_on(&files);
    let later = serde_json::json!({"default_channel": "beta", "experiments": {"on": [1, 2]}});
    let bytes = store.side_files().encode(NAME, 3, &later).unwrap();
    files.write(&at(NAME), &bytes).unwrap();

    settings.change(with_channel("stable")).unwrap();

    let bytes = files.read(&at(NAME), MAX_BYTES).unwrap();
    let (generation, contents) = store.side_files().decode(NAME, &bytes).unwrap();
    let expected = serde_json::json!({"default_channel": "stable", "experiments": {"on": [1, 2]}});
    assert_eq!((generation, contents), (4, expected));
}

#[test]
fn a_damaged_file_is_set_aside_logged_and_warned_of_and_the_defaults_apply() {
    let files = machine();
    let App { store, log, settings } = app_on(&files);
    settings.change(with_channel("beta")).unwrap();
    let mut bytes = files.read(&at(NAME), MAX_BYTES).unwrap();
    let last = bytes.len() - 5;
    bytes[last] ^= 1;
    files.write(&at(NAME), &bytes).unwrap();

    assert_eq!(settings.load().unwrap(), Settings::default());

    assert_eq!(files.read(&at("updater.corrupt-1.json"), MAX_BYTES).unwrap(), bytes);
    let warnings = store.take_warnings();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].kind(), ErrorKind::Corrupt);
    let logged = log.entries().unwrap().pop().unwrap();
    assert_eq!(logged.event, LogEvent::SettingsDamaged);
    assert!(logged.text.unwrap().contains("kept as updater.corrupt-1.json"));
    assert_eq!(settings.load().unwrap(), Settings::default());
    assert!(store.take_warnings().is_empty(), "reported once");
    settings.change(with_channel("beta")).unwrap();
    assert_eq!(
        app_on(&files.power_loss(Found::Nothing))
            .settings
            .load()
            .unwrap()
            .default_channel
            .unwrap(),
        "beta"
    );
}

#[test]
fn every_damage_is_found_and_damaged_files_do_not_accumulate() {
    let files = machine();
    let App { store, settings, .. } = app_on(&files);
    settings.change(with_channel("beta")).unwrap();
    let good = files.read(&at(NAME), MAX_BYTES).unwrap();
    let wrong_type = serde_json::json!({"last_check": "noon"});
    let other_format = String::from_utf8(good.clone())
        .unwrap()
        .replacen("\"format\":1", "\"format\":2", 1);
    let damages = [
        Vec::new(),
        good[..good.len() - 1].to_vec(),
        good[..20].to_vec(),
        vec![0; good.len()],
        vec![b' '; 100 << 10],
        b"{}\n{}\n".to_vec(),
        other_format.into_bytes(),
        store.side_files().encode(NAME, 1, &wrong_type).unwrap(),
        store.side_files().encode(NAME, 1, &"text").unwrap(),
        store.side_files().encode("state.json", 1, &Map::new()).unwrap(),
    ];
    for damage in damages {
        files.write(&at(NAME), &damage).unwrap();
        assert_eq!(settings.load().unwrap(), Settings::default());
        assert_eq!(store.take_warnings().len(), 1, "{}", String::from_utf8_lossy(&damage));
    }
    files.create_folder(&at(NAME)).unwrap();
    assert_eq!(settings.load().unwrap(), Settings::default());
    assert_eq!(store.take_warnings().len(), 1);

    let names = files.list(Path::new(ROOT)).unwrap();
    let aside = names.iter().filter(|name| name.to_str().unwrap().contains("corrupt"));
    assert_eq!(aside.count(), 4);
    settings.change(with_channel("beta")).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_yet_is_an_error_and_stays() {
    let files = machine();
    let App { settings, .. } = app_on(&files);
    settings.change(with_channel("beta")).unwrap();
    files.plan(Count::Calls, 1, Fault::Fail(std::io::ErrorKind::PermissionDenied));
    assert_eq!(settings.load().unwrap_err().kind(), ErrorKind::Io);
    files.plan(Count::Calls, 2, Fault::Fail(std::io::ErrorKind::PermissionDenied));
    assert_eq!(
        settings.change(with_channel("stable")).unwrap_err().kind(),
        ErrorKind::Io
    );

    assert_eq!(settings.load().unwrap().default_channel.unwrap(), "beta");
}

#[test]
fn settings_that_are_too_long_are_refused_and_the_old_ones_stay() {
    let App { settings, .. } = app_on(&machine());
    settings.change(with_channel("beta")).unwrap();

    let error = settings.change(with_channel(&"x".repeat(70 << 10))).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(settings.load().unwrap().default_channel.unwrap(), "beta");
}

#[test]
fn two_processes_change_the_settings_at_the_same_time_and_lose_no_change() {
    const EACH: u64 = 40;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let open = || {
        let store = Store::open(&root, StoreOptions::default()).unwrap();
        SettingsFile::of(&store, &DeviceLog::of(&store))
    };
    let count = || {
        let settings = open();
        for _ in 0..EACH {
            let add_one = |settings: &mut Settings| {
                let last = settings.last_check.unwrap_or_default();
                settings.last_check = Some(Timestamp(last.0 + 1));
            };
            settings.change(add_one).unwrap();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(count);
        scope.spawn(count);
    });

    assert_eq!(open().load().unwrap().last_check, Some(Timestamp(2 * EACH)));
}

#[test]
fn a_sweep_keeps_the_settings_and_what_was_set_aside() {
    let files = machine();
    let App { store, settings, .. } = app_on(&files);
    files.write(&at(NAME), b"damaged").unwrap();
    settings.change(with_channel("beta")).unwrap();

    store.sweep().unwrap();
    store.clean(&crate::store::KeepRules::default()).unwrap();

    assert_eq!(settings.load().unwrap().default_channel.unwrap(), "beta");
    assert!(files.kind(&at("updater.corrupt-1.json")).unwrap().is_some());
}
