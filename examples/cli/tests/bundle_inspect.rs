//! `capbundle bundle unpack` and `inspect`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, and say what they skip"
)]

use crate::project::{Project, codes_of, tree};

#[test]
fn unpacking_restores_the_packed_files() {
    let project = Project::new()
        .with("www/deep/er/ünï.txt", "x")
        .with("www/empty.txt", "");
    let (zip, checksum) = project.zipped();
    let document = project
        .run(&format!("bundle unpack {zip} --to out --checksum {checksum} --json"))
        .document();
    assert_eq!((&document["verified"], &document["files"]), (&true.into(), &4.into()));
    assert_eq!(tree(&project.path("out")), tree(&project.path("www")));
}

#[test]
fn unpacking_without_a_checksum_warns() {
    let project = Project::new();
    let (zip, _) = project.zipped();
    let run = project.run(&format!("bundle unpack {zip} --to out --json"));
    assert!(run.stderr.contains("is not verified"), "{}", run.stderr);
    let document = run.document();
    assert_eq!(document["verified"], false);
    assert_eq!(codes_of(&document["warnings"]), ["unverified"]);
}

#[test]
fn an_existing_folder_is_not_unpacked_into() {
    let project = Project::new().with("out/mine.txt", "mine");
    let (zip, _) = project.zipped();
    project
        .run(&format!("bundle unpack {zip} --to out --json"))
        .fails("invalid_input", 1);
    assert_eq!(tree(&project.path("out")).len(), 1);
}

#[test]
fn a_zip_with_another_checksum_is_not_unpacked() {
    let project = Project::new();
    let (zip, _) = project.zipped();
    let unpack = |arguments: &str| project.run(&format!("bundle unpack --json --to out {arguments}"));
    unpack(&format!("{zip} --checksum {}", "0".repeat(64))).fails("digest_mismatch", 1);
    unpack(&format!("{zip} --checksum 123")).fails("invalid_checksum", 1);
    unpack("nowhere.zip").fails("zip_not_found", 1);
    project.write("no.zip", "this is no zip");
    unpack("no.zip").fails("unsafe_archive", 1);
    assert!(!project.has("out"));
}

#[test]
fn inspect_shows_totals_and_the_largest_files() {
    let project = Project::new()
        .with("www/big.txt", "a line of text\n".repeat(1000))
        .with("www/noise.bin", noise());
    let (zip, _) = project.zipped();
    let document = project.run(&format!("bundle inspect {zip} --json --top 2")).document();
    assert_eq!(document["files"], 4);
    assert_eq!(
        document["archiveSize"].as_u64().unwrap(),
        project.read(&zip).len() as u64
    );
    assert_eq!(document["biggest"][0]["path"], "noise.bin");
    assert_eq!(document["biggest"][0]["method"], "stored");
    assert_eq!(document["biggest"].as_array().unwrap().len(), 2);
    let methods: Vec<&str> = document["methods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["method"].as_str().unwrap())
        .collect();
    assert_eq!(methods, ["deflate", "stored"]);
    let ratio = document["methods"][0]["ratio"].as_f64().unwrap();
    assert!(ratio > 0.0 && ratio < 0.5, "{ratio}");
}

#[test]
fn the_table_is_printed_to_standard_output() {
    let project = Project::new();
    let (zip, _) = project.zipped();
    let run = project.run(&format!("bundle inspect {zip}"));
    assert_eq!(run.code, 0);
    assert!(
        run.stdout.contains("index.html") && run.stdout.contains("2 files"),
        "{}",
        run.stdout
    );
    assert_eq!(run.stderr, "");
}

#[test]
fn inspect_reports_problems() {
    let project = Project::new().with("bare/readme.txt", "x").with("bare/.env", "KEY=1");
    let packed = "bundle zip --path bare --no-code-check --allow-secret .env --name bare.zip --json";
    project.run(packed).document();
    let run = project.run("bundle inspect bare.zip --json");
    assert!(
        run.stderr.contains("error: ") && run.stderr.contains("warning: "),
        "{}",
        run.stderr
    );
    let document = run.document();
    let codes = codes_of(&document["findings"]);
    assert!(
        codes.contains(&"index_html_not_found") && codes.contains(&"secret"),
        "{document}"
    );
}

/// 4 KiB of incompressible bytes from a fixed linear congruential generator.
fn noise() -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(4096).collect()
}

#[test]
fn a_folder_given_as_a_zip_is_explained() {
    let project = Project::new();
    let sum = "0".repeat(64);
    for line in [
        format!("bundle verify www --checksum {sum}"),
        "bundle inspect www".to_owned(),
        "bundle unpack www --to out".to_owned(),
        format!("bundle encrypt www {sum}"),
        format!("device --store phone install www --version 1.0.0 --checksum {sum}"),
    ] {
        let message = project.run(&format!("{line} --json")).fails("invalid_input", 1);
        assert!(message.contains("www: is a folder"), "{line}: {message}");
    }
}

#[test]
#[cfg(unix)]
fn a_pipe_given_as_a_zip_is_rejected_without_blocking() {
    let project = Project::new();
    let made = std::process::Command::new("mkfifo")
        .arg(project.path("pipe.zip"))
        .status();
    if !made.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CI").is_none(), "mkfifo is needed");
        println!("SKIPPED a_pipe_given_as_a_zip_is_rejected_without_blocking: there is no mkfifo");
        return;
    }
    let message = project.run("bundle inspect pipe.zip --json").fails("invalid_input", 1);
    assert!(message.contains("pipe.zip: is not a regular file"), "{message}");
}
