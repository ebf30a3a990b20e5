//! Archives: other tools read ours, and we read theirs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::Path;

use capbundle::digest::{Crc32, Sha256Digest};
use capbundle::progress::Control;
use capbundle_tests::corpus::Corpus;
use capbundle_tests::peers::{
    ALL_READERS, ALL_WRITERS, CapgoProject, Listing, Reader, Updater, Writer, node_script, ours, run, write_sample,
};

fn sha256_of(file: &Path) -> String {
    Sha256Digest::of_file(file, &Control::new()).unwrap().to_string()
}

fn assert_every_reader_finds(expected: &Listing, archive: &Path) {
    for reader in ALL_READERS {
        let Some(found) = reader.read(archive) else { continue };
        found.assert_same(expected, &format!("{reader:?}"));
    }
}

#[test]
fn other_tools_read_our_archives() {
    let folder = tempfile::tempdir().unwrap();
    let (app, archive) = (folder.path().join("app"), folder.path().join("app.zip"));
    write_sample(&app);

    let packed = ours::pack(&app, &archive);

    assert_eq!(packed.excluded, []);
    assert_every_reader_finds(&Listing::of_folder(&app), &archive);
}

#[test]
fn other_tools_read_our_archive_of_a_medium_web_app() {
    let Some(app) = Corpus::Medium.folder() else { return };
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("app.zip");

    let packed = ours::pack(&app, &archive);

    assert_eq!(packed.excluded, []);
    assert_every_reader_finds(&Listing::of_folder(&app), &archive);
}

#[test]
fn other_tools_read_our_archive_of_more_than_65535_entries() {
    let folder = tempfile::tempdir().unwrap();
    let (app, archive) = (folder.path().join("app"), folder.path().join("app.zip"));
    write_sample(&app);
    for group in 0..66 {
        let group_folder = app.join(format!("many/{group}"));
        std::fs::create_dir_all(&group_folder).unwrap();
        for file in 0..1_000 {
            std::fs::write(group_folder.join(format!("{file}.txt")), file.to_string()).unwrap();
        }
    }

    let packed = ours::pack(&app, &archive);

    assert!(packed.files > 66_000);
    let expected = Listing::of_folder(&app);
    // Without adm-zip, which counts entries in 16 bits.
    for reader in [Reader::Unzip, Reader::JavaStream, Reader::JavaFile, Reader::Python] {
        let Some(found) = reader.read(&archive) else { continue };
        found.assert_same(&expected, &format!("{reader:?}"));
    }
}

#[test]
fn we_read_the_archives_of_other_tools() {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join("app");
    write_sample(&app);
    let expected = Listing::of_folder(&app);

    for writer in ALL_WRITERS {
        let archive = folder.path().join(format!("{writer:?}.zip"));
        let Some(()) = writer.write(&app, &archive) else {
            continue;
        };
        let found = ours::verify_and_unpack(&archive, &sha256_of(&archive));
        found
            .unwrap_or_else(|error| panic!("{writer:?}: {error}"))
            .assert_same(&expected, &format!("{writer:?}"));
    }
}

#[test]
fn we_read_medium_web_apps_that_other_tools_zip() {
    let Some(app) = Corpus::Medium.folder() else { return };
    let folder = tempfile::tempdir().unwrap();
    let expected = Listing::of_folder(&app);

    for writer in [Writer::AdmZip, Writer::InfoZip, Writer::Java] {
        let archive = folder.path().join(format!("{writer:?}.zip"));
        let Some(()) = writer.write(&app, &archive) else {
            continue;
        };
        let found = ours::verify_and_unpack(&archive, &sha256_of(&archive));
        found
            .unwrap_or_else(|error| panic!("{writer:?}: {error}"))
            .assert_same(&expected, &format!("{writer:?}"));
    }
}

#[test]
fn we_read_the_archives_of_the_capgo_cli_and_find_the_same_checksum() {
    let Some(project) = CapgoProject::new(Updater::Modern) else {
        return;
    };
    let app = project.path().join("www");
    write_sample(&app);

    let (archive, checksum) = project.zip(&app, &[]);

    let found = ours::verify_and_unpack(&archive, &checksum).unwrap();
    found.assert_same(&Listing::of_folder(&app), "Capgo CLI");
}

#[test]
fn the_capgo_cli_computes_the_same_crc32_for_old_plugins() {
    let Some(project) = CapgoProject::new(Updater::Ancient) else {
        return;
    };
    let app = project.path().join("www");
    write_sample(&app);

    let (archive, checksum) = project.zip(&app, &[]);

    assert_eq!(Crc32::of_file(&archive, &Control::new()).unwrap().to_string(), checksum);
}

#[test]
fn tomasklaen_checksum_computes_the_same_digests() {
    let folder = tempfile::tempdir().unwrap();
    let (app, archive) = (folder.path().join("app"), folder.path().join("app.zip"));
    write_sample(&app);
    let packed = ours::pack(&app, &archive);

    for (algorithm, ours) in [
        ("sha256", packed.digest.to_string()),
        ("crc32", packed.crc32.to_string()),
    ] {
        let Some(mut command) = node_script("checksum.cjs") else {
            return;
        };
        let theirs = run(command.arg(&archive).arg(algorithm)).expect_success();
        assert_eq!(theirs.trim_end(), ours, "{algorithm}");
    }
}
