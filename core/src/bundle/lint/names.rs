//! Findings from the names and sizes of files.

use std::collections::HashMap;

use crate::finding::{Finding, FindingCode};
use crate::limits::Limits;
use crate::path::SafePath;
use crate::size;

/// Number of paths that a finding about a group lists.
const SHOWN: usize = 3;

/// Build files that are useless on a device, with a description.
const BUILD_NAMES: [(&str, &str); 4] = [
    ("package-lock.json", "an npm lock file"),
    ("yarn.lock", "a yarn lock file"),
    ("pnpm-lock.yaml", "a pnpm lock file"),
    ("tsconfig.json", "a TypeScript compiler configuration"),
];
const BUILD_EXTENSIONS: [(&str, &str); 7] = [
    ("map", "a source map, which reveals your sources"),
    ("zip", "an archive inside the bundle"),
    ("apk", "an Android app"),
    ("aab", "an Android app bundle"),
    ("ipa", "an iOS app"),
    ("exe", "a Windows program"),
    ("log", "a log file"),
];

/// Files that probably do not belong in a web bundle. One finding for each `node_modules` folder and each kind, rather
/// than thousands with the same cause.
pub(in crate::bundle) fn suspicious<'a>(paths: impl Iterator<Item = &'a SafePath>) -> Vec<Finding> {
    let (mut packages, mut kinds) = (Vec::new(), Vec::new());
    for path in paths.map(SafePath::as_str) {
        if let Some(folder) = node_modules(path) {
            packages.push((folder, path));
        } else if let Some(what) = build_leftover(path) {
            kinds.push((what, path));
        }
    }
    // Group by cause. The sort is stable, so paths keep their order.
    packages.sort_by_key(|(folder, _)| *folder);
    kinds.sort_by_key(|(what, _)| *what);
    let warning = |message: String| Finding::warning(FindingCode::SuspiciousFile, message);
    let packages = packages.chunk_by(|(a, _), (b, _)| a == b).map(|files| {
        let (folder, count) = (files[0].0, files.len());
        let message = format!("contains {count} file(s) that should have been bundled; are they meant to ship?");
        warning(message).in_file(folder)
    });
    let kinds = kinds.chunk_by(|(a, _), (b, _)| a == b).map(|files| {
        let (what, count) = (files[0].0, files.len());
        if let [(_, only)] = files {
            return warning(format!("is {what}; is it meant to ship?")).in_file(*only);
        }
        let shown: Vec<&str> = files.iter().take(SHOWN).map(|(_, path)| *path).collect();
        let more = match count - shown.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let shown = shown.join(", ");
        warning(format!(
            "{count} files are each {what}: {shown}{more}; are they meant to ship?"
        ))
    });
    packages.chain(kinds).collect()
}

/// The topmost `node_modules` folder that contains a file.
fn node_modules(path: &str) -> Option<&str> {
    let mut end = 0;
    for component in path.split('/') {
        end += component.len();
        if component == "node_modules" && end < path.len() {
            return Some(&path[..end]);
        }
        end += 1;
    }
    None
}

fn build_leftover(path: &str) -> Option<&'static str> {
    let name = file_name(path).to_ascii_lowercase();
    let by_name = BUILD_NAMES.iter().find(|(build, _)| *build == name);
    let by_extension = extension(&name).and_then(|found| BUILD_EXTENSIONS.iter().find(|(build, _)| *build == found));
    by_name.or(by_extension).map(|(_, what)| *what)
}

/// A name that some file systems do not support, alone or together with another. `spellings` contains the names seen
/// so far.
pub(in crate::bundle) fn unportable(path: &SafePath, spellings: &mut HashMap<String, String>) -> Option<Finding> {
    let warn = |message: String| Finding::warning(FindingCode::UnportableName, message).in_file(path.as_str());
    if let Some(problem) = path.portability_problem() {
        return Some(warn(format!("works on phones, but the name {problem}")));
    }
    let other = spellings.insert(folded(path.as_str()), path.as_str().to_owned())?;
    let difference = if other.to_lowercase() == path.as_str().to_lowercase() {
        "upper and lower case; some file systems cannot store both"
    } else {
        "Unicode normalization (composed or decomposed characters); the file systems of macOS and iOS store only one of them"
    };
    Some(warn(format!("differs from {other} only in {difference}")))
}

/// The name as file systems that ignore case and normalization compare it.
#[cfg(feature = "pack")]
fn folded(path: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;

    // Compose last, since the lower case of a composed character may be decomposed.
    path.nfd().collect::<String>().to_lowercase().nfc().collect()
}

/// Device libraries do not pack, and do not include the Unicode tables.
#[cfg(not(feature = "pack"))]
fn folded(path: &str) -> String {
    path.to_lowercase()
}

/// Sizes above the default limits of devices.
pub(in crate::bundle) fn over_limits<'a>(
    files: impl Iterator<Item = (&'a SafePath, u64)>,
    limits: &Limits,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (mut count, mut total) = (0_u64, 0_u64);
    for (path, size) in files {
        count += 1;
        total = total.saturating_add(size);
        if size > limits.file_size {
            let message = format!(
                "has {}; devices accept at most {} by default",
                size::text(size),
                size::text(limits.file_size)
            );
            findings.push(Finding::warning(FindingCode::OverDeviceLimit, message).in_file(path.as_str()));
        }
    }
    if total > limits.total_size {
        let message = format!(
            "all files have {}; devices accept at most {} by default",
            size::text(total),
            size::text(limits.total_size)
        );
        findings.push(Finding::warning(FindingCode::OverDeviceLimit, message));
    }
    if count > limits.entries {
        let message = format!("{count} files; devices accept at most {} by default", limits.entries);
        findings.push(Finding::warning(FindingCode::OverDeviceLimit, message));
    }
    findings
}

pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

pub(super) fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, extension)| extension)
}

#[cfg(test)]
mod tests;
