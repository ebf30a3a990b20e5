//! The Bundles API in the shape of Capgo's backend, and the channel API. The documented shape is tested in `documented.rs`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use crate::test_server::{APP, CHECKSUM, TestServer};
use serde_json::{Value, json};

const NONE: Value = Value::Null;

fn bundle(version: &str) -> Value {
    json!({"app_id": APP, "version": version, "external_url": "https://cdn.example/a.zip", "checksum": CHECKSUM})
}

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

fn without(mut body: Value, member: &str) -> Value {
    body.as_object_mut().unwrap().remove(member);
    body
}

fn names(rows: &Value) -> Vec<String> {
    rows.as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_registered_bundle_has_the_members_of_capgos_rows() {
    let server = TestServer::start_as_backend();
    let (status, answer) = server.api("POST", "/bundle/", &bundle("1.0.0"));
    assert_eq!((status, &answer["status"]), (200, &json!("success")));
    let row = answer["bundle"].as_object().unwrap();
    for member in [
        "app_id",
        "checksum",
        "cli_version",
        "comment",
        "created_at",
        "deleted",
        "deleted_at",
        "external_url",
        "id",
        "key_id",
        "link",
        "manifest",
        "manifest_count",
        "min_update_version",
        "name",
        "native_packages",
        "owner_org",
        "r2_path",
        "session_key",
        "storage_provider",
        "updated_at",
        "user_id",
    ] {
        assert!(row.contains_key(member), "{member}");
    }
    assert_eq!(
        (&row["name"], &row["deleted"], &row["storage_provider"]),
        (&json!("1.0.0"), &json!(false), &json!("external"))
    );
    let (_, list) = server.api("GET", &format!("/bundle?app_id={APP}"), &NONE);
    assert_eq!(list.as_array().unwrap()[0], answer["bundle"]);
}

#[test]
fn every_invalid_registration_has_its_code() {
    let server = TestServer::start_as_backend();
    let code = |body: &Value| server.error_code("POST", "/bundle", body);
    assert_eq!(code(&without(bundle("1.0.0"), "app_id")), "missing_app_id");
    assert_eq!(
        code(&with(bundle("1.0.0"), "app_id", json!("app/123"))),
        "invalid_app_id"
    );
    assert_eq!(code(&without(bundle("1.0.0"), "version")), "missing_version");
    assert_eq!(code(&without(bundle("1.0.0"), "external_url")), "missing_external_url");
    assert_eq!(code(&with(bundle("1.0.0"), "checksum", json!(""))), "missing_checksum");
    for version in ["1.0", "v1.0.0", "latest", "1.0.0 "] {
        assert_eq!(code(&bundle(version)), "invalid_version_format", "{version}");
    }
    for url in [
        "http://cdn.example/a.zip",
        "ftp://cdn.example/a.zip",
        "//cdn.example/a.zip",
    ] {
        assert_eq!(
            code(&with(bundle("1.0.0"), "external_url", json!(url))),
            "invalid_protocol",
            "{url}"
        );
    }
    assert_eq!(
        code(&with(bundle("1.0.0"), "external_url", json!("https://a b"))),
        "cannot_create_bundle"
    );
    assert_eq!(
        code(&with(bundle("1.0.0"), "checksum", json!("a".repeat(5000)))),
        "invalid_checksum"
    );
    server.api("POST", "/bundle", &bundle("1.0.0"));
    assert_eq!(code(&bundle("1.0.0")), "version_already_exists");
    let garbage = server.send("POST", "/bundle", &[("authorization", &server.key)], b"{");
    assert_eq!(
        (garbage.status, &garbage.json()["error"]),
        (400, &json!("invalid_json_parse_body"))
    );
    let list = server.send("POST", "/bundle", &[("authorization", &server.key)], b"[]");
    assert_eq!(
        (list.status, &list.json()["error"]),
        (400, &json!("invalid_json_parse_body"))
    );
}

#[test]
fn a_url_of_this_server_must_be_an_archive_of_the_app_with_its_checksum() {
    let server = TestServer::start_as_backend();
    let upload = server.upload(b"archive");
    let register = |url: &str, checksum: &Value| {
        let body = with(
            with(bundle("1.0.0"), "external_url", json!(url)),
            "checksum",
            checksum.clone(),
        );
        server.api("POST", "/bundle", &body)
    };
    let (url, digest) = (upload["url"].as_str().unwrap(), &upload["sha256"]);
    let gone = url.replace(digest.as_str().unwrap(), &"0".repeat(64));
    for (url, checksum) in [
        (gone.as_str(), digest),
        (&url.replace(APP, "com.example.other"), digest),
        (
            &format!("{}/bundles/{APP}/../../capbundle.sqlite", server.url()),
            digest,
        ),
        (url, &json!("0".repeat(64))),
    ] {
        let (status, answer) = register(url, checksum);
        assert_eq!(
            (status, &answer["error"]),
            (400, &json!("cannot_create_bundle")),
            "{url}"
        );
    }
    let (status, answer) = register(url, &json!(digest.as_str().unwrap().to_uppercase()));
    assert_eq!(
        (status, &answer["bundle"]["storage_provider"]),
        (200, &json!("r2")),
        "{answer}"
    );
}

#[test]
fn pages_do_not_overlap_and_end_with_capgos_error() {
    let server = TestServer::start_as_backend();
    for patch in 0..120 {
        assert_eq!(server.api("POST", "/bundle", &bundle(&format!("1.0.{patch}"))).0, 200);
    }
    let page = |page: &str| server.api("GET", &format!("/bundle/?app_id={APP}{page}"), &NONE);
    let (first, second, third) = (
        names(&page("&page=0").1),
        names(&page("&page=1").1),
        names(&page("&page=2").1),
    );
    assert_eq!((first.len(), second.len(), third.len()), (50, 50, 20));
    assert_eq!(first[0], "1.0.119");
    let all: std::collections::BTreeSet<_> = first.iter().chain(&second).chain(&third).collect();
    assert_eq!(all.len(), 120);
    assert_eq!(page("").1, page("&page=0").1);
    assert_eq!(
        server.error_code("GET", &format!("/bundle?app_id={APP}&page=3"), &NONE),
        "cannot_get_bundle"
    );
    let odd = names(&page("&page=-1").1);
    assert_eq!(odd.len(), 50);
    assert_eq!(
        server.error_code("GET", &format!("/bundle?app_id={APP}&page=9223372036854775807"), &NONE),
        "cannot_get_bundle"
    );
}

#[test]
fn an_app_without_bundles_has_an_empty_list_and_an_unknown_app_an_error() {
    let server = TestServer::start_as_backend();
    server.api("POST", "/bundle", &bundle("1.0.0"));
    server.api("DELETE", "/bundle", &json!({"app_id": APP, "version": "1.0.0"}));
    assert_eq!(
        server.api("GET", &format!("/bundle?app_id={APP}"), &NONE),
        (200, json!([]))
    );
    assert_eq!(
        server.error_code("GET", "/bundle?app_id=com.example.other", &NONE),
        "cannot_get_bundle"
    );
    assert_eq!(server.error_code("GET", "/bundle", &NONE), "missing_app_id");
    assert_eq!(
        server.error_code("GET", "/bundle?app_id=app/123", &NONE),
        "invalid_app_id"
    );
}

#[test]
fn a_bundle_that_a_channel_links_is_not_deleted() {
    let server = TestServer::start_as_backend();
    server.promote(server.publish("1.0.0"));
    server.publish("2.0.0");
    server.set_channel("beta", &json!({"rollout_version": "2.0.0", "rollout_percentage": 5}));
    let delete = |version: &str| server.error_code("DELETE", "/bundle", &json!({"app_id": APP, "version": version}));
    assert_eq!(delete("1.0.0"), "cannot_delete_linked_version");
    assert_eq!(delete("2.0.0"), "cannot_delete_linked_version");
    assert_eq!(delete("3.0.0"), "cannot_delete_version");
    // The version may also be in the query.
    server.publish("3.0.0");
    let answer = server.api("DELETE", &format!("/bundle?app_id={APP}&version=3.0.0"), &NONE);
    assert_eq!(answer, (200, json!({"status": "ok"})));
}

#[test]
fn deleting_all_keeps_linked_bundles_and_removes_the_archives() {
    let server = TestServer::start_as_backend();
    server.promote(server.publish("1.0.0"));
    server.publish("2.0.0");
    server.publish("3.0.0");
    assert_eq!(
        server.api("DELETE", "/bundle", &json!({"app_id": APP})),
        (200, json!({"status": "ok"}))
    );
    assert_eq!(
        names(&server.api("GET", &format!("/bundle?app_id={APP}"), &NONE).1),
        ["1.0.0"]
    );
    let archives = std::fs::read_dir(server.folder.path().join("bundles").join(APP))
        .unwrap()
        .count();
    assert_eq!(archives, 1);
}

/// An unset variable of a script must not delete all bundles.
#[test]
fn only_an_absent_version_means_all() {
    let server = TestServer::start_as_backend();
    server.publish("1.0.0");
    server.publish("2.0.0");
    for version in [json!(""), NONE, json!(false), json!(["1.0.0"]), json!({})] {
        let body = json!({"app_id": APP, "version": version});
        assert_eq!(
            server.error_code("DELETE", "/bundle", &body),
            "invalid_version",
            "{body}"
        );
    }
    for query in ["&version=", "&version"] {
        let path = format!("/bundle?app_id={APP}{query}");
        assert_eq!(server.error_code("DELETE", &path, &NONE), "invalid_version", "{path}");
    }
    // The query counts even if there is a body.
    let path = format!("/bundle?app_id={APP}&version=1.0.0");
    let answer = server.api("DELETE", &path, &json!({"app_id": APP}));
    assert_eq!(answer, (200, json!({"status": "ok"})));
    let (_, list) = server.api("GET", &format!("/bundle?app_id={APP}"), &NONE);
    assert_eq!(names(&list), ["2.0.0"]);
}

#[test]
fn a_deleted_version_can_be_registered_again_and_shared_archives_stay() {
    let server = TestServer::start_as_backend();
    server.publish("1.0.0");
    let url = server.upload(b"the archive of 1.0.0")["url"].clone();
    let twin = with(
        with(bundle("1.0.1"), "external_url", url.clone()),
        "session_key",
        json!("aXY=:a2V5"),
    );
    assert_eq!(server.api("POST", "/bundle", &twin).0, 200);
    server.api("DELETE", "/bundle", &json!({"app_id": APP, "version": "1.0.0"}));
    let path = url.as_str().unwrap().strip_prefix(&server.url()).unwrap().to_owned();
    assert_eq!(server.send("GET", &path, &[], b"").status, 200);
    server.publish("1.0.0");
}

#[test]
fn a_promotion_names_the_bundle_and_the_channel() {
    let server = TestServer::start_as_backend();
    let id = server.publish("1.0.0");
    let body = json!({"app_id": APP, "version_id": id, "channel_id": server.channel_id("production")});
    let message = json!({"status": "success", "message": "Bundle 1.0.0 set to channel production"});
    assert_eq!(server.api("PUT", "/bundle", &body), (200, message));
    let code = |body: Value| server.error_code("PUT", "/bundle", &body);
    assert_eq!(code(without(body.clone(), "version_id")), "missing_required_fields");
    assert_eq!(code(without(body.clone(), "app_id")), "missing_required_fields");
    assert_eq!(code(with(body.clone(), "version_id", json!(99))), "cannot_find_version");
    assert_eq!(code(with(body.clone(), "channel_id", json!(99))), "cannot_find_channel");
    assert_eq!(
        code(with(body, "app_id", json!("com.example.other"))),
        "cannot_find_version"
    );
}

#[test]
fn link_and_comment_are_set_separately() {
    let server = TestServer::start_as_backend();
    let id = server.publish("1.0.0");
    let set = |body: &Value| server.api("POST", "/bundle/metadata", body);
    assert_eq!(
        set(&json!({"app_id": APP, "version_id": id, "link": "https://l.example"})),
        (200, json!({"status": "ok"}))
    );
    assert_eq!(set(&json!({"app_id": APP, "version_id": id, "comment": "c"})).0, 200);
    let (_, list) = server.api("GET", &format!("/bundle?app_id={APP}"), &NONE);
    assert_eq!(
        (&list[0]["link"], &list[0]["comment"]),
        (&json!("https://l.example"), &json!("c"))
    );
    let code = |body: Value| server.error_code("POST", "/bundle/metadata", &body);
    assert_eq!(code(json!({"app_id": APP})), "missing_required_fields");
    assert_eq!(
        code(json!({"app_id": APP, "version_id": 99, "link": "l"})),
        "cannot_find_version"
    );
    assert_eq!(code(json!({"app_id": APP, "version_id": id})), "no_fields_to_update");
    let long = json!({"app_id": APP, "version_id": id, "comment": "c".repeat(5000)});
    assert_eq!(code(long), "cannot_update_version_metadata");
}

#[test]
fn channels_are_created_listed_updated_and_deleted() {
    let server = TestServer::start_as_backend();
    let id = server.publish("1.0.0");
    server.set_channel("beta", &json!({"version": "1.0.0", "ios": false}));
    let (_, beta) = server.api("GET", &format!("/channel?app_id={APP}&channel=beta"), &NONE);
    assert_eq!(
        (&beta["version"], &beta["ios"], &beta["public"]),
        (&json!({"id": id, "name": "1.0.0"}), &json!(false), &json!(false))
    );
    let (_, list) = server.api("GET", &format!("/channel?app_id={APP}"), &NONE);
    assert_eq!(names(&list), ["production", "beta"]);
    let body = json!({"app_id": APP, "channel": "beta"});
    assert_eq!(server.api("DELETE", "/channel", &body), (200, json!({"status": "ok"})));
    assert_eq!(server.error_code("DELETE", "/channel", &body), "cannot_find_channel");
    let code = |member: &str, value: Value| server.error_code("POST", "/channel", &with(body.clone(), member, value));
    assert_eq!(code("channel", json!("")), "missing_channel");
    assert_eq!(code("channel", json!("a\nb")), "invalid_channel");
    assert_eq!(code("version", json!("9.9.9")), "cannot_find_version");
    assert_eq!(code("disableAutoUpdate", json!("often")), "invalid_disable_auto_update");
    assert_eq!(code("rollout_percentage", json!(101)), "invalid_rollout");
    let (_, list) = server.api("GET", &format!("/channel?app_id={APP}"), &NONE);
    assert_eq!(names(&list), ["production"], "a rejected request creates no channel");
}

#[test]
fn sql_in_any_field_is_text() {
    let server = TestServer::start_as_backend();
    server.publish("1.0.0");
    let evil = "x'; DROP TABLE bundles; --";
    server.set_channel(evil, &json!({}));
    let metadata = json!({"app_id": APP, "version_id": 1, "comment": evil});
    assert_eq!(server.api("POST", "/bundle/metadata", &metadata).0, 200);
    assert_eq!(
        server.error_code("DELETE", "/bundle", &json!({"app_id": APP, "version": evil})),
        "cannot_delete_version"
    );
    assert_eq!(
        server.error_code("GET", "/bundle?app_id=com.example.app'--", &NONE),
        "invalid_app_id"
    );
    assert_eq!(
        server
            .send("GET", "/bundle?app_id=com.example.app", &[("authorization", evil)], b"")
            .status,
        401
    );
    let (_, list) = server.api("GET", &format!("/bundle?app_id={APP}"), &NONE);
    assert_eq!(
        (names(&list), &list[0]["comment"]),
        (vec!["1.0.0".to_owned()], &json!(evil))
    );
    let (_, channels) = server.api("GET", &format!("/channel?app_id={APP}"), &NONE);
    assert_eq!(names(&channels), ["production", evil]);
}

#[test]
fn bundles_and_channels_survive_a_restart() {
    let mut server = TestServer::start_as_backend();
    server.promote(server.publish("1.5.0"));
    let before = server.api("GET", &format!("/bundle?app_id={APP}"), &NONE).1;
    server.restart();
    let after = server.api("GET", &format!("/bundle?app_id={APP}"), &NONE).1;
    assert_eq!(before, after);
    let url = server.update(|_| ())["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&server.url()), "{url} must be at the current address");
}

#[test]
fn concurrent_writers_succeed_and_one_of_two_equal_versions_wins() {
    let server = TestServer::start_as_backend();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let one = |writer: usize| {
            let server = &server;
            scope.spawn(move || {
                let own = server.api("POST", "/bundle", &bundle(&format!("1.0.{writer}"))).0;
                (own, server.api("POST", "/bundle", &bundle("2.0.0")).0)
            })
        };
        let writers: Vec<_> = (0..16).map(one).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert!(outcomes.iter().all(|(own, _)| *own == 200));
    assert_eq!(outcomes.iter().filter(|(_, shared)| *shared == 200).count(), 1);
    let (_, list) = server.api("GET", &format!("/bundle?app_id={APP}"), &NONE);
    assert_eq!(names(&list).len(), 17);
}
