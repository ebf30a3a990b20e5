//! Cheap checks of the repository that a reviewer would otherwise make by eye.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use capbundle_tests::peers::{Capbundle, run, tests_folder};
use capbundle_tests::skip::{skipped, tool};
use serde_json::Value;

/// All entries at the top level. Adding one is a decision.
const TOP_LEVEL: [&str; 19] = [
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    // SwiftPM loads packages only from the root of a repository.
    "Package.swift",
    "README.md",
    "bindings",
    "clippy.toml",
    "core",
    "deny.toml",
    "docs",
    "examples",
    "ffi",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "tests",
];

/// The maximum number of lines of a source file.
const LONGEST_SOURCE: usize = 700;
/// Tables, which have no limit, since readers look up single lines.
const TABLES: &str = "tests/src/vector/";
/// Written by a generator.
const GENERATED: &str = "generated/";

/// The platforms of the library, which must build without a C compiler.
const TARGETS: [&str; 6] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-linux-android",
    "armv7-linux-androideabi",
    "x86_64-linux-android",
    "aarch64-apple-ios",
    "aarch64-apple-ios-sim",
];

/// Sources that are not part of the libraries for phones: tests and the rules of ignore files.
const NOT_FOR_PHONES: [&str; 4] = ["tests", "/crash_fs", "/lint/ignore.rs", "/panic_on_purpose.rs"];

fn root() -> &'static Path {
    tests_folder().parent().unwrap()
}

