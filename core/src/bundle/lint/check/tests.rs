#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use std::fs;

use tempfile::TempDir;

use super::*;

fn app(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn findings(files: &[(&str, &str)]) -> Vec<String> {
    let folder = app(files);
    let findings = check(folder.path(), &CheckOptions::default(), &Control::new()).unwrap();
    findings
        .iter()
        .map(|finding| format!("{} {finding}", finding.code.as_str()))
        .collect()
}

fn calls(script: &str) -> bool {
    findings(&[("index.html", ""), ("app.js", script)]).is_empty()
}

#[test]
fn calls_of_notify_app_ready_are_recognised_in_source_and_bundled_code() {
    for script in [
        "CapacitorUpdater.notifyAppReady()",
        "CapacitorUpdater\n  .notifyAppReady();",
        "await a?.notifyAppReady?.()",
        "(0,i.notifyAppReady)()",
        "r.then(u.notifyAppReady)",
        "const { notifyAppReady } = CapacitorUpdater;\nnotifyAppReady();",
        "u['notifyAppReady']()",
        "u[\"notifyAppReady\"] ( )",
        "notifyAppReady().then(() => {})",
        "let url='https://x';u.notifyAppReady()",
        "Xi[\"notifyAppReady\"].call(Xi)",
        "a.replace(/['\"/]/g,'');u.notifyAppReady();b='x'",
        "x=`a${b}c`;u.notifyAppReady()",
    ] {
        assert!(calls(script), "{script}");
    }
}

#[test]
fn definitions_comments_and_other_names_are_not_calls() {
    for script in [
        "",
        "class Web { async notifyAppReady() { return {} } }",
        "class Web{async notifyAppReady(){return{}}}",
        "function notifyAppReady(a) { }",
        "Web.prototype.notifyAppReady = function () {}",
        "// CapacitorUpdater.notifyAppReady()",
        "/**\n * CapacitorUpdater.notifyAppReady()\n */",
        "x.notifyAppReadyLater()",
        "const names = ['notifyAppReady', 'set']",
        "doNotnotifyAppReady()",
        "go(); // u.notifyAppReady()",
        "/*\nu.notifyAppReady()\n*/",
        "if (typeof x.notifyAppReady === 'function') {}",
        "class W { notifyAppReady(a = f()) { } }",
        "log('call u.notifyAppReady() first')",
    ] {
        assert!(!calls(script), "{script}");
    }
}

#[test]
fn a_call_is_found_in_modules_and_inline_in_pages_but_not_in_other_files() {
    assert!(findings(&[("index.html", "<script>u.notifyAppReady()</script>")]).is_empty());
    assert!(findings(&[("index.html", ""), ("a/b.mjs", "u.notifyAppReady()")]).is_empty());
    assert_eq!(
        findings(&[("index.html", ""), ("a.txt", "u.notifyAppReady()")]).len(),
        1
    );
}

#[test]
fn page_text_and_comments_are_not_calls_but_a_following_script_is() {
    for page in [
        "<p>u.notifyAppReady()</p>",
        "<!--\n<script>\nu.notifyAppReady()</script>\n-->",
    ] {
        assert_eq!(findings(&[("index.html", page)]).len(), 1, "{page}");
    }
    assert!(findings(&[("index.html", "<p>it's</p><script>u.notifyAppReady()</script>")]).is_empty());
}

#[test]
fn passing_the_function_on_is_a_warning_not_an_error() {
    for script in [
        "const{notifyAppReady:t}=CapacitorUpdater;t()",
        "nativePromise(\"CapacitorUpdater\",\"notifyAppReady\",{})",
    ] {
        let folder = app(&[("index.html", ""), ("app.js", script)]);
        let found = check(folder.path(), &CheckOptions::default(), &Control::new()).unwrap();
        assert!(found.len() == 1 && !found[0].is_error(), "{script}: {found:?}");
    }
}

#[test]
fn assets_without_quotes_and_in_other_attributes_are_found() {
    let html = "<script src=/app.js></script>\n<img srcset=\"/a.png 2x\">\n<video poster='/p.png'>";
    let found = findings(&[("index.html", html), ("a.js", "u.notifyAppReady()")]);
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn a_mere_definition_is_reported_with_its_line() {
    let found = findings(&[("index.html", ""), ("web.js", "\n\nclass W { notifyAppReady() {} }")]);
    assert!(
        found[0].starts_with("notifyAppReady_not_in_source_code") && found[0].contains("web.js:3"),
        "{found:?}"
    );
}

#[test]
fn a_missing_index_is_an_error_that_points_to_the_right_folder() {
    let found = findings(&[("dist/index.html", ""), ("a.js", "u.notifyAppReady()")]);
    assert!(
        found[0].starts_with("index_html_not_found") && found[0].contains("dist/index.html"),
        "{found:?}"
    );
}

#[test]
fn absolute_asset_paths_are_warnings_with_a_line() {
    let html = "<base href=\"/\">\n<script src=\"/app.js\"></script>\n<link HREF = '/a b.css'>\n<a href=\"//cdn/x\">\n<img data-src=\"/y\">";
    let found = findings(&[("index.html", html), ("a.js", "u.notifyAppReady()")]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("absolute_asset_path index.html:2: src=\"/app.js\""),
        "{found:?}"
    );
    assert!(
        found[1].starts_with("absolute_asset_path index.html:3: href=\"/a\""),
        "{found:?}"
    );
}

#[test]
fn secrets_are_errors_unless_they_are_allowed_by_name() {
    let folder = app(&[
        ("index.html", "<script>u.notifyAppReady()</script>"),
        ("certs/pin.pem", ""),
    ]);
    let mut options = CheckOptions::default();
    let found = check(folder.path(), &options, &Control::new()).unwrap();
    assert!(
        found
            .iter()
            .any(|finding| finding.code == FindingCode::Secret && finding.is_error())
    );
    options.allow_secrets = vec!["certs/pin.pem".to_owned()];
    assert!(check(folder.path(), &options, &Control::new()).unwrap().is_empty());
    options.allow_secrets.push("certs/pin2.pem".to_owned());
    let error = check(folder.path(), &options, &Control::new()).unwrap_err();
    assert!(error.to_string().contains("pin2.pem"), "{error}");
}

#[test]
fn a_private_key_with_a_harmless_name_is_a_secret() {
    let found = findings(&[
        ("index.html", "<script>u.notifyAppReady()</script>"),
        ("data.txt", "-----BEGIN EC PRIVATE KEY-----\nMHc"),
    ]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("secret data.txt: starts like a private key"),
        "{found:?}"
    );
}

#[cfg(unix)]
#[test]
fn a_link_to_a_secret_is_allowed_by_the_name_of_the_link() {
    let folder = app(&[("index.html", "<script>u.notifyAppReady()</script>"), (".env", "")]);
    std::os::unix::fs::symlink(".env", folder.path().join("env.txt")).unwrap();
    let mut options = CheckOptions {
        allow_secrets: vec![".env".to_owned()],
        ..CheckOptions::default()
    };
    let errors = |options: &CheckOptions| {
        let found = check(folder.path(), options, &Control::new()).unwrap();
        found.iter().filter(|finding| finding.is_error()).count()
    };
    assert_eq!(errors(&options), 1);
    options.allow_secrets.push("env.txt".to_owned());
    assert_eq!(errors(&options), 0);
}

#[test]
fn secrets_are_refused_even_when_the_code_is_not_checked() {
    let folder = app(&[(".env", "")]);
    let options = CheckOptions {
        skip_code: true,
        ..CheckOptions::default()
    };
    let found = check(folder.path(), &options, &Control::new()).unwrap();
    assert_eq!(
        found.iter().map(|finding| finding.code).collect::<Vec<_>>(),
        [FindingCode::Secret]
    );
}
