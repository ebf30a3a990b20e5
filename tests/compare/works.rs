//! What is compared: for each piece of work our commands, the peer's commands and the budget.

use std::process::Command;

use capbundle_tests::peers::{Capbundle, target_folder, tests_folder};

use crate::arena::Arena;
use crate::device;

/// Commands that together do the work; their times add up.
pub(crate) type Side = Vec<Command>;

/// One piece of work.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) ours: Side,
    pub(crate) peer: Side,
    /// How many times as fast as the peer it must be on the large corpus.
    pub(crate) speed_budget: Option<f64>,
    /// The same on disk, where it is another (`docs/decisions/0009`).
    pub(crate) disk_budget: Option<f64>,
    /// MiB it may hold on the large corpus.
    pub(crate) memory_budget: Option<u64>,
    /// The name of a second row, where the peer reports its own time without the start of its runtime.
    pub(crate) inside_the_peer: Option<&'static str>,
}

pub(crate) fn all(arena: &Arena) -> Vec<Work> {
    let capbundle = Capbundle::find().expect("tests/compare/run builds it");
    vec![
        publish(arena, &capbundle),
        unpack(arena),
        install(arena),
        digest(arena, &capbundle),
        decrypt(arena, &capbundle),
    ]
}

/// Against the Capgo CLI's own code path in one Node.js process.
fn publish(arena: &Arena, capbundle: &Capbundle) -> Work {
    let (output, digest) = (arena.output(), arena.digest.to_string());
    let (app, key) = (text(arena, "app"), text(arena, "private.pem"));
    let encrypt = ["bundle", "encrypt", "app.zip", &digest, "--key", &key];
    let mut node = Command::new("node");
    node.arg(tests_folder().join("compare/peer/pack-and-encrypt.cjs"))
        .args([&app, &key]);
    node.args([output.join("app.zip"), output.join("app.sealed")]);
    Work {
        name: "zip + digest + encrypt",
        ours: vec![
            capbundle.zip_command(&output, &app),
            capbundle.command(&output, &encrypt),
        ],
        peer: vec![node],
        speed_budget: Some(5.0),
        disk_budget: None,
        memory_budget: Some(64),
        inside_the_peer: None,
    }
}

/// Against the Android plugin's path on the JVM.
fn unpack(arena: &Arena) -> Work {
    Work {
        name: "open + verify + unpack",
        ours: vec![ours_on_a_device(arena, device::UNPACK)],
        peer: vec![java(arena)],
        speed_budget: Some(3.0),
        disk_budget: Some(2.0),
        memory_budget: Some(32),
        inside_the_peer: Some("the same, JVM start not counted"),
    }
}

/// Against the same path: the plugin's installing is unpacking and a note in its preferences, and nothing is synced.
fn install(arena: &Arena) -> Work {
    Work {
        name: "open + verify + install, durably",
        ours: vec![ours_on_a_device(arena, device::INSTALL)],
        peer: vec![java(arena)],
        speed_budget: None,
        disk_budget: None,
        memory_budget: Some(32),
        inside_the_peer: None,
    }
}

fn ours_on_a_device(arena: &Arena, what: &str) -> Command {
    let mut ours = Command::new(std::env::current_exe().expect("this program has a path"));
    ours.arg(what).args(sealed_bundle(arena, "public.pem"));
    ours
}

fn java(arena: &Arena) -> Command {
    let mut java = Command::new("java");
    java.arg("-cp")
        .arg(target_folder().join("compare/classes"))
        .arg("OpenVerifyUnpack")
        .args(sealed_bundle(arena, "public.der"));
    java
}

/// What both sides are told: the file, its parameters, the key and where to.
fn sealed_bundle(arena: &Arena, key: &str) -> [String; 5] {
    let folder = arena.output().join("unpacked");
    [
        text(arena, "app.sealed"),
        arena.iv_session_key.clone(),
        arena.checksum.clone(),
        text(arena, key),
        folder.to_str().expect("the path is UTF-8").to_owned(),
    ]
}

fn digest(arena: &Arena, capbundle: &Capbundle) -> Work {
    let (archive, digest) = (text(arena, "app.zip"), arena.digest.to_string());
    Work {
        name: "SHA-256 of the archive",
        ours: vec![capbundle.command(&arena.output(), &["bundle", "verify", &archive, "--checksum", &digest])],
        peer: vec![openssl_digest(&archive)],
        speed_budget: Some(1.0),
        disk_budget: None,
        memory_budget: None,
        inside_the_peer: None,
    }
}

fn decrypt(arena: &Arena, capbundle: &Capbundle) -> Work {
    let (sealed, key) = (text(arena, "output/downloaded.zip"), text(arena, "public.pem"));
    let (session, checksum) = (&arena.iv_session_key, &arena.checksum);
    let ours = [
        "bundle",
        "decrypt",
        &sealed,
        session,
        "--key",
        &key,
        "--checksum",
        checksum,
    ];
    let plain = text(arena, "output/plain.zip");
    let [iv, session_key] = &arena.secrets;
    let mut openssl = Command::new("openssl");
    openssl.args([
        "enc",
        "-d",
        "-aes-128-cbc",
        "-iv",
        iv,
        "-K",
        session_key,
        "-in",
        &sealed,
        "-out",
        &plain,
    ]);
    Work {
        name: "decrypt and hash",
        ours: vec![capbundle.command(&arena.output(), &ours)],
        peer: vec![openssl, openssl_digest(&plain)],
        speed_budget: Some(1.0),
        disk_budget: None,
        memory_budget: None,
        inside_the_peer: None,
    }
}

fn openssl_digest(file: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(["dgst", "-sha256", file]);
    command
}

fn text(arena: &Arena, name: &str) -> String {
    arena.path(name).to_str().expect("the path is UTF-8").to_owned()
}
