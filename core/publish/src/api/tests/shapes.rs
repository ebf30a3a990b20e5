//! Each call with both shapes of responses: the documented one, which our server also sends, and that of Capgo's
//! backend.

use super::*;

/// The shape of responses.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Documented,
    /// Documented errors, with the backend's code in `code` and details in `message`.
    DocumentedWithCode,
    Backend,
}

const SHAPES: [Shape; 3] = [Shape::Documented, Shape::DocumentedWithCode, Shape::Backend];

impl Shape {
    fn list(self, rows: &[Value]) -> Answer {
        match (self, rows) {
            (Self::Backend, []) => no_page(),
            (Self::Backend, rows) => answer(200, &json!(rows)),
            (_, rows) => answer(200, &json!({ "data": rows })),
        }
    }

    /// Bundle `id` of this version.
    fn row(self, id: u64, version: &str) -> Value {
        match self {
            Self::Backend => row(id, version),
            _ => json!({
                "app_id": "com.example.app", "bucket_id": null, "checksum": "ab".repeat(32), "created_at": "2026-07-01T10:00:00Z",
                "deleted": false, "external_url": format!("https://cdn.example.com/{version}.zip"), "id": id,
                "minUpdateVersion": "1.0.0", "name": version,
                "native_packages": [{ "name": "@capacitor/app", "version": "^8.0.0" }], "owner_org": "org_123", "r2_path": null,
                "session_key": null, "storage_provider": "external", "updated_at": "2026-07-01T10:00:00Z", "size": 4096,
                "user_id": "1a2b:release job"
            }),
        }
    }

    fn created(self, row: &Value) -> Answer {
        match self {
            Self::Documented => ok(),
            Self::DocumentedWithCode => answer(200, &json!({ "status": "ok", "bundle": row })),
            Self::Backend => answer(200, &json!({ "status": "success", "bundle": row })),
        }
    }

    fn metadata(self) -> Answer {
        match self {
            Self::Backend => ok(),
            _ => answer(200, &json!({ "status": "success" })),
        }
    }

    fn refused(self, status: u16, code: &str, text: &str, details: &str) -> Answer {
        let body = match self {
            Self::Documented => json!({ "error": text, "status": "KO" }),
            Self::DocumentedWithCode => json!({ "error": text, "status": "KO", "code": code, "message": details }),
            Self::Backend => json!({ "error": code, "message": details, "moreInfo": {} }),
        };
        answer(status, &body)
    }
}

fn versions(api: &Api) -> Vec<String> {
    let control = Control::new();
    let bundles: Result<Vec<RemoteBundle>> = api.bundles(&app(), &control).collect();
    bundles.unwrap().into_iter().map(|bundle| bundle.version).collect()
}

#[test]
fn a_list_of_either_shape_is_read_to_its_end() {
    for shape in SHAPES {
        let rows =
            |ids: std::ops::Range<u64>| -> Vec<Value> { ids.map(|id| shape.row(id, &format!("1.0.{id}"))).collect() };
        let (api, transport) = api([shape.list(&rows(0..50)), shape.list(&rows(50..70)), shape.list(&[])]);
        assert_eq!(versions(&api).len(), 70, "{shape:?}");
        // The first request has no page number, the second has page 1.
        let pages: Vec<String> = request_lines(&transport);
        assert!(!pages[0].contains("page") && pages[1].ends_with("&page=1"), "{pages:?}");
    }
}

#[test]
fn overlapping_pages_of_the_backend_give_every_bundle_once() {
    // The backend treats the page as a string: `page=1` gives rows 50 to 549, `page=2` rows 100 to 1049.
    let page = |ids: std::ops::Range<u64>| {
        let rows: Vec<Value> = ids.map(|id| row(id, &format!("1.0.{id}"))).collect();
        Shape::Backend.list(&rows)
    };
    let (api, _) = api([page(0..50), page(50..550), page(100..600), no_page()]);
    assert_eq!(versions(&api).len(), 600);
}

#[test]
fn every_documented_member_of_a_row_is_read() {
    let documented = Shape::Documented.row(7, "1.2.3");
    let (api, _) = api([Shape::Documented.list(&[documented])]);
    let bundle = api.bundle(&app(), "1.2.3", &Control::new()).unwrap().unwrap();
    assert_eq!((bundle.id, bundle.size), (7, Some(4096)));
    assert_eq!(bundle.min_update_version.as_deref(), Some("1.0.0"));
    assert_eq!(
        (bundle.bucket_id, bundle.r2_path, bundle.session_key),
        (None, None, None)
    );
    assert_eq!(bundle.owner_org.as_deref(), Some("org_123"));
    assert_eq!(bundle.user_id.as_deref(), Some("1a2b:release job"));
    assert_eq!(bundle.storage_provider.as_deref(), Some("external"));
    assert_eq!(bundle.updated_at.as_deref(), Some("2026-07-01T10:00:00Z"));
    assert!(!bundle.deleted);
    let packages = bundle.native_packages.unwrap();
    assert_eq!(packages, [json!({ "name": "@capacitor/app", "version": "^8.0.0" })]);
}

