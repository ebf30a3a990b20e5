#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::store::storage::json;

fn record(id: &str, version: &str) -> BundleRecord {
    let text = format!(
        r#"{{"id":"{id}","version":"{version}","archive_size":1,"unpacked_size":2,"files":3,"installed_at":4}}"#
    );
    json::read(text.as_bytes()).unwrap()
}

fn versions(bundles: &Bundles) -> Vec<&str> {
    bundles.values().map(|record| record.version.as_str()).collect()
}

#[test]
fn records_are_sorted_by_id_and_unique() {
    let (first, second, third) = ("AAAAAAAAAA", "BBBBBBBBBB", "cccccccccc");
    let mut bundles: Bundles = [
        record(third, "3"),
        record(first, "0"),
        record(second, "2"),
        record(first, "1"),
    ]
    .into_iter()
    .collect();
    assert_eq!(versions(&bundles), ["1", "2", "3"]);
    let second = second.parse().unwrap();
    assert_eq!(bundles.get(&second).unwrap().version, "2");
    bundles.get_mut(&second).unwrap().version = "2.1".to_owned();
    assert_eq!(bundles.remove(&second).unwrap().version, "2.1");
    assert!(bundles.remove(&second).is_none() && !bundles.contains_key(&second));
    assert_eq!((bundles.len(), versions(&bundles)), (2, vec!["1", "3"]));
}

#[test]
fn records_are_read_back_and_a_record_under_another_id_is_refused() {
    let bundles: Bundles = [record("BBBBBBBBBB", "2"), record("AAAAAAAAAA", "1")]
        .into_iter()
        .collect();
    let text = serde_json::to_string(&bundles).unwrap();
    assert!(text.starts_with(r#"{"AAAAAAAAAA":{"id":"AAAAAAAAAA","#), "{text}");
    assert_eq!(json::read::<Bundles>(text.as_bytes()).unwrap(), bundles);
    let wrong = text.replacen(r#"{"AAAAAAAAAA":"#, r#"{"CCCCCCCCCC":"#, 1);
    let problem = json::read::<Bundles>(wrong.as_bytes()).unwrap_err();
    assert_eq!(
        problem,
        "CCCCCCCCCC: expected the record of this bundle, found another one"
    );
}
