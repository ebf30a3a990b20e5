//! Peak memory of the command for a large folder and for one huge file. Exceeding the budget is a failure.
//!
//! The kernel measures the whole process. Build the command in release mode, as `tests/run` does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;

use capbundle::bundle::{PackOptions, pack};
use capbundle::progress::Control;
use capbundle_tests::corpus::Corpus;
use capbundle_tests::forge::{Archive, Entry, extra_field};
use capbundle_tests::measure::{measure, measure_failure, sibling_program};
use capbundle_tests::peers::{Capbundle, noise, target_folder, write_sample};
use capbundle_tests::scripted_server::{Reply, ScriptedServer};
use serde_json::json;
use tempfile::TempDir;

const MIB: u64 = 1 << 20;

/// The budget for creating an archive, in CI.
const CREATING: u64 = 64 * MIB;
/// The budget for opening an archive, on a phone.
const OPENING: u64 = 32 * MIB;

/// What an update may need on a phone beyond a start without an update.
const UPDATING: u64 = 64 * MIB;
/// Bytes of the bundle of that update.
const UPDATE: usize = 200_000_000;

/// Bytes of the huge file: close to 2^31, below the total that devices accept.
const HUGE: usize = 2_000_000_000;
/// Bytes per write.
const BLOCK: usize = 1 << 20;

/// Measures the commands for one web folder, in a folder on disk that is removed on drop.
struct MeasuredRun {
    name: &'static str,
    capbundle: Capbundle,
    folder: TempDir,
}

impl MeasuredRun {
    fn start(name: &'static str) -> Option<Self> {
        let capbundle = Capbundle::find()?;
        let folder = tempfile::tempdir_in(target_folder()).unwrap();
        let run = Self {
            name,
            capbundle,
            folder,
        };
        let _keys = run.capbundle.run_json_successfully(run.path(), &["key", "create"]);
        let _keys = run
            .capbundle
            .run_json_successfully(run.path(), &["key", "create", "--content"]);
        Some(run)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn measure(&self, budget: u64, what: &str, command: &Command) {
        self.assert_within(budget, what, measure(command).peak_memory);
    }

    /// Measures a command that must fail with this kind of error.
    fn measure_refusal(&self, budget: u64, kind: &str, arguments: &[&str]) {
        let what = arguments[1];
        let mut command = self.capbundle.command(self.path(), arguments);
        let (measured, finished) = measure_failure(command.arg("--json"));
        assert!(finished.stdout.contains(kind), "{}", finished.transcript());
        self.assert_within(budget, what, measured.peak_memory);
    }

    fn assert_within(&self, budget: u64, what: &str, peak: u64) {
        println!(
            "measured {} {what}: {} KiB of {} KiB",
            self.name,
            peak >> 10,
            budget >> 10
        );
        assert!(
            peak < budget,
            "{} {what}: {peak} bytes exceed the budget of {budget}",
            self.name
        );
    }

    fn measure_command(&self, budget: u64, arguments: &[&str]) {
        let what = arguments[1];
        self.measure(budget, what, &self.capbundle.command(self.path(), arguments));
    }

    /// Packs, encrypts, decrypts, seals, opens, verifies and inspects. Returns the SHA-256 of the plain archive.
    fn run_commands(&self, app: &Path) -> String {
        let zip = self.capbundle.zip_command(self.path(), app.to_str().unwrap());
        self.measure(CREATING, "zip", &zip);
        let checksum = sha256_of(&self.path().join("app.zip"));
        self.measure_command(CREATING, &["bundle", "encrypt", "app.zip", &checksum]);
        // Encrypts again without measuring: the output has the parameters for decrypting.
        let sealed = self
            .capbundle
            .run_json_successfully(self.path(), &["bundle", "encrypt", "app.zip", &checksum]);
        let (session, signed) = (sealed.text("ivSessionKey"), sealed.text("checksum"));
        let sealed = sealed.text("filename");
        self.measure_command(OPENING, &["bundle", "decrypt", sealed, session, "--checksum", signed]);
        let to_key = ["--to-key", ".capbundle_content_key.pub"];
        self.measure_command(CREATING, &[&["bundle", "seal", "app.zip"], &to_key[..]].concat());
        self.measure_command(OPENING, &["bundle", "open", "app.zip.sealed", "--unverified"]);
        self.measure_command(OPENING, &["bundle", "verify", "app.zip", "--checksum", &checksum]);
        self.measure_command(OPENING, &["bundle", "inspect", "app.zip"]);
        checksum
    }
}

fn sha256_of(file: &Path) -> String {
    capbundle::digest::Sha256Digest::of_file(file, &capbundle::progress::Control::new())
        .unwrap()
        .to_string()
}

/// Alternates compressible and incompressible blocks.
fn write_huge_file(path: &Path) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let text = b"the same line of text again and again\n".repeat(BLOCK / 38);
    let mut left = HUGE;
    for turn in 1.. {
        let block = if turn % 2 == 0 {
            text.clone()
        } else {
            noise(BLOCK, turn)
        };
        let count = block.len().min(left);
        file.write_all(&block[..count]).unwrap();
        left -= count;
        if left == 0 {
            break;
        }
    }
    file.flush().unwrap();
}