#[test]
fn a_bundle_is_created_on_a_server_of_either_shape() {
    for shape in SHAPES {
        let url = "https://cdn.example.com/1.2.3.zip".parse().unwrap();
        let bundle = BundleRegistration::new(app(), "1.2.3", url, Sha256Digest::of(b"zip")).unwrap();
        let (api, _) = api([shape.created(&shape.row(9, "1.2.3"))]);
        let made = api.create(&bundle, &Control::new()).unwrap().map(|made| made.id);
        let expected = match shape {
            Shape::Documented => None,
            _ => Some(9),
        };
        assert_eq!(made, expected, "{shape:?}");
    }
}

#[test]
fn native_packages_are_sent_with_the_registration() {
    let url = "https://cdn.example.com/1.2.3.zip".parse().unwrap();
    let bundle = BundleRegistration::new(app(), "1.2.3", url, Sha256Digest::of(b"zip")).unwrap();
    let bundle = bundle.with_native_packages(vec![NativePackage::new("@capacitor/app", "^8.0.0")]);
    let (api, transport) = api([ok()]);
    api.create(&bundle, &Control::new()).unwrap();
    let sent = request_lines(&transport).remove(0);
    let expected = r#""native_packages":[{"name":"@capacitor/app","version":"^8.0.0"}]"#;
    assert!(sent.contains(expected), "{sent}");
}

#[test]
fn changes_succeed_with_either_shape() {
    for shape in SHAPES {
        let set = json!({ "status": "success", "message": "Bundle 1.0.0 set to channel production" });
        let (api, _) = api([shape.metadata(), answer(200, &set), ok(), ok()]);
        let control = Control::new();
        let comment = BundleMetadata {
            link: None,
            comment: Some("x"),
        };
        api.set_metadata(&app(), 1, comment, &control).unwrap();
        api.set_channel(&app(), 1, 2, &control).unwrap();
        api.delete(&app(), "1.0.0", &control).unwrap();
        api.delete_all(&DeleteAll::bundles_of(app()), &control).unwrap();
    }
}

#[test]
fn the_code_takes_precedence_over_the_message() {
    for shape in [Shape::DocumentedWithCode, Shape::Backend] {
        for status in [200, 400, 404] {
            let refused = shape.refused(
                status,
                "cannot_find_version",
                "Bundle not found",
                "there is no bundle 456",
            );
            let (api, _) = api([refused]);
            let error = refusal(api.set_channel(&app(), 456, 1, &Control::new()));
            assert!(error.is("cannot_find_version"), "{shape:?} {status}: {error:?}");
            assert!(error.message.contains("there is no bundle 456"), "{error:?}");
            assert!(error.advice.is_some(), "{error:?}");
        }
    }
}

#[test]
fn documented_errors_are_recognised_with_and_without_a_code() {
    for (code, text) in [
        ("cannot_find_version", "Bundle not found"),
        ("invalid_version_format", "Invalid version format"),
        ("cannot_delete_version", "Failed to delete bundle from storage"),
        ("cannot_access_app", "Insufficient permissions to manage bundles"),
    ] {
        for shape in [Shape::Documented, Shape::DocumentedWithCode] {
            let (api, _) = api([shape.refused(400, code, text, "the details")]);
            let error = refusal(api.set_channel(&app(), 1, 2, &Control::new()));
            assert!(error.message.starts_with(text) && error.advice.is_some(), "{error:?}");
            assert_eq!(error.is(code), matches!(shape, Shape::DocumentedWithCode), "{error:?}");
        }
    }
}

#[test]
fn paging_and_retries_depend_on_the_code_alone() {
    for shape in [Shape::DocumentedWithCode, Shape::Backend] {
        let end = shape.refused(400, "cannot_get_bundle", "Bundle not found", "Cannot get bundle");
        // A refusal ends the list.
        let (client, _) = api([shape.list(&[shape.row(1, "1.0.0")]), end.clone()]);
        assert_eq!(versions(&client), ["1.0.0"]);
        // The response to the deletion of the last bundle is lost.
        let (client, _) = api([Answer::new(200, b"{").then_breaks(), end.clone()]);
        client.delete(&app(), "1.0.0", &Control::new()).unwrap();
        // The response to a registration without effect is lost.
        let url = "https://cdn.example.com/1.2.3.zip".parse().unwrap();
        let bundle = BundleRegistration::new(app(), "1.2.3", url, Sha256Digest::of(b"zip")).unwrap();
        let (client, transport) = api([Answer::new(200, b"{").then_breaks(), end, shape.created(&json!({}))]);
        client.create(&bundle, &Control::new()).unwrap();
        assert_eq!(transport.requests().len(), 3, "{shape:?}");
        // The path does not exist without a trailing slash.
        let absent = shape.refused(404, "not_found", "Not found", "there is nothing at this address");
        let (client, transport) = api([absent, ok()]);
        client.set_channel(&app(), 1, 2, &Control::new()).unwrap();
        assert!(request_lines(&transport)[1].starts_with("PUT https://api.capgo.app/bundle/ "));
    }
}
