//! What a file's name and size say about it.

use std::collections::HashMap;

use crate::finding::{Finding, FindingCode};
use crate::limits::Limits;
use crate::path::SafePath;
use crate::size;

/// Number of paths that a finding about a group lists.
const SHOWN: usize = 3;

/// Files of the build that have no use on a device, and what they are.
const BUILD_NAMES: [(&str, &str); 4] = [
    ("package-lock.json", "a lock file of npm"),
    ("yarn.lock", "a lock file of yarn"),
    ("pnpm-lock.yaml", "a lock file of pnpm"),
    ("tsconfig.json", "a configuration of the TypeScript compiler"),
];
const BUILD_EXTENSIONS: [(&str, &str); 7] = [
    ("map", "a source map, which shows your sources to everybody"),
    ("zip", "an archive inside the bundle"),
    ("apk", "an Android app"),
    ("aab", "an Android app bundle"),
    ("ipa", "an iOS app"),
    ("exe", "a Windows program"),
    ("log", "a log file"),
];

/// Files that hardly belong into a web bundle: one finding for each `node_modules` folder and each kind, since
/// thousands of findings of one cause help nobody.
pub(in crate::bundle) fn suspicious<'a>(paths: impl Iterator<Item = &'a SafePath>) -> Vec<Finding> {
    let (mut packages, mut kinds) = (Vec::new(), Vec::new());
    for path in paths.map(SafePath::as_str) {
        if let Some(folder) = node_modules(path) {
            packages.push((folder, path));
        } else if let Some(what) = build_leftover(path) {
            kinds.push((what, path));
        }
    }
    // Of one cause side by side, and the paths of each in the order they came.
    packages.sort_by_key(|(folder, _)| *folder);
    kinds.sort_by_key(|(what, _)| *what);
    let warning = |message: String| Finding::warning(FindingCode::SuspiciousFile, message);
    let packages = packages.chunk_by(|(a, _), (b, _)| a == b).map(|files| {
        let (folder, count) = (files[0].0, files.len());
        let message = format!("holds {count} file(s) that a bundler should have taken in; are they meant to ship?");
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

/// The topmost `node_modules` folder that a file lies in.
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

/// A name that some file systems cannot hold, alone or beside another one. `spellings` holds the names seen so far.
pub(in crate::bundle) fn unportable(path: &SafePath, spellings: &mut HashMap<String, String>) -> Option<Finding> {
    let warn = |message: String| Finding::warning(FindingCode::UnportableName, message).in_file(path.as_str());
    if let Some(problem) = path.portability_problem() {
        return Some(warn(format!("works on phones, but the name {problem}")));
    }
    let other = spellings.insert(folded(path.as_str()), path.as_str().to_owned())?;
    let difference = if other.to_lowercase() == path.as_str().to_lowercase() {
        "upper and lower case; not every file system keeps both"
    } else {
        "Unicode normalization (composed or decomposed characters); the file systems of macOS and iOS keep one of them"
    };
    Some(warn(format!("differs from {other} only in {difference}")))
}

/// The name as the least distinguishing file systems compare it.
#[cfg(feature = "pack")]
fn folded(path: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;

    // Composed last: the lower case of a composed character may be decomposed.
    path.nfd().collect::<String>().to_lowercase().nfc().collect()
}

/// A device library is without the tables of Unicode, and packs nothing.
#[cfg(not(feature = "pack"))]
fn folded(path: &str) -> String {
    path.to_lowercase()
}

/// More than devices accept unless their host says otherwise.
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
                "has {}; devices take at most {} by default",
                size::text(size),
                size::text(limits.file_size)
            );
            findings.push(Finding::warning(FindingCode::OverDeviceLimit, message).in_file(path.as_str()));
        }
    }
    if total > limits.total_size {
        let message = format!(
            "all files have {}; devices take at most {} by default",
            size::text(total),
            size::text(limits.total_size)
        );
        findings.push(Finding::warning(FindingCode::OverDeviceLimit, message));
    }
    if count > limits.entries {
        let message = format!("{count} files; devices take at most {} by default", limits.entries);
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
