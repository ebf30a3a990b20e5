//! The compared tasks, with our commands, the peer's commands and the budgets.

use std::process::Command;

use capbundle_tests::peers::{Capbundle, target_folder, tests_folder};

use crate::device;
use crate::workspace::Workspace;

/// The commands of a task; their times add up.
pub(crate) type Side = Vec<Command>;

/// A task that both sides perform.
pub(crate) struct Task {
    pub(crate) name: &'static str,
    pub(crate) ours: Side,
    pub(crate) peer: Side,
    /// The required speed relative to the peer on the large corpus.
    pub(crate) speed_budget: Option<f64>,
    /// The same on disk, if it differs (`docs/decisions/0009`).
    pub(crate) disk_budget: Option<f64>,
    /// The maximum memory in MiB on the large corpus.
    pub(crate) memory_budget: Option<u64>,
    /// The name of a second row with the time that the peer reports itself, without the start of its runtime.
    pub(crate) without_runtime_start: Option<&'static str>,
}

pub(crate) fn all(workspace: &Workspace) -> Vec<Task> {
    let capbundle = Capbundle::find().expect("tests/compare/run builds the command");
    vec![
        publish(workspace, &capbundle),
        unpack(workspace),
        install(workspace),
        digest(workspace, &capbundle),
        decrypt(workspace, &capbundle),
    ]
}

/// Compared with the code of the Capgo CLI in one Node.js process.
fn publish(workspace: &Workspace, capbundle: &Capbundle) -> Task {
    let (output, digest) = (workspace.output(), workspace.digest.to_string());
    let (app, key) = (text(workspace, "app"), text(workspace, "private.pem"));
    let encrypt = ["bundle", "encrypt", "app.zip", &digest, "--key", &key];
    let mut node = Command::new("node");
    node.arg(tests_folder().join("compare/peer/pack-and-encrypt.cjs"))
        .args([&app, &key]);
    node.args([output.join("app.zip"), output.join("app.sealed")]);
    Task {
        name: "zip + digest + encrypt",
        ours: vec![
            capbundle.zip_command(&output, &app),
            capbundle.command(&output, &encrypt),
        ],
        peer: vec![node],
        speed_budget: Some(5.0),
        disk_budget: None,
        memory_budget: Some(64),
        without_runtime_start: None,
    }
}

/// Compared with the code of the Android plugin on the JVM.
fn unpack(workspace: &Workspace) -> Task {
    Task {
        name: "open + verify + unpack",
        ours: vec![ours_on_a_device(workspace, device::UNPACK)],
        peer: vec![java(workspace)],
        speed_budget: Some(3.0),
        disk_budget: Some(2.0),
        memory_budget: Some(32),
        without_runtime_start: Some("the same, JVM start not counted"),
    }
}

/// Compared with the same code: the plugin installs by unpacking and setting a preference, and syncs nothing.
fn install(workspace: &Workspace) -> Task {
    Task {
        name: "open + verify + install, durably",
        ours: vec![ours_on_a_device(workspace, device::INSTALL)],
        peer: vec![java(workspace)],
        speed_budget: None,
        disk_budget: None,
        memory_budget: Some(32),
        without_runtime_start: None,
    }
}

fn ours_on_a_device(workspace: &Workspace, what: &str) -> Command {
    let mut ours = Command::new(std::env::current_exe().expect("this program has a path"));
    ours.arg(what).args(sealed_bundle(workspace, "public.pem"));
    ours
}

fn java(workspace: &Workspace) -> Command {
    let mut java = Command::new("java");
    java.arg("-cp")
        .arg(target_folder().join("compare/classes"))
        .arg("OpenVerifyUnpack")
        .args(sealed_bundle(workspace, "public.der"));
    java
}

/// The arguments of both sides: the encrypted file, its parameters, the key and the target folder.
fn sealed_bundle(workspace: &Workspace, key: &str) -> [String; 5] {
    let folder = workspace.output().join("unpacked");
    [
        text(workspace, "app.sealed"),
        workspace.iv_session_key.clone(),
        workspace.checksum.clone(),
        text(workspace, key),
        folder.to_str().expect("the path is UTF-8").to_owned(),
    ]
}

fn digest(workspace: &Workspace, capbundle: &Capbundle) -> Task {
    let (archive, digest) = (text(workspace, "app.zip"), workspace.digest.to_string());
    Task {
        name: "SHA-256 of the archive",
        ours: vec![capbundle.command(
            &workspace.output(),
            &["bundle", "verify", &archive, "--checksum", &digest],
        )],
        peer: vec![openssl_digest(&archive)],
        speed_budget: Some(1.0),
        disk_budget: None,
        memory_budget: None,
        without_runtime_start: None,
    }
}

fn decrypt(workspace: &Workspace, capbundle: &Capbundle) -> Task {
    let (sealed, key) = (text(workspace, "output/downloaded.zip"), text(workspace, "public.pem"));
    let (session, checksum) = (&workspace.iv_session_key, &workspace.checksum);
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
    let plain = text(workspace, "output/plain.zip");
    let [iv, session_key] = &workspace.secrets;
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
    Task {
        name: "decrypt and hash",
        ours: vec![capbundle.command(&workspace.output(), &ours)],
        peer: vec![openssl, openssl_digest(&plain)],
        speed_budget: Some(1.0),
        disk_budget: None,
        memory_budget: None,
        without_runtime_start: None,
    }
}

fn openssl_digest(file: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(["dgst", "-sha256", file]);
    command
}

fn text(workspace: &Workspace, name: &str) -> String {
    workspace.path(name).to_str().expect("the path is UTF-8").to_owned()
}
