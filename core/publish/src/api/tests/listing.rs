//! Paginated lists.

use super::*;

fn versions(api: &Api) -> Vec<String> {
    let control = Control::new();
    let bundles: Result<Vec<RemoteBundle>> = api.bundles(&app(), &control).collect();
    bundles.unwrap().into_iter().map(|bundle| bundle.version).collect()
}

fn page(ids: impl Iterator<Item = u64>) -> Answer {
    let rows: Vec<Value> = ids.map(|id| row(id, &format!("1.0.{id}"))).collect();
    answer(200, &json!(rows))
}

#[test]
fn overlapping_pages_give_every_bundle_once() {
    // The pages of the real server: the first has rows 0 to 49, page 1 rows 50 to 549, page 2 rows 100 to 1049.
    let (api, transport) = api([page(0..50), page(50..420), page(100..420)]);
    let versions = versions(&api);
    assert_eq!(versions.len(), 420);
    assert_eq!((versions[0].as_str(), versions[419].as_str()), ("1.0.0", "1.0.419"));
    assert_eq!(
        request_lines(&transport),
        [
            "GET https://api.capgo.app/bundle?app_id=com.example.app",
            "GET https://api.capgo.app/bundle?app_id=com.example.app&page=1",
            "GET https://api.capgo.app/bundle?app_id=com.example.app&page=2",
        ]
    );
}

#[test]
fn an_empty_page_after_a_good_one_is_the_end() {
    let (api, _) = api([page(0..50), page(50..60), no_page()]);
    assert_eq!(versions(&api).len(), 60);
}

#[test]
fn a_first_page_without_access_is_an_error_that_explains_it() {
    let (api, _) = api([no_page()]);
    let control = Control::new();
    let mut bundles = api.bundles(&app(), &control);
    let error = refusal(bundles.next().unwrap());
    assert!(error.is("cannot_get_bundle") && error.to_string().contains("no bundle yet, or this key may not read"));
    assert!(bundles.next().is_none());
}

#[test]
fn another_error_on_a_later_page_is_an_error() {
    let (api, _) = api([
        page(0..1),
        answer(401, &json!({ "error": "invalid_apikey", "message": "Invalid apikey" })),
    ]);
    let control = Control::new();
    let mut bundles = api.bundles(&app(), &control);
    assert_eq!(bundles.next().unwrap().unwrap().id, 0);
    assert!(refusal(bundles.next().unwrap()).is("invalid_apikey"));
    assert!(bundles.next().is_none());
}

#[test]
fn documented_lists_are_read() {
    let documented = json!({ "data": [{
        "id": 1, "app_id": "app_123", "name": "1.0.0", "checksum": "abc123...", "minUpdateVersion": "1.0.0",
        "storage_provider": "r2", "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z",
        "deleted": false, "owner_org": "org_123", "user_id": "user_123"
    }] });
    let (api, _) = api([answer(200, &documented), answer(200, &json!({ "data": [] }))]);
    let control = Control::new();
    let bundle = api.bundles(&app(), &control).next().unwrap().unwrap();
    assert_eq!((bundle.id, bundle.version.as_str()), (1, "1.0.0"));
    assert_eq!(bundle.min_update_version.as_deref(), Some("1.0.0"));
    assert_eq!(bundle.checksum.as_deref(), Some("abc123..."));
}

#[test]
fn an_empty_documented_list_is_not_an_error() {
    let (api, _) = api([answer(200, &json!({ "data": [] }))]);
    assert!(versions(&api).is_empty());
}

#[test]
fn a_server_without_pages_does_not_make_an_endless_list() {
    let (api, transport) = api([page(0..3), page(0..3)]);
    assert_eq!((versions(&api).len(), transport.requests().len()), (3, 2));
}

#[test]
fn a_bundle_is_found_on_a_later_page_and_no_further_one_is_read() {
    let (api, transport) = api([page(0..50), page(50..60)]);
    let bundle = api.bundle(&app(), "1.0.55", &Control::new()).unwrap().unwrap();
    assert_eq!((bundle.id, transport.requests().len()), (55, 2));
    assert_eq!(
        bundle.external_url.as_deref(),
        Some("https://cdn.example.com/1.0.55.zip")
    );
}

