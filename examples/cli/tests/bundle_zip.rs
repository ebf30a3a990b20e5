//! `capbundle bundle zip` and `bundle check`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use crate::project::{Project, codes_of, text_of};

#[test]
fn id_folder_and_version_come_from_the_project() {
    let project = Project::new();
    let run = project.run("bundle zip --json");
    assert!(run.stdout.starts_with(
        "{\n  \"bundle\": \"1.2.3\",\n  \"filename\": \"com.example.app_1.2.3.zip\",\n  \"checksum\": \""
    ));
    let document = run.document();
    assert_eq!(
        document["size"].as_u64().unwrap(),
        project.read("com.example.app_1.2.3.zip").len() as u64
    );
    assert_eq!(document["files"], 2);
    assert_eq!(
        (&document["warnings"], &document["excluded"]),
        (&serde_json::json!([]), &serde_json::json!([]))
    );
    let verified = project.run(&format!(
        "bundle verify com.example.app_1.2.3.zip --json --checksum {}",
        text_of(&document, "checksum")
    ));
    assert_eq!(verified.document()["verified"], true);
}

#[test]
fn messages_go_to_standard_error() {
    let run = Project::new().run("bundle zip").succeeds();
    assert!(
        run.stderr.contains("com.example.app_1.2.3.zip") && run.stderr.contains("Checksum"),
        "{}",
        run.stderr
    );
}

#[test]
fn arguments_override_the_project() {
    let project = Project::new()
        .with("dist/index.html", "")
        .with("dist/a.js", "x.notifyAppReady()")
        .with("dist/b.txt", "b");
    let document = project
        .run("bundle zip org.other --path dist --bundle 2.0.0-rc.1 --json")
        .document();
    assert_eq!(document["filename"], "org.other_2.0.0-rc.1.zip");
    assert_eq!(document["files"], 3);
}

#[test]
fn the_app_id_of_the_updater_has_precedence_as_in_capgo() {
    let config = r#"{"appId":"a.b","webDir":"www","plugins":{"CapacitorUpdater":{"appId":"c.d"}}}"#;
    let project = Project::new().with("capacitor.config.json", config);
    assert_eq!(project.zipped().0, "c.d_1.2.3.zip");
}

#[test]
fn the_given_file_name_is_not_changed() {
    let project = Project::new().with("out/keep", "");
    for name in ["bundle.zip", "bundle", "out/deep.zip"] {
        let document = project.run(&format!("bundle zip --json --name {name}")).document();
        assert_eq!(document["filename"], name);
        assert!(project.has(name));
    }
}

#[test]
fn a_script_config_is_read_without_running_it() {
    let project = Project::new().without("capacitor.config.json").with(
        "capacitor.config.ts",
        "import type { CapacitorConfig } from '@capacitor/cli';\nconst config: CapacitorConfig = { appId: 'ts.app', webDir: 'www' };\nexport default config;\n",
    );
    assert_eq!(project.zipped().0, "ts.app_1.2.3.zip");
}

#[test]
fn a_default_in_place_of_a_variable_is_a_warning_in_both_outputs() {
    let config = "export default { appId: 'com.example.app', webDir: process.env.CAPBUNDLE_TEST_FOLDER ?? 'www' };";
    let project = Project::new()
        .without("capacitor.config.json")
        .with("capacitor.config.ts", config);
    let warning = "`webDir` is \"www\", the default of";
    let run = project.run("bundle zip --json");
    assert_eq!(run.stderr.matches(warning).count(), 1, "{}", run.stderr);
    let document = run.document();
    assert_eq!(codes_of(&document["warnings"]), ["config_default"]);
    assert!(
        text_of(&document["warnings"][0], "message").contains(warning),
        "{document}"
    );

    // The same in a document without warnings of its own, and in that of an error.
    let checked = project.run("bundle check --json").document();
    assert_eq!(codes_of(&checked["warnings"]), ["config_default"]);
    project.write("www/app.js", "");
    let failed = project.run("bundle check --json");
    let document: serde_json::Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!(codes_of(&document["warnings"]), ["config_default"], "{document}");
}

#[test]
fn an_unreadable_config_value_is_reported_with_its_position_and_the_option() {
    let project = Project::new().with(
        "capacitor.config.ts",
        "export default {\n  appId: process.env.ID,\n  webDir: dir(),\n}",
    );
    let message = project
        .run("bundle zip --path www --json")
        .fails("unreadable_config", 1);
    assert!(
        message.contains("capacitor.config.ts:2") && message.contains("first argument"),
        "{message}"
    );
    let message = project.run("bundle zip a.b --json").fails("unreadable_config", 1);
    assert!(
        message.contains("capacitor.config.ts:3") && message.contains("--path"),
        "{message}"
    );
    project.run("bundle zip a.b --path www --json").document();
}

