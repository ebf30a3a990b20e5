//! The command instead of `npx @capgo/cli`: the same steps in the same project, in both directions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use capbundle_tests::peers::{Capbundle, CapgoProject, Encrypted, Listing, Updater, write_sample};

/// A Capgo project with a web app in `www`, and our command.
struct Project {
    capgo: CapgoProject,
    capbundle: Capbundle,
}

impl Project {
    fn new(updater: Updater) -> Option<Self> {
        let project = Self {
            capgo: CapgoProject::new(updater)?,
            capbundle: Capbundle::find()?,
        };
        write_sample(&project.app());
        Some(project)
    }

    fn path(&self) -> &Path {
        self.capgo.path()
    }

    fn app(&self) -> PathBuf {
        self.path().join("www")
    }

    /// `capbundle bundle zip`: app id, version and folder come from the project. Returns the file and its checksum.
    fn zip(&self) -> (PathBuf, String) {
        let answer = self.capbundle.run_json_successfully(self.path(), &["bundle", "zip"]);
        assert_eq!(answer.text("bundle"), "1.2.3");
        (
            self.path().join(answer.text("filename")),
            answer.text("checksum").to_owned(),
        )
    }

    /// `capbundle bundle encrypt` with the key files of the project.
    fn encrypt(&self, archive: &Path, checksum: &str, form: &str) -> Encrypted {
        let arguments = [
            "bundle",
            "encrypt",
            archive.to_str().unwrap(),
            checksum,
            "--checksum-form",
            form,
        ];
        let answer = self.capbundle.run_json_successfully(self.path(), &arguments);
        Encrypted {
            file: self.path().join(answer.text("filename")),
            iv_session_key: answer.text("ivSessionKey").to_owned(),
            checksum: answer.text("checksum").to_owned(),
        }
    }

    /// `capbundle bundle decrypt --checksum`, then `unpack` with the verified digest.
    fn decrypt_and_unpack(&self, sealed: &Encrypted, form: &str) -> Listing {
        let arguments = [
            "bundle",
            "decrypt",
            sealed.file.to_str().unwrap(),
            &sealed.iv_session_key,
        ];
        let proof = ["--checksum", &sealed.checksum, "--checksum-form", form];
        let answer = self
            .capbundle
            .run_json_successfully(self.path(), &[arguments.as_slice(), &proof].concat());
        assert_eq!(answer.json["verified"], true);
        let (plain, checksum) = (answer.text("filename"), answer.text("checksum"));
        let unpack = ["bundle", "unpack", plain, "--to", "unpacked", "--checksum", checksum];
        let _answer = self.capbundle.run_json_successfully(self.path(), &unpack);
        Listing::of_folder(&self.path().join("unpacked"))
    }
}

#[test]
fn the_capgo_cli_opens_bundles_that_the_command_encrypted_with_keys_of_the_capgo_cli() {
    for (updater, form) in [(Updater::Modern, "v3"), (Updater::Legacy, "v2")] {
        let Some(project) = Project::new(updater) else { return };
        let (_, public) = project.capgo.create_keys();
        let (archive, checksum) = project.zip();
        let sealed = project.encrypt(&archive, &checksum, form);

        let plain = project.capgo.decrypt(&sealed, &public);

        assert!(
            fs::read(plain).unwrap() == fs::read(archive).unwrap(),
            "{form}: the decrypted bytes differ"
        );
    }
}

#[test]
fn the_command_opens_bundles_that_the_capgo_cli_encrypted_with_keys_of_the_command() {
    for (updater, form) in [(Updater::Modern, "v3"), (Updater::Legacy, "v2")] {
        let Some(project) = Project::new(updater) else { return };
        let _answer = project
            .capbundle
            .run_json_successfully(project.path(), &["key", "create"]);
        let (archive, checksum) = project.capgo.zip(&project.app(), &["--key-v2"]);
        let sealed = project
            .capgo
            .encrypt(&archive, &checksum, &project.path().join(".capgo_key_v2"));

        let found = project.decrypt_and_unpack(&sealed, form);

        found.assert_same(&Listing::of_folder(&project.app()), form);
    }
}

#[test]
fn both_tools_name_their_files_alike() {
    let Some(project) = Project::new(Updater::Modern) else {
        return;
    };
    let _keys = project.capgo.create_keys();
    let (theirs, checksum) = project.capgo.zip(&project.app(), &[]);
    let their_sealed = project
        .capgo
        .encrypt(&theirs, &checksum, &project.path().join(".capgo_key_v2"));

    let (ours, checksum) = project.zip();
    let our_sealed = project.encrypt(&ours, &checksum, "v3");

    assert_eq!(ours.file_name(), theirs.file_name());
    assert_eq!(our_sealed.file.file_name(), their_sealed.file.file_name());
}

#[test]
fn both_tools_store_the_public_key_in_the_same_place_of_the_config() {
    let Some(theirs) = Project::new(Updater::Modern) else {
        return;
    };
    let Some(ours) = Project::new(Updater::Modern) else {
        return;
    };
    let (_, public) = theirs.capgo.create_keys();
    let public = fs::read_to_string(public).unwrap();
    fs::write(ours.path().join("their.pub"), &public).unwrap();

    let _answer = ours
        .capbundle
        .run_json_successfully(ours.path(), &["key", "save", "--key", "their.pub"]);

    for project in [theirs, ours] {
        let config = fs::read_to_string(project.path().join("capacitor.config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_str(&config).unwrap();
        assert_eq!(config["plugins"]["CapacitorUpdater"]["publicKey"], public);
    }
}