/// Files under version control, with paths from the root.
pub(crate) fn tracked_files() -> Option<Vec<String>> {
    if !root().join(".git").exists() {
        skipped("this is not a git checkout");
        return None;
    }
    let listing = run(Command::new(tool("git")?).current_dir(root()).args(["ls-files", "-z"])).expect_success();
    // Git still lists files whose deletion is not committed.
    let files = listing.split_terminator('\0').filter(|file| root().join(file).exists());
    Some(files.map(str::to_owned).collect())
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn the_top_level_has_only_known_entries() {
    let Some(files) = tracked_files() else { return };
    let found: BTreeSet<_> = files.iter().map(|file| file.split('/').next().unwrap()).collect();
    let surprises: Vec<_> = found.into_iter().filter(|entry| !TOP_LEVEL.contains(entry)).collect();
    assert!(surprises.is_empty(), "unexpected: {surprises:?}");
}

#[test]
fn npm_lock_files_have_every_hash_and_no_registry_addresses() {
    let Some(files) = tracked_files() else { return };
    for file in files.iter().filter(|file| file.ends_with("package-lock.json")) {
        let lock: Value = serde_json::from_str(&text(file)).unwrap();
        let packages = lock["packages"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(path, _)| !path.is_empty());
        for (path, package) in packages.filter(|(_, package)| package["link"] != true) {
            assert!(package.get("resolved").is_none(), "{file}: {path} has an address");
            assert!(package["integrity"].is_string(), "{file}: {path} has no hash");
        }
    }
}

#[test]
fn cargo_lock_files_name_only_the_public_registry() {
    let Some(files) = tracked_files() else { return };
    for file in files.iter().filter(|file| file.ends_with("Cargo.lock")) {
        for line in text(file).lines().filter(|line| line.starts_with("source = ")) {
            assert_eq!(
                line, r#"source = "registry+https://github.com/rust-lang/crates.io-index""#,
                "{file}"
            );
        }
    }
}

/// `Debug` prints nothing in the libraries for phones (docs/decisions/0010), so a message with it would be incomplete.
#[test]
fn no_message_of_the_device_libraries_uses_debug_formatting() {
    let Some(files) = tracked_files() else { return };
    let of_phones = |file: &&String| {
        let is_rust = Path::new(file).extension().is_some_and(|extension| extension == "rs");
        let is_source = is_rust && (file.starts_with("core/src/") || file.starts_with("ffi/src/"));
        is_source && !NOT_FOR_PHONES.iter().any(|part| file.contains(part))
    };
    for file in files.iter().filter(of_phones) {
        for (number, line) in text(file).lines().enumerate() {
            let uses_debug = line.contains(":?}") || line.contains(":#?}");
            assert!(
                !uses_debug || line.trim_start().starts_with("//"),
                "{file}:{}: {line}",
                number + 1
            );
        }
    }
}

#[test]
fn source_files_stay_below_the_line_limit() {
    let Some(files) = tracked_files() else { return };
    let sources = files
        .iter()
        .filter(|file| Path::new(file).extension().is_some_and(|extension| extension == "rs"))
        .filter(|file| !file.starts_with(TABLES) && !file.contains(GENERATED));
    let long = sources
        .map(|file| (file, text(file).lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_SOURCE);
    let long: Vec<_> = long.collect();
    assert!(long.is_empty(), "more than {LONGEST_SOURCE} lines: {long:?}");
}

/// With `autotests = false`, cargo silently ignores a file that is not a module of a test program. Without it, each
/// file is a program.
#[test]
fn every_test_file_belongs_to_a_program_that_a_stage_runs() {
    let Some(files) = tracked_files() else { return };
    let stages = text("tests/run");
    let assert_is_run = |name: &str, package: &str| {
        assert!(
            stages.contains(&format!("--test {name}")),
            "no stage of tests/run runs the test program {name} of {package}"
        );
    };
    for package in files.iter().filter_map(|file| file.strip_suffix("Cargo.toml")) {
        let manifest = text(format!("{package}Cargo.toml"));
        let values = |key: &str| -> Vec<String> {
            let programs = manifest.split("[[test]]").skip(1);
            let lines = programs.filter_map(|program| program.lines().find_map(|line| line.strip_prefix(key)));
            lines
                .map(|value| value.trim_matches(['=', ' ', '"']).to_owned())
                .collect()
        };
        for name in values("name") {
            assert_is_run(&name, package);
        }
        let roots: Vec<String> = values("path").iter().map(|path| format!("{package}{path}")).collect();
        let modules: String = roots.iter().map(text).collect();
        let tests = format!("{package}tests/");
        let others = files.iter().filter(|file| !roots.contains(file));
        let names = others.filter_map(|file| file.strip_prefix(&tests)?.strip_suffix(".rs"));
        for name in names.filter(|name| !name.contains('/')) {
            if roots.is_empty() {
                assert_is_run(name, package);
            } else {
                assert!(
                    modules.contains(&format!("\nmod {name};")),
                    "{tests}{name}.rs is not a module of any of {roots:?}, so it never runs"
                );
            }
        }
    }
}

#[test]
fn core_and_ffi_depend_on_no_c_code() {
    for target in TARGETS {
        let names = dependencies_of_the_library(target);
        assert!(names.len() > 10, "cargo tree printed too few packages: {names:?}");
        let c_builders = ["cc", "cmake", "pkg-config", "bindgen", "vcpkg"].map(str::to_owned);
        let found: Vec<_> = c_builders.iter().filter(|name| names.contains(*name)).collect();
        assert!(found.is_empty(), "{target} depends on {found:?}");
        let linking: Vec<_> = packages_with_a_links_key()
            .into_iter()
            .filter(|name| names.contains(name))
            .collect();
        assert!(linking.is_empty(), "{target}: {linking:?} link a foreign library");
    }
}

fn cargo(arguments: &[&str]) -> String {
    run(Command::new(env!("CARGO"))
        .current_dir(root())
        .args(arguments)
        .arg("--locked"))
    .expect_success()
}

fn dependencies_of_the_library(target: &str) -> BTreeSet<String> {
    let what = [
        "tree",
        "-p",
        "capbundle",
        "-p",
        "capbundle-ffi",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
    ];
    let tree = cargo(&[what.as_slice(), &["--target", target, "--format", "{p}"]].concat());
    tree.lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

fn packages_with_a_links_key() -> Vec<String> {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--format-version", "1"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let linking = packages.filter(|package| package["links"].is_string());
    linking
        .map(|package| package["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_script_that_the_readme_names_exists() {
    for command in readme_commands() {
        let program = command.split(' ').next().unwrap();
        if program.starts_with("./") || program.starts_with("tests/") {
            let path: PathBuf = root().join(program);
            assert!(
                path.is_file(),
                "the README runs {command}, but {} does not exist",
                path.display()
            );
        }
    }
}

#[test]
fn every_command_that_the_readme_shows_exists() {
    let Some(capbundle) = Capbundle::find() else { return };
    for command in readme_commands()
        .iter()
        .filter_map(|command| command.strip_prefix("capbundle "))
    {
        let subcommand = command
            .split(' ')
            .take_while(|word| word.chars().all(|letter| letter.is_ascii_lowercase()));
        let arguments: Vec<_> = subcommand.chain(["--help"]).collect();
        let help = run(&mut capbundle.command(root(), &arguments));
        assert!(
            help.status.success(),
            "the README shows `capbundle {command}`\n{}",
            help.transcript()
        );
    }
}

/// The lines of the README's shell blocks, without prompts and comments.
fn readme_commands() -> Vec<String> {
    let readme = text("README.md");
    let blocks = readme
        .split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.split_once('\n'));
    let shell = ["sh", "bash", "console", "shell"];
    let lines = blocks
        .filter(|(language, _)| shell.contains(language))
        .flat_map(|(_, block)| block.lines());
    let commands = lines.map(|line| line.trim_start_matches("$ ").split(" #").next().unwrap().trim());
    commands
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}