#[test]
fn missing_values_are_errors() {
    let project = Project::empty()
        .with("www/index.html", "")
        .with("www/a.js", "x.notifyAppReady()");
    assert!(
        project
            .run("bundle zip a.b --path www --json")
            .fails("missing_argument", 2)
            .contains("--bundle")
    );
    assert!(
        project
            .run("bundle zip a.b --bundle 1.0.0 --json")
            .fails("missing_argument", 2)
            .contains("--path")
    );
    assert!(
        project
            .run("bundle zip --path www --bundle 1.0.0 --json")
            .fails("missing_app_id", 2)
            .contains("first argument")
    );
    assert_eq!(project.names(), ["www"]);
    project
        .run("bundle zip a.b --path www --bundle 1.0.0 --json")
        .document();
}

#[test]
fn versions_are_strict_semver() {
    let project = Project::new();
    for version in ["1", "1.2", "v1.2.3", "01.2.3", "1.2.3.4", "1.2.3-", "latest"] {
        project
            .run(&format!("bundle zip --json --bundle {version}"))
            .fails("invalid_semver", 1);
    }
    project.write("package.json", r#"{"version":"1.0"}"#);
    assert!(
        project
            .run("bundle zip --json")
            .fails("invalid_semver", 1)
            .contains("package.json")
    );
    assert_eq!(project.names(), ["capacitor.config.json", "package.json", "www"]);
}

#[test]
fn the_version_is_from_the_first_package_json_that_has_one() {
    let project = Project::new()
        .with("root.json", "\u{feff}{\"private\":true}")
        .with("other.json", r#"{"version":"9.9.9"}"#);
    let document = project
        .run("bundle zip --json --package-json root.json,package.json,other.json")
        .document();
    assert_eq!(document["bundle"], "1.2.3");
    project
        .run("bundle zip --json --package-json nowhere.json,package.json")
        .fails("not_found", 1);
    project.write("broken.json", "{");
    project
        .run("bundle zip --json --package-json broken.json")
        .fails("invalid_package_json", 1);
}

#[test]
fn an_app_id_cannot_escape_the_folder() {
    let project = Project::new();
    for id in ["../evil", "a/b", "/tmp/a", ".hidden", "a\\b"] {
        project
            .run_args(&["bundle", "zip", "--json", id])
            .fails("invalid_app_id", 2);
    }
}

#[test]
fn failed_checks_have_capgos_codes_and_leave_no_zip() {
    let project = Project::new()
        .with("empty/readme.txt", "x")
        .with("silent/index.html", "<p>");
    project
        .run("bundle zip --path empty --json")
        .fails("index_html_not_found", 1);
    project
        .run("bundle zip --path silent --json")
        .fails("notifyAppReady_not_in_source_code", 1);
    project.run("bundle zip --path nowhere --json").fails("not_found", 1);
    assert_eq!(
        project.names(),
        ["capacitor.config.json", "empty", "package.json", "silent", "www"]
    );
    project.run("bundle zip --path empty --no-code-check --json").document();
    project
        .run("bundle zip --path silent --ignore-notify-app-ready --json")
        .document();
}

#[test]
fn all_findings_are_in_the_error_document() {
    let project = Project::new().with("bad/.env", "KEY=1").with("bad/page.html", "x");
    let run = project.run("bundle zip --path bad --json");
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let codes = codes_of(&document["findings"]);
    assert!(
        codes.contains(&"index_html_not_found") && codes.contains(&"secret"),
        "{document}"
    );
    assert!(
        document["findings"]
            .as_array()
            .unwrap()
            .iter()
            .all(|finding| finding["severity"].is_string())
    );
    assert!(run.stderr.contains(".env"), "{}", run.stderr);
}

#[test]
fn secrets_are_packed_only_if_allowed() {
    let project = Project::new().with("www/keys/server.pem", "-----BEGIN CERTIFICATE-----");
    project.run("bundle zip --json").fails("secret", 1);
    project.run("bundle zip --json --no-code-check").fails("secret", 1);
    assert_eq!(
        project
            .run("bundle zip --json --allow-secret keys/server.pem")
            .document()["files"],
        3
    );
}

#[test]
fn warnings_and_exclusions_are_in_text_and_json() {
    let project = Project::new()
        .with("www/index.html", "<script src=\"/app.js\"></script>")
        .with("www/app.js.map", "{}")
        .with("www/notes/todo.txt", "x")
        .with("www/.DS_Store", "x")
        .with(".capbundleignore", "\u{feff}# of the project\n*.map\n");
    let run = project.run("bundle zip --json --ignore notes/");
    for text in ["warning:", "absolute", ".DS_Store", "app.js.map", "notes/"] {
        assert!(run.stderr.contains(text), "{text}: {}", run.stderr);
    }
    let document = run.document();
    assert_eq!(codes_of(&document["warnings"]), ["absolute_asset_path"]);
    let excluded: Vec<&str> = document["excluded"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["path"].as_str().unwrap())
        .collect();
    assert_eq!(excluded, [".DS_Store", "app.js.map", "notes/"]);
    assert_eq!(document["files"], 2);
}

#[test]
fn many_warnings_are_truncated_in_text_and_complete_in_json() {
    let mut project = Project::new();
    for number in 0..25 {
        project = project
            .with(&format!("www/{number:02}?.js"), "{}")
            .with(&format!("www/{number:02}.tmp"), "x");
    }
    let run = project.run("bundle zip --json --ignore *.tmp");
    assert_eq!(run.stderr.matches("warning: ").count(), 10, "{}", run.stderr);
    assert!(
        run.stderr.contains("15 more: unportable_name") && run.stderr.contains("15 more: excluded"),
        "{}",
        run.stderr
    );
    let document = run.document();
    assert_eq!(codes_of(&document["warnings"]), ["unportable_name"; 25]);
    assert_eq!(document["excluded"].as_array().unwrap().len(), 25);
}

#[test]
fn a_command_line_rule_overrides_the_project_file() {
    let project = Project::new()
        .with("www/keep.map", "{}")
        .with(".capbundleignore", "*.map\n");
    let document = project.run("bundle zip --json --ignore !keep.map").document();
    assert_eq!(document["files"], 3);
}

#[test]
fn replacing_a_zip_is_reported_and_packing_is_reproducible() {
    let project = Project::new();
    let (zip, checksum) = project.zipped();
    let first = project.read(&zip);
    let run = project.run("bundle zip --threads 1");
    assert!(
        run.stderr.contains("Replaced the existing com.example.app_1.2.3.zip"),
        "{}",
        run.stderr
    );
    assert_eq!(project.read(&zip), first);
    assert_eq!(project.zipped().1, checksum);
}

#[test]
fn the_zip_must_not_be_inside_the_packed_folder() {
    let project = Project::new();
    project
        .run("bundle zip --json --name www/bundle.zip")
        .fails("invalid_input", 1);
    project
        .run("bundle zip --json --path . --no-code-check")
        .fails("invalid_input", 1);
    assert!(!project.has("www/bundle.zip"));
}

#[test]
fn the_checksum_is_sha256_unless_crc32_is_requested() {
    let project = Project::new();
    assert_eq!(
        text_of(&project.run("bundle zip --json --key-v2").document(), "checksum").len(),
        64
    );
    let legacy = project.run("bundle zip --json --crc32").document();
    assert_eq!(text_of(&legacy, "checksum").len(), 8);
    assert_eq!(codes_of(&legacy["warnings"]), ["crc32"]);
    project
        .run("bundle zip --json --crc32 --key-v2")
        .fails("conflicting_arguments", 2);
}

#[test]
fn check_reports_the_errors_of_packing_and_writes_no_file() {
    let project = Project::new().with("bad/page.html", "x");
    assert_eq!(project.run("bundle check --json").document()["path"], "www");
    project
        .run("bundle check --path bad --json")
        .fails("index_html_not_found", 1);
    assert_eq!(project.names(), ["bad", "capacitor.config.json", "package.json", "www"]);
}

#[test]
fn the_version_of_the_config_has_precedence_over_package_json() {
    let project = Project::new().with(
        "capacitor.config.json",
        r#"{"appId":"com.example.app","webDir":"www","plugins":{"CapacitorUpdater":{"version":"4.5.6"}}}"#,
    );
    let run = project.run("bundle zip --json");
    assert!(
        run.stderr
            .contains("4.5.6 is from plugins.CapacitorUpdater.version of capacitor.config.json"),
        "{}",
        run.stderr
    );
    assert_eq!(run.document()["bundle"], "4.5.6");
    assert_eq!(
        project.run("bundle zip --bundle 7.0.0 --json").document()["bundle"],
        "7.0.0"
    );
    let upload = "bundle upload --external https://cdn.example.com/a.zip --dry-run --json";
    assert_eq!(project.run(upload).document()["bundle"], "4.5.6");
    project.write(
        "capacitor.config.json",
        r#"{"appId":"com.example.app","webDir":"www","plugins":{"CapacitorUpdater":{"version":"latest"}}}"#,
    );
    let message = project.run("bundle zip --json").fails("invalid_semver", 1);
    assert!(message.contains("plugins.CapacitorUpdater.version"), "{message}");
}

#[test]
fn files_created_by_macos_are_excluded_and_listed() {
    let project = Project::new().with("www/._index.html", "\u{0}\u{5}\u{16}\u{7}");
    let document = project.run("bundle zip --json").document();
    assert_eq!(document["excluded"][0]["path"], "._index.html");
    assert_eq!(document["files"], 2);
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_equal_after_normalization_are_a_warning() {
    let project = Project::new()
        .with("www/caf\u{e9}.html", "")
        .with("www/cafe\u{301}.html", "");
    let document = project.run("bundle zip --json").document();
    let codes = crate::project::codes_of(&document["warnings"]);
    assert_eq!(codes, ["unportable_name"], "{document}");
}