#[test]
fn a_folder_of_270_megabytes_stays_within_the_memory_budget() {
    let Some(app) = Corpus::Large.folder() else { return };
    let Some(run) = MeasuredRun::start("270 MB") else {
        return;
    };

    let checksum = run.run_commands(&app);

    run.measure_command(CREATING, &["bundle", "check", "--path", app.to_str().unwrap()]);
    run.measure_command(
        OPENING,
        &[
            "bundle",
            "unpack",
            "app.zip",
            "--to",
            "unpacked",
            "--checksum",
            &checksum,
        ],
    );
    let device = ["device", "--store", "phone", "install", "app.zip", "--version", "1.0.0"];
    let mut install = run.capbundle.command(run.path(), &device);
    run.measure(OPENING, "install", install.args(["--checksum", &checksum]));
}

#[test]
fn a_file_of_2_gigabytes_stays_within_the_memory_budget() {
    let Some(run) = MeasuredRun::start("2 GB") else { return };
    let app = run.path().join("app");
    write_sample(&app);
    write_huge_file(&app.join("huge.bin"));

    let checksum = run.run_commands(&app);

    fs::remove_dir_all(&app).unwrap();
    let mut unpack = Command::new(sibling_program("unlimited"));
    unpack.current_dir(run.path()).args(["app.zip", &checksum, "unpacked"]);
    run.measure(OPENING, "unpack", &unpack);
}

/// Starts an app that asks this server, in a process of its own. Returns its peak and the version that it serves.
fn measure_life(folder: &Path, server: &ScriptedServer) -> (u64, String) {
    let mut life = Command::new(sibling_program("updates"));
    life.args([folder.join("store").to_str().unwrap(), &server.url("")]);
    let measured = measure(&life);
    (measured.peak_memory, measured.stdout.trim().to_owned())
}

#[test]
fn an_update_of_200_megabytes_stays_within_the_memory_budget() {
    let folder = tempfile::tempdir_in(target_folder()).unwrap();
    let (web, zip) = (folder.path().join("web"), folder.path().join("app.zip"));
    write_sample(&web);
    fs::write(web.join("film.bin"), noise(UPDATE, 1)).unwrap();
    let packed = pack(&web, &zip, &PackOptions::default(), &Control::new()).unwrap();
    fs::remove_dir_all(&web).unwrap();
    let archive = fs::read(&zip).unwrap();
    let idle = ScriptedServer::start(|_| Reply::json(&json!({})));
    let server = ScriptedServer::start(move |request| match request.path() {
        "/updates" => {
            let url = format!("http://{}/app.zip", request.headers["host"]);
            Reply::json(&json!({ "version": "2.0.0", "url": url, "checksum": packed.digest.to_string() }))
        }
        _ => Reply::file(request, &archive, "\"1\""),
    });

    let (idle, before) = measure_life(folder.path(), &idle);
    let (peak, after) = measure_life(folder.path(), &server);

    assert_eq!((before.as_str(), after.as_str()), ("builtin", "2.0.0"));
    println!(
        "measured update of 200 MB: {} KiB, {} KiB without an update",
        peak >> 10,
        idle >> 10
    );
    let most = idle + UPDATING;
    assert!(peak < most, "{peak} bytes exceed {most}, with {idle} without an update");
}

#[test]
fn an_archive_with_a_huge_directory_is_refused_within_the_memory_budget() {
    let Some(run) = MeasuredRun::start("directory of 120 MB") else {
        return;
    };
    let padded = |number: usize| {
        Entry::file(format!("{number}.txt"), b"")
            .central(|header| header.shared.extra = extra_field(0xcafe, &vec![0; 60_000]))
    };
    let archive = run.path().join("hostile.zip");
    fs::write(&archive, Archive::bundle((0..2_000).map(padded)).bytes()).unwrap();
    let checksum = sha256_of(&archive);

    run.measure_refusal(OPENING, "limit_exceeded", &["bundle", "inspect", "hostile.zip"]);

    let unpack = [
        "bundle",
        "unpack",
        "hostile.zip",
        "--to",
        "unpacked",
        "--checksum",
        &checksum,
    ];
    run.measure_refusal(OPENING, "limit_exceeded", &unpack);
    assert!(!run.path().join("unpacked").exists());
}
