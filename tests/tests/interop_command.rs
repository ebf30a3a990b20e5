//! The command in place of `npx @capgo/cli`: the same steps in the same project, either tool at either end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use capbundle_tests::peers::{Capbundle, CapgoProject, Encrypted, Listing, Updater, write_sample};

/// A Capgo project with a web app in `www`, and our command.
struct Scene {
    project: CapgoProject,
    capbundle: Capbundle,
}

impl Scene {
    fn new(updater: Updater) -> Option<Self> {
        let scene = Self {
            project: CapgoProject::new(updater)?,
            capbundle: Capbundle::find()?,
        };
        write_sample(&scene.app());
        Some(scene)
    }

    fn path(&self) -> &Path {
        self.project.path()
    }

    fn app(&self) -> PathBuf {
        self.path().join("www")
    }

    /// `capbundle bundle zip`: app id, version and folder come from the project. The file and its checksum.
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

    /// `capbundle bundle decrypt --checksum`, then `unpack` with the digest that it proved.
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
        let Some(scene) = Scene::new(updater) else { return };
        let (_, public) = scene.project.create_keys();
        let (archive, checksum) = scene.zip();
        let sealed = scene.encrypt(&archive, &checksum, form);

        let plain = scene.project.decrypt(&sealed, &public);

        assert!(
            fs::read(plain).unwrap() == fs::read(archive).unwrap(),
            "{form}: decrypted to other bytes"
        );
    }
}

#[test]
fn the_command_opens_bundles_that_the_capgo_cli_encrypted_with_keys_of_the_command() {
    for (updater, form) in [(Updater::Modern, "v3"), (Updater::Legacy, "v2")] {
        let Some(scene) = Scene::new(updater) else { return };
        let _answer = scene.capbundle.run_json_successfully(scene.path(), &["key", "create"]);
        let (archive, checksum) = scene.project.zip(&scene.app(), &["--key-v2"]);
        let sealed = scene
            .project
            .encrypt(&archive, &checksum, &scene.path().join(".capgo_key_v2"));

        let found = scene.decrypt_and_unpack(&sealed, form);

        found.assert_same(&Listing::of_folder(&scene.app()), form);
    }
}

#[test]
fn both_tools_name_their_files_alike() {
    let Some(scene) = Scene::new(Updater::Modern) else {
        return;
    };
    let _keys = scene.project.create_keys();
    let (theirs, checksum) = scene.project.zip(&scene.app(), &[]);
    let their_sealed = scene
        .project
        .encrypt(&theirs, &checksum, &scene.path().join(".capgo_key_v2"));

    let (ours, checksum) = scene.zip();
    let our_sealed = scene.encrypt(&ours, &checksum, "v3");

    assert_eq!(ours.file_name(), theirs.file_name());
    assert_eq!(our_sealed.file.file_name(), their_sealed.file.file_name());
}

#[test]
fn both_tools_store_the_public_key_in_the_same_place_of_the_config() {
    let Some(theirs) = Scene::new(Updater::Modern) else {
        return;
    };
    let Some(ours) = Scene::new(Updater::Modern) else {
        return;
    };
    let (_, public) = theirs.project.create_keys();
    let public = fs::read_to_string(public).unwrap();
    fs::write(ours.path().join("their.pub"), &public).unwrap();

    let _answer = ours
        .capbundle
        .run_json_successfully(ours.path(), &["key", "save", "--key", "their.pub"]);

    for scene in [theirs, ours] {
        let config = fs::read_to_string(scene.path().join("capacitor.config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_str(&config).unwrap();
        assert_eq!(config["plugins"]["CapacitorUpdater"]["publicKey"], public);
    }
}
