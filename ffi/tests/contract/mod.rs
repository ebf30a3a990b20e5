//! Runs the cases in `bindings/contract`, as Swift and Kotlin do: see the README there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod arguments;
mod file_steps;
mod release_steps;
mod store_steps;
mod updater_steps;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::archive::VerifiedArchive;
use crate::error::Result;
use crate::store::Store;
use crate::updater::BlockingUpdater;
use arguments::Arguments;
use updater_steps::{ScriptedTransport, Told};

/// Fewer mean that documents were not found.
const LEAST_CASES: usize = 120;

#[test]
fn every_case_passes() {
    let cases = cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| text(&case.case, "name")).collect();
    assert_eq!(names.len(), cases.len(), "two cases have the same name");
    assert!(cases.len() >= LEAST_CASES, "{} cases", cases.len());
    let faults: Vec<String> = cases.iter().filter_map(Case::fault).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    // Written directly, because the test harness hides the output of passing tests.
    let line = format!("measured {} contract cases passed in Rust\n", cases.len());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bindings/contract");
    let mut documents: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    // Network cases need a transport: tests/tests/network_contract.rs runs them over the one of Rust programs.
    documents.retain(|path| {
        path.extension().is_some_and(|extension| extension == "json") && !path.ends_with("network.json")
    });
    documents.sort();
    documents.iter().flat_map(|path| cases_of(path)).collect()
}

fn cases_of(path: &Path) -> Vec<Case> {
    let document: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let shared = object_or_empty(&document["files"]);
    let of = |case: &Value| Case {
        shared: shared.clone(),
        case: case.clone(),
    };
    document["cases"].as_array().unwrap().iter().map(of).collect()
}

struct Case {
    shared: Map<String, Value>,
    case: Value,
}

impl Case {
    /// The failed step, if any.
    fn fault(&self) -> Option<String> {
        let mut runner = CaseRunner::new();
        runner.write(&self.shared);
        runner.write(&object_or_empty(&self.case["files"]));
        for (position, step) in self.case["steps"].as_array().unwrap().iter().enumerate() {
            if let Err(fault) = runner.run_step(step) {
                return Some(format!(
                    "{}, step {} {step}: {fault}",
                    text(&self.case, "name"),
                    position + 1
                ));
            }
        }
        None
    }
}

/// Runs the steps of one case in a folder of its own, and keeps their named results.
struct CaseRunner {
    folder: TempDir,
    archives: BTreeMap<String, Arc<VerifiedArchive>>,
    bundles: BTreeMap<String, String>,
    store: Option<Arc<Store>>,
    updater: Option<Arc<BlockingUpdater>>,
    told: Arc<Told>,
    transport: Arc<ScriptedTransport>,
    session: Option<String>,
}

impl CaseRunner {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["staging", "out"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self {
            folder,
            archives: BTreeMap::new(),
            bundles: BTreeMap::new(),
            store: None,
            updater: None,
            told: Arc::default(),
            transport: Arc::default(),
            session: None,
        }
    }

    fn write(&self, files: &Map<String, Value>) {
        for (name, content) in files {
            let bytes = match (&content["text"], &content["base64"]) {
                (Value::String(text), _) => text.clone().into_bytes(),
                (_, Value::String(base64)) => BASE64.decode(base64).unwrap(),
                _ => panic!("{name} has neither text nor base64"),
            };
            let path = self.folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    fn run_step(&mut self, step: &Value) -> std::result::Result<(), String> {
        let arguments = Arguments::new(step);
        let outcome = self.carry_out(&arguments);
        arguments.require_all_used();
        match (outcome, &step["error"], step.get("expect")) {
            (Ok(found), Value::Null, None) => drop(found),
            (Ok(found), Value::Null, Some(expected)) if agrees(expected, &found) => {}
            (Err(error), Value::String(kind), None) if values::error_kind(error.kind()) == *kind => {
                let reason = step["reason"]
                    .as_str()
                    .map_or(String::new(), |reason| format!("({reason})"));
                if error.to_string().is_empty() || !error.to_string().contains(&reason) {
                    return Err(format!("the message is \"{error}\""));
                }
            }
            (Ok(found), ..) => return Err(format!("found {found}")),
            (Err(error), ..) => return Err(format!("{}: {error}", values::error_kind(error.kind()))),
        }
        Ok(())
    }

    fn carry_out(&mut self, arguments: &Arguments<'_>) -> Result<Value> {
        if let Some(result) = self.file_steps(arguments) {
            return result;
        }
        if let Some(result) = self.updater_steps(arguments) {
            return result;
        }
        match self.release_steps(arguments) {
            Some(result) => result,
            None => self.store_steps(arguments),
        }
    }

    /// The absolute path of a file or folder of this case.
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }
}

/// Of an object only the named members are compared.
fn agrees(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected
            .iter()
            .all(|(key, value)| found.get(key).is_some_and(|found| agrees(value, found))),
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len()
                && expected
                    .iter()
                    .zip(found)
                    .all(|(expected, found)| agrees(expected, found))
        }
        _ => expected == found,
    }
}

fn object_or_empty(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is missing in {value}"))
}
