//! Arbitrary bytes as the name of an entry: an accepted path stays inside its folder on every system.

#![no_main]

use std::path::{Component, Path};

use capbundle::Limits;
use capbundle::path::SafePath;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let limits = Limits::default();
    let Ok(Some(path)) = SafePath::parse(raw, &limits) else {
        return;
    };
    let text = path.as_str();
    assert!(!text.is_empty() && text.len() as u64 <= limits.path_length);
    assert!(!text.contains(['\\', '\0']) && !text.starts_with('/') && !text.ends_with('/'));
    assert!(text.as_bytes().get(1) != Some(&b':') || !text.as_bytes()[0].is_ascii_alphabetic());
    let components: Vec<&str> = text.split('/').collect();
    assert!(components.len() as u64 <= limits.depth);
    for component in &components {
        assert!(!matches!(*component, "" | "." | ".."));
        assert!(component.len() as u64 <= limits.component_length);
    }
    let resolved = path.resolve(Path::new("root"));
    assert!(
        resolved
            .components()
            .skip(1)
            .all(|component| matches!(component, Component::Normal(_)))
    );
    assert_eq!(resolved.components().count(), components.len() + 1);
    // Parsing the text of the path returns the same path.
    assert_eq!(SafePath::parse(text.as_bytes(), &limits), Ok(Some(path.clone())));
});