#[test]
fn a_missing_version_is_not_found() {
    let (api, _) = api([page(0..50), no_page()]);
    assert_eq!(api.bundle(&app(), "9.9.9", &Control::new()).unwrap(), None);
}

#[test]
fn channels_are_read_from_an_array_an_object_and_data() {
    let channel = json!({
        "id": 7, "created_at": "2026-01-01", "name": "production", "app_id": "com.example.app", "public": true,
        "version": { "name": "1.0.1", "id": 4 }, "rollout_enabled": false
    });
    for body in [
        json!([channel]),
        channel.clone(),
        json!({ "success": true, "data": [channel] }),
    ] {
        let (api, transport) = api([answer(200, &body)]);
        let found = api.channel(&app(), "production", &Control::new()).unwrap().unwrap();
        assert_eq!((found.id, found.bundle_id, found.public), (7, Some(4), Some(true)));
        assert_eq!(found.version.as_deref(), Some("1.0.1"));
        let line = "GET https://api.capgo.app/channel?app_id=com.example.app&channel=production";
        assert_eq!(request_lines(&transport), [line]);
    }
}

/// As after `channel set` to the built-in bundle, or before the first bundle of an app.
#[test]
fn a_channel_may_serve_the_built_in_bundle() {
    for version in [
        json!({ "id": null, "name": "builtin" }),
        json!({ "name": "builtin" }),
        json!("builtin"),
    ] {
        let (api, _) = api([answer(
            200,
            &json!([{ "id": 7, "name": "production", "version": version }]),
        )]);
        let found = api.channel(&app(), "production", &Control::new()).unwrap().unwrap();
        assert_eq!((found.bundle_id, found.version.as_deref()), (None, Some("builtin")));
    }
}

#[test]
fn a_channel_unknown_to_the_server_is_looked_up_in_its_list() {
    let unknown = answer(
        400,
        &json!({ "status": "Cannot find version", "error": "{\"code\":\"PGRST116\"}" }),
    );
    let list = answer(
        200,
        &json!([{ "id": 1, "name": "beta" }, { "id": 2, "name": "production" }]),
    );
    let (client, _) = api([unknown.clone(), list.clone(), answer(200, &json!([]))]);
    assert_eq!(client.channel(&app(), "nightly", &Control::new()).unwrap(), None);
    let (client, _) = api([unknown, list]);
    assert_eq!(
        client
            .channel(&app(), "production", &Control::new())
            .unwrap()
            .unwrap()
            .id,
        2
    );
}

#[test]
fn names_are_percent_encoded_in_the_query() {
    let (api, transport) = api([answer(200, &json!([{ "id": 1, "name": "a&b=c é" }]))]);
    api.channel(&app(), "a&b=c é", &Control::new()).unwrap().unwrap();
    let line = "GET https://api.capgo.app/channel?app_id=com.example.app&channel=a%26b%3Dc%20%C3%A9";
    assert_eq!(request_lines(&transport), [line]);
}

#[test]
fn an_invalid_row_is_an_error_that_explains_it() {
    for (body, problem) in [
        (json!([{ "name": "1.0.0" }]), "no id"),
        (json!([{ "id": "x", "name": "1.0.0" }]), "not a number"),
        (json!([{ "id": 1 }]), "no name"),
        (json!([{ "id": 1, "name": "1.0.0", "checksum": 5 }]), "checksum"),
        (json!({ "data": 5 }), "not an array"),
        (json!("ok"), "expected an array"),
        (json!({}), "neither"),
        (Value::Null, "empty"),
    ] {
        let (api, _) = api([answer(200, &body)]);
        let error = api.bundle(&app(), "1.0.0", &Control::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
        assert!(error.to_string().contains(problem), "{body}: {error}");
    }
}
