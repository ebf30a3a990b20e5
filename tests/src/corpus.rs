//! Web folders of realistic size and content, assembled from real npm packages.
//!
//! The files depend only on the recipes here and the lock file in `tests/npm`, so the three folders are reproducible. They are
//! created once and kept in `target/corpora`.

mod recipe;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use capbundle::digest::Sha256Digest;

use crate::peers::{node_modules, target_folder, tests_folder};
use recipe::Recipe;

/// One of the three folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corpus {
    /// 3 MB: a small app.
    Small,
    /// 45 MB in 4,000 files.
    Medium,
    /// 270 MB in 11,000 files, half of it images.
    Large,
}

impl Corpus {
    /// All corpora, smallest first.
    pub const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    /// The name of its folder.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    /// The folder, created if it does not exist. Skips the current test if the npm packages are missing.
    ///
    /// # Panics
    /// If the folder cannot be created, or does not match the recipe.
    #[must_use]
    pub fn folder(self) -> Option<PathBuf> {
        // Tests run on several threads.
        static BUILDING: Mutex<()> = Mutex::new(());
        let node_modules = node_modules()?;
        let _guard = BUILDING.lock().expect("the lock is not poisoned");
        let recipe = recipe::of(self);
        let folder = target_folder().join("corpora").join(self.name());
        let stamp = stamp(&recipe);
        if fs::read_to_string(stamp_path(&folder)).is_ok_and(|found| found == stamp) {
            return Some(folder);
        }
        build(&recipe, &node_modules, &folder);
        fs::write(stamp_path(&folder), stamp).expect("the stamp can be written");
        Some(folder)
    }
}

/// Identifies the files: the recipe and the versions of the packages.
fn stamp(recipe: &Recipe) -> String {
    let lock = fs::read(tests_folder().join("npm/package-lock.json")).expect("the lock file can be read");
    format!("{recipe:?}\n{}\n", Sha256Digest::of(&lock))
}

/// Next to the folder, since every file in it is part of the bundle.
fn stamp_path(folder: &Path) -> PathBuf {
    folder.with_extension("complete")
}

fn build(recipe: &Recipe, node_modules: &Path, folder: &Path) {
    if folder.exists() {
        fs::remove_dir_all(folder).expect("an incomplete corpus can be removed");
    }
    fs::create_dir_all(folder).expect("the folder can be created");
    let (mut files, mut bytes) = write_shell(folder);
    for source in recipe.sources {
        let target = folder
            .join("assets")
            .join(source.package.trim_start_matches('@').replace('/', "-"));
        for file in select(source, node_modules) {
            let to = target.join(&file.path);
            fs::create_dir_all(to.parent().expect("a file has a folder")).expect("a folder can be created");
            fs::copy(node_modules.join(source.package).join(&file.path), to).expect("a file can be copied");
            files += 1;
            bytes += file.bytes;
        }
    }
    assert!(
        recipe.files.contains(&files),
        "{}: found {files} files, expected {:?}",
        recipe.name,
        recipe.files
    );
    assert!(
        recipe.bytes.contains(&bytes),
        "{}: found {bytes} bytes, expected {:?}",
        recipe.name,
        recipe.bytes
    );
}

/// The two files that turn the folder into a bundle.
fn write_shell(folder: &Path) -> (u64, u64) {
    let page = "<!doctype html>\n<title>corpus</title>\n<script type=\"module\" src=\"app.js\"></script>\n";
    let script = "import { CapacitorUpdater } from '@capgo/capacitor-updater'\nCapacitorUpdater.notifyAppReady()\n";
    fs::write(folder.join("index.html"), page).expect("a file can be written");
    fs::write(folder.join("app.js"), script).expect("a file can be written");
    (2, (page.len() + script.len()) as u64)
}

struct File {
    path: PathBuf,
    bytes: u64,
}

/// The files of `source` within its limits, ordered by the SHA-256 of their paths: a random selection that is the same everywhere.
fn select(source: &recipe::Source, node_modules: &Path) -> Vec<File> {
    let package = node_modules.join(source.package);
    let mut candidates = Vec::new();
    collect(
        &package,
        &package.join(source.folder),
        source.extensions,
        &mut candidates,
    );
    candidates.sort_by_cached_key(|file| *Sha256Digest::of(file.path.as_os_str().as_encoded_bytes()).as_bytes());
    let mut left = source.max_bytes;
    candidates.retain(|file| {
        let fits = file.bytes <= left;
        left -= if fits { file.bytes } else { 0 };
        fits
    });
    candidates.truncate(source.max_files);
    candidates
}

fn collect(package: &Path, folder: &Path, extensions: &[&str], files: &mut Vec<File>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let entry = entry.expect("the folder can be read");
        let (path, metadata) = (entry.path(), entry.metadata().expect("an entry has metadata"));
        if metadata.is_dir() && entry.file_name() != "node_modules" {
            collect(package, &path, extensions, files);
        } else if metadata.is_file()
            && path
                .extension()
                .is_some_and(|found| extensions.iter().any(|one| found == *one))
        {
            let path = path
                .strip_prefix(package)
                .expect("the file is in the package")
                .to_path_buf();
            files.push(File {
                path,
                bytes: metadata.len(),
            });
        }
    }
}
