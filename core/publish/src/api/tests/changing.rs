//! Deletes bundles, and sets metadata and channels.

use super::*;

#[test]
fn a_bundle_is_deleted_as_documented() {
    let (api, transport) = api([ok()]);
    api.delete(&app(), "1.0.0-beta.1", &Control::new()).unwrap();
    let line = r#"DELETE https://api.capgo.app/bundle {"app_id":"com.example.app","version":"1.0.0-beta.1"}"#;
    assert_eq!(request_lines(&transport), [line]);
}

#[test]
fn after_a_lost_response_a_missing_bundle_counts_as_deleted() {
    let lost = || Answer::new(200, b"{").then_breaks();
    let (deleted, transport) = api([lost(), answer(200, &json!([row(1, "1.0.1")])), no_page()]);
    deleted.delete(&app(), "1.0.0", &Control::new()).unwrap();
    assert_eq!(transport.requests().len(), 3);
    let (of_last, _) = api([lost(), no_page()]);
    of_last.delete(&app(), "1.0.0", &Control::new()).unwrap();
    let (still_there, transport) = api([lost(), answer(200, &json!([row(1, "1.0.0")])), ok()]);
    still_there.delete(&app(), "1.0.0", &Control::new()).unwrap();
    assert_eq!(transport.requests().len(), 3);
}

#[test]
fn all_bundles_are_deleted_only_with_a_confirmation_and_without_a_retry() {
    let (api, transport) = api([ok()]);
    api.delete_all(&DeleteAll::bundles_of(app()), &Control::new()).unwrap();
    assert_eq!(
        request_lines(&transport),
        [r#"DELETE https://api.capgo.app/bundle {"app_id":"com.example.app"}"#]
    );
    let (api, transport) = super::api([Answer::new(200, b"").then_breaks(), ok()]);
    let error = api
        .delete_all(&DeleteAll::bundles_of(app()), &Control::new())
        .unwrap_err();
    assert_eq!((error.kind(), transport.requests().len()), (ErrorKind::Network, 1));
}

#[test]
fn an_invalid_version_deletes_nothing() {
    // Without a version the same request would delete everything.
    let (api, transport) = api([ok()]);
    for version in ["", " ", "\t", "1\n2"] {
        let error = api.delete(&app(), version, &Control::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    assert!(transport.requests().is_empty());
}

#[test]
fn link_and_comment_are_set() {
    let (api, transport) = api([ok(), answer(200, &json!({ "status": "success" })), ok()]);
    let set = |link, comment| api.set_metadata(&app(), 456, BundleMetadata { link, comment }, &Control::new());
    set(Some("https://example.com/v1"), Some("Fixed")).unwrap();
    set(None, Some("")).unwrap();
    assert_eq!(set(None, None).unwrap_err().kind(), ErrorKind::InvalidInput);
    let address = "POST https://api.capgo.app/bundle/metadata";
    assert_eq!(
        request_lines(&transport),
        [
            format!(
                r#"{address} {{"app_id":"com.example.app","comment":"Fixed","link":"https://example.com/v1","version_id":456}}"#
            ),
            format!(r#"{address} {{"app_id":"com.example.app","comment":"","version_id":456}}"#),
        ]
    );
}

#[test]
fn setting_a_channel_by_id_is_retried() {
    let done = answer(
        200,
        &json!({ "status": "success", "message": "Bundle 1.0.0 set to channel production" }),
    );
    let (api, transport) = api([Answer::new(200, b"").then_breaks(), done]);
    api.set_channel(&app(), 456, 789, &Control::new()).unwrap();
    let line = r#"PUT https://api.capgo.app/bundle {"app_id":"com.example.app","channel_id":789,"version_id":456}"#;
    assert_eq!(request_lines(&transport), [line, line]);
}

#[test]
fn setting_a_channel_by_name_returns_its_previous_state() {
    let channel = json!({ "id": 7, "name": "production", "version": { "id": 4, "name": "1.0.1" } });
    let (api, transport) = api([answer(200, &channel), ok()]);
    let before = api
        .set_channel_by_name(&app(), 9, "production", &Control::new())
        .unwrap();
    assert_eq!((before.id, before.version.as_deref()), (7, Some("1.0.1")));
    let line = r#"PUT https://api.capgo.app/bundle {"app_id":"com.example.app","channel_id":7,"version_id":9}"#;
    assert_eq!(request_lines(&transport)[1], line);
}

#[test]
fn a_wrong_channel_name_is_refused_with_the_existing_ones() {
    let list = answer(
        200,
        &json!([{ "id": 1, "name": "beta" }, { "id": 2, "name": "production" }]),
    );
    let (api, _) = api([answer(200, &json!([])), list, answer(200, &json!([]))]);
    let error = api.set_channel_by_name(&app(), 9, "prod", &Control::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains(r#"it has "beta", "production""#), "{error}");
}

#[test]
fn an_upload_is_removed_by_its_digest() {
    let (api, transport) = api([Answer::new(503, b""), ok()]);
    let digest = Sha256Digest::of(b"archive");
    api.remove_upload(&app(), &digest, &Control::new()).unwrap();
    let line = format!("DELETE https://api.capgo.app/upload/com.example.app/{digest}.zip");
    assert_eq!(request_lines(&transport), [line.clone(), line]);
}

#[test]
fn a_server_that_cannot_remove_uploads_is_an_error() {
    for status in [404, 405] {
        let body = json!({ "error": "not_found", "message": "there is nothing at this address" });
        let (api, transport) = api([answer(status, &body)]);
        let digest = Sha256Digest::of(b"archive");
        refusal(api.remove_upload(&app(), &digest, &Control::new()));
        assert_eq!(transport.requests().len(), 1);
    }
}

#[test]
fn an_upload_existed_before_only_if_that_is_certain() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.zip");
    std::fs::write(&file, b"archive").unwrap();
    let stored = |status| answer(status, &json!({ "url": "https://updates.example.com/a.zip" }));
    for (answers, there) in [
        (vec![stored(201)], false),
        (vec![stored(200)], true),
        // The first attempt may have stored it.
        (vec![Answer::new(502, b""), stored(200)], false),
    ] {
        let (api, _) = api(answers);
        let digest = Sha256Digest::of(b"archive");
        let archive = ArchiveUpload {
            version: "1.0.0",
            file: &file,
            digest: &digest,
        };
        let uploaded = api.upload(&app(), &archive, &Control::new()).unwrap();
        assert_eq!(uploaded.already_there, there);
        assert_eq!(uploaded.url.as_str(), "https://updates.example.com/a.zip");
    }
}
