//! The arguments of a step. An argument that no operation reads is an error in the case.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::Value;

pub(super) struct Arguments<'a> {
    step: &'a Value,
    used: RefCell<BTreeSet<String>>,
}

impl<'a> Arguments<'a> {
    pub(super) fn new(step: &'a Value) -> Self {
        let used = ["do", "expect", "error", "reason", "why"].map(str::to_owned);
        Self {
            step,
            used: RefCell::new(used.into()),
        }
    }

    pub(super) fn operation(&self) -> &'a str {
        self.step["do"].as_str().unwrap()
    }

    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        self.used.borrow_mut().insert(key.to_owned());
        self.step.get(key)
    }

    pub(super) fn text(&self, key: &str) -> &'a str {
        self.optional(key)
            .unwrap_or_else(|| panic!("{key} is missing in {}", self.step))
    }

    pub(super) fn optional(&self, key: &str) -> Option<&'a str> {
        self.value(key).map(|value| value.as_str().unwrap())
    }

    pub(super) fn number(&self, key: &str) -> Option<i64> {
        self.value(key).map(|value| value.as_i64().unwrap())
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.value(key).map(|value| value.as_bool().unwrap())
    }

    pub(super) fn require_all_used(&self) {
        let used = self.used.borrow();
        let unknown: Vec<&String> = self
            .step
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| !used.contains(*key))
            .collect();
        assert!(unknown.is_empty(), "unknown arguments {unknown:?} in {}", self.step);
    }
}
