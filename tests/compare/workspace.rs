//! The files of one comparison, all on one file system.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use capbundle::capgo;
use capbundle::capgo::ChecksumForm;
use capbundle::digest::Sha256Digest;
use capbundle::keys::{KeyBits, Overwrite, SigningKey};
use capbundle::progress::Control;
use capbundle_tests::peers::{ours, run};
use tempfile::TempDir;

/// A copy of a corpus, packed and encrypted, with keys in the forms that the peers read. Removed on drop.
pub(crate) struct Workspace {
    folder: TempDir,
    /// SHA-256 of the plain archive.
    pub(crate) digest: Sha256Digest,
    /// `base64(iv):base64(signed session key)`.
    pub(crate) iv_session_key: String,
    /// The signed checksum.
    pub(crate) checksum: String,
    /// IV and session key in hexadecimal, for OpenSSL.
    pub(crate) secrets: [String; 2],
    /// The number of outputs of earlier runs.
    old_outputs: u64,
}

impl Workspace {
    pub(crate) fn prepare(app: &Path, place: &Path) -> Self {
        fs::create_dir_all(place).unwrap();
        let folder = tempfile::Builder::new()
            .prefix("capbundle-compare-")
            .tempdir_in(place)
            .unwrap();
        let at = |name: &str| folder.path().join(name);
        copy_tree(app, &at("app"));
        let key = SigningKey::generate(KeyBits::B2048).unwrap();
        key.write(&at("private.pem"), Overwrite::Never).unwrap();
        key.verifying_key().write(&at("public.pem"), Overwrite::Never).unwrap();
        let digest = ours::pack(&at("app"), &at("app.zip")).digest;
        let form = ChecksumForm::V3;
        let sealed = capgo::encrypt(
            &at("app.zip"),
            &at("app.sealed"),
            &capgo::Encryption {
                expected: &digest,
                key: &key,
                form,
            },
            &Control::new(),
        )
        .unwrap();
        let iv_session_key = sealed.iv_session_key.to_string();
        let secrets = for_openssl(folder.path(), &iv_session_key);
        Self {
            folder,
            digest,
            checksum: sealed.checksum.to_string(),
            iv_session_key,
            secrets,
            old_outputs: 0,
        }
    }

    /// A path in the workspace.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder that a run may write to.
    pub(crate) fn output(&self) -> PathBuf {
        self.path("output")
    }

    /// Creates the output folder again, with only a link to the encrypted file: some programs write their output next
    /// to it.
    ///
    /// The output of the previous run is moved away and synced instead of removed. For minutes, ext4 does not reuse
    /// what was freed and searches for other space instead. Unsynced data would be written back while the next run is
    /// measured.
    pub(crate) fn reset_output(&mut self) {
        let output = self.output();
        if output.exists() {
            self.old_outputs += 1;
            fs::rename(&output, self.path(&format!("old-{}", self.old_outputs))).unwrap();
        }
        fs::create_dir(&output).unwrap();
        fs::hard_link(self.path("app.sealed"), output.join("downloaded.zip")).unwrap();
        let _silent = run(Command::new("sync").arg("--file-system").arg(&output)).expect_success();
    }

    /// Removes the outputs of earlier runs.
    pub(crate) fn remove_old_outputs(&mut self) {
        for number in 1..=std::mem::take(&mut self.old_outputs) {
            fs::remove_dir_all(self.path(&format!("old-{number}"))).unwrap();
        }
    }
}

/// Recovers the IV and the session key with OpenSSL, and writes the public key as SPKI to `public.der`.
fn for_openssl(folder: &Path, iv_session_key: &str) -> [String; 2] {
    let (iv, session_key) = iv_session_key.split_once(':').unwrap();
    let openssl = |arguments: &str| {
        let arguments = arguments.split(' ');
        run(Command::new("openssl").current_dir(folder).args(arguments)).expect_success()
    };
    for (name, text) in [("iv", iv), ("session", session_key)] {
        fs::write(folder.join(format!("{name}.b64")), text).unwrap();
        let _silent = openssl(&format!("base64 -d -A -in {name}.b64 -out {name}.bin"));
    }
    let _silent = openssl("rsa -RSAPublicKey_in -in public.pem -outform DER -out public.der");
    let key = "-pubin -keyform DER -inkey public.der";
    let _silent = openssl(&format!("pkeyutl -verifyrecover {key} -in session.bin -out key.bin"));
    ["iv.bin", "key.bin"].map(|file| hexadecimal(&fs::read(folder.join(file)).unwrap()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::new();
    bytes.iter().try_for_each(|byte| write!(text, "{byte:02x}")).unwrap();
    text
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, target) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).unwrap();
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}
