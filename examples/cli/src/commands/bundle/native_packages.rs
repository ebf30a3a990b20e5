//! The native packages of a project, which the native app must contain for the web bundle to work.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use capbundle::ErrorKind;
use capbundle_publish::api::NativePackage;
use serde::Deserialize;

use super::folder_of;
use crate::error::{Failure, Result};

/// The file extensions of native code, as in Capgo's command.
const NATIVE_EXTENSIONS: [&str; 4] = ["java", "swift", "kt", "scala"];
/// The search stops after this many folders, more than any package has.
const MAX_FOLDERS: usize = 20_000;

/// The dependencies of package.json with their stated versions: packages with native code, and packages that are not
/// installed, which cannot be inspected. `None` if no package.json with dependencies exists.
pub(super) fn of_project(package_json: &[PathBuf], node_modules: &[PathBuf]) -> Result<Option<Vec<NativePackage>>> {
    let default = [PathBuf::from("package.json")];
    let files = if package_json.is_empty() {
        &default[..]
    } else {
        package_json
    };
    let mut dependencies: Option<BTreeMap<String, String>> = None;
    let mut folders: Vec<PathBuf> = node_modules.to_vec();
    if let Some(first) = package_json.first()
        && !package_json.iter().any(|file| file.exists())
    {
        let message = format!("{}: file not found; check --package-json", first.display());
        return Err(Failure::refused(ErrorKind::NotFound.as_str(), message));
    }
    for file in files {
        let Some(found) = dependencies_of(file)? else {
            continue;
        };
        // The first file with a package has precedence, as for the version.
        for (name, version) in found {
            dependencies.get_or_insert_default().entry(name).or_insert(version);
        }
        if node_modules.is_empty() {
            folders.push(folder_of(file).join("node_modules"));
        }
    }
    if node_modules.is_empty() {
        folders.push(PathBuf::from("node_modules"));
    }
    let Some(dependencies) = dependencies else {
        return Ok(None);
    };
    let mut packages = Vec::new();
    for (name, version) in dependencies {
        let installed = folders
            .iter()
            .map(|folder| folder.join(&name))
            .find(|folder| folder.is_dir());
        let is_native = match installed {
            Some(folder) => holds_native_code(&folder)?,
            None => true,
        };
        if is_native {
            packages.push(NativePackage::new(name, version));
        }
    }
    Ok(Some(packages))
}

fn dependencies_of(file: &Path) -> Result<Option<BTreeMap<String, String>>> {
    #[derive(Deserialize)]
    struct Package {
        dependencies: Option<BTreeMap<String, String>>,
    }
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::io("read", file, &error)),
    };
    let package: Package = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| Failure::refused("invalid_package_json", format!("{}: {error}", file.display())))?;
    Ok(package.dependencies)
}

/// Searches a package, but not its own `node_modules`, which hold other packages.
fn holds_native_code(package: &Path) -> Result<bool> {
    let mut waiting = VecDeque::from([package.to_path_buf()]);
    let mut seen = 0;
    while let Some(folder) = waiting.pop_front() {
        seen += 1;
        if seen > MAX_FOLDERS {
            break;
        }
        let failed = |error: &io::Error| Failure::io("list", &folder, error);
        for entry in fs::read_dir(&folder).map_err(|error| failed(&error))? {
            let entry = entry.map_err(|error| failed(&error))?;
            let kind = entry.file_type().map_err(|error| failed(&error))?;
            let path = entry.path();
            if kind.is_dir() {
                if entry.file_name() != "node_modules" {
                    waiting.push_back(path);
                }
            } else if path
                .extension()
                .is_some_and(|end| NATIVE_EXTENSIONS.iter().any(|native| end == *native))
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
