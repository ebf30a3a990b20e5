//! Listing the folder to pack: what is included, excluded and refused.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};

use super::ignore::{IGNORE_FILE, IgnoreRules};
use super::secrets;
use crate::error::{Error, IoContext, Result};
use crate::finding::{Finding, FindingCode};
use crate::limits::Limits;
use crate::path::SafePath;
use crate::progress::Control;

/// Files of operating systems and git that never belong in a bundle.
const ALWAYS_EXCLUDED: [&str; 4] = [".DS_Store", "__MACOSX", ".git", "Thumbs.db"];
/// Prefix of the names of macOS metadata files (`AppleDouble`, RFC 1740).
const APPLE_DOUBLE: &str = "._";

/// The contents of the folder.
#[cfg_attr(
    not(feature = "pack"),
    allow(dead_code, reason = "only packing reports exclusions and counts")
)]
pub(in crate::bundle) struct Scan {
    /// Files and empty folders, sorted by path as UTF-8 bytes.
    pub(in crate::bundle) entries: Vec<Entry>,
    /// Number of folders, empty or not.
    pub(in crate::bundle) folders: u64,
    pub(in crate::bundle) excluded: Vec<Excluded>,
    /// A warning for each symbolic link that was followed, and an error if it points to a secret with another name.
    pub(in crate::bundle) findings: Vec<Finding>,
}

/// A file, or an empty folder.
pub(in crate::bundle) struct Entry {
    pub(in crate::bundle) path: SafePath,
    pub(in crate::bundle) is_folder: bool,
    /// Size at the time of the scan.
    pub(in crate::bundle) size: u64,
}

/// A file or folder that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Excluded {
    /// Path inside the folder. The path of a folder ends with `/` and covers its contents.
    pub path: String,
    /// The rule that excluded it.
    pub rule: String,
}

impl Scan {
    pub(in crate::bundle) fn files(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| !entry.is_folder)
    }
}

/// Lists `folder`, following symbolic links that stay inside it.
pub(in crate::bundle) fn scan(folder: &Path, ignore: &[String], control: &Control) -> Result<Scan> {
    let root = folder.canonicalize().with_path("open the folder", folder)?;
    if !root.is_dir() {
        return Err(Error::invalid_input(
            folder.display().to_string(),
            "expected a folder, found a file",
        ));
    }
    let mut scanner = Scanner {
        folder,
        rules: IgnoreRules::read(folder, ignore)?,
        limits: Limits::default(),
        control,
        through_links: 0,
        scan: Scan {
            entries: Vec::new(),
            folders: 0,
            excluded: Vec::new(),
            findings: Vec::new(),
        },
        root,
    };
    let mut above = vec![scanner.root.clone()];
    scanner.list(&mut above, "")?;
    let mut scan = scanner.scan;
    scan.entries.sort_unstable_by(|a, b| entry_name(a).cmp(entry_name(b)));
    Ok(scan)
}

/// The name by which the archive is sorted. That of a folder ends in a slash.
fn entry_name(entry: &Entry) -> impl Iterator<Item = u8> + '_ {
    entry.path.as_str().bytes().chain(entry.is_folder.then_some(b'/'))
}

struct Scanner<'a> {
    folder: &'a Path,
    root: PathBuf,
    rules: IgnoreRules,
    limits: Limits,
    control: &'a Control,
    /// Number of entries reached through symbolic links so far.
    through_links: u64,
    scan: Scan,
}

impl Scanner<'_> {
    /// Lists one folder. `above` contains the real paths of the folder and its ancestors, `prefix` is its path in the
    /// bundle. Returns whether anything goes into the archive.
    fn list(&mut self, above: &mut Vec<PathBuf>, prefix: &str) -> Result<bool> {
        self.control.check("scan")?;
        let here = self.folder.join(prefix);
        let mut names = Vec::new();
        for entry in fs::read_dir(&here).with_path("list", &here)? {
            names.push(entry.with_path("list", &here)?.file_name());
        }
        // The order on disk is arbitrary; that of findings should not be.
        names.sort_unstable();
        let mut holds_anything = false;
        for name in names {
            let source = here.join(&name);
            let Some(name) = name.to_str() else {
                self.exclude_non_utf8(&source, prefix, &name)?;
                continue;
            };
            let path = if prefix.is_empty() {
                name.to_owned()
            } else {
                format!("{prefix}/{name}")
            };
            holds_anything |= self.visit(above, &source, name, &path)?;
        }
        Ok(holds_anything)
    }

    fn visit(&mut self, above: &mut Vec<PathBuf>, source: &Path, name: &str, path: &str) -> Result<bool> {
        let real_path = self.real_path(above, name);
        if real_path != path {
            self.count_through_links(source)?;
        }
        let mut kind = fs::symlink_metadata(source).with_path("look at", source)?.file_type();
        // Checked before following: an excluded link may point anywhere.
        let seen_as_folder = kind.is_dir() || (kind.is_symlink() && source.is_dir());
        // In a folder reached through a link, exclusions by the real path apply too.
        let rule = self
            .excluded_by(name, path, seen_as_folder)
            .or_else(|| self.excluded_by(name, &real_path, seen_as_folder));
        if let Some(rule) = rule {
            let path = if seen_as_folder {
                format!("{path}/")
            } else {
                path.to_owned()
            };
            self.scan.excluded.push(Excluded { path, rule });
            return Ok(false);
        }
        let mut real = None;
        if kind.is_symlink() {
            let target = self.follow(source, path)?;
            kind = fs::metadata(&target).with_path("look at", &target)?.file_type();
            self.judge_target(source, path, &target, kind.is_dir())?;
            real = Some(target);
        }
        let safe = self.safe_path(source, path)?;
        if kind.is_dir() {
            let real = match real {
                Some(real) => real,
                None => source.canonicalize().with_path("look at", source)?,
            };
            self.enter(above, source, real, safe)
        } else {
            self.add_file(source, kind, safe)
        }
    }

    /// A name that is not UTF-8 cannot be in a bundle. It must be excluded.
    fn exclude_non_utf8(&mut self, source: &Path, prefix: &str, name: &OsStr) -> Result<()> {
        let kind = fs::symlink_metadata(source).with_path("look at", source)?.file_type();
        let is_folder = kind.is_dir() || (kind.is_symlink() && source.is_dir());
        let path = Path::new(prefix).join(name);
        let shown = path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
        let always = always_excluded(&name.to_string_lossy());
        let Some(rule) = always.or_else(|| self.rules.excluding(&path, is_folder)) else {
            let problem = "the file name is not UTF-8, so it cannot be in a bundle; rename it, remove it or exclude it with an ignore \
                           rule";
            return Err(Error::invalid_input(source.display().to_string(), problem));
        };
        self.scan.excluded.push(Excluded {
            path: if is_folder { format!("{shown}/") } else { shown },
            rule,
        });
        Ok(())
    }

    fn enter(&mut self, above: &mut Vec<PathBuf>, source: &Path, real: PathBuf, path: SafePath) -> Result<bool> {
        if above.contains(&real) {
            let problem = format!("symbolic link loop: it points to its own ancestor {}", real.display());
            return Err(Error::invalid_input(source.display().to_string(), problem));
        }
        above.push(real);
        let holds_anything = self.list(above, path.as_str())?;
        above.pop();
        self.scan.folders += 1;
        if !holds_anything {
            self.scan.entries.push(Entry {
                path,
                is_folder: true,
                size: 0,
            });
        }
        Ok(true)
    }

    fn add_file(&mut self, source: &Path, kind: FileType, path: SafePath) -> Result<bool> {
        if !kind.is_file() {
            let problem = "expected a file or folder, found a pipe, socket or device; remove or exclude it";
            return Err(Error::invalid_input(source.display().to_string(), problem));
        }
        let size = fs::metadata(source).with_path("look at", source)?.len();
        self.scan.entries.push(Entry {
            path,
            is_folder: false,
            size,
        });
        Ok(true)
    }

    /// The rule that excludes a path, as written.
    fn excluded_by(&self, name: &str, path: &str, is_folder: bool) -> Option<String> {
        if path == IGNORE_FILE {
            return Some(format!("{name} (always)"));
        }
        always_excluded(name).or_else(|| self.rules.excluding(Path::new(path), is_folder))
    }

    /// The target of a symbolic link, which must be inside the folder.
    fn follow(&mut self, source: &Path, path: &str) -> Result<PathBuf> {
        let name = source.display().to_string();
        let target = source.canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::invalid_input(&name, "the symbolic link is broken; remove or exclude it"),
            _ => Error::io("follow the symbolic link", source, error),
        })?;
        if !target.starts_with(&self.root) {
            let problem = format!(
                "the symbolic link points outside the folder, to {}; copy the file instead or exclude the link",
                target.display()
            );
            return Err(Error::invalid_input(name, problem));
        }
        let message = "is a symbolic link; its target is packed in its place";
        self.scan
            .findings
            .push(Finding::warning(FindingCode::Symlink, message).in_file(path));
        Ok(target)
    }

    /// A link must not publish under another name what the name of its target excludes.
    fn judge_target(&mut self, source: &Path, path: &str, target: &Path, is_folder: bool) -> Result<()> {
        let inside = target.strip_prefix(&self.root).unwrap_or(target).to_string_lossy();
        let inside = inside.replace(std::path::MAIN_SEPARATOR, "/");
        let ends = inside.match_indices('/').map(|(end, _)| (end, true));
        for (end, is_folder) in ends.chain([(inside.len(), is_folder)]) {
            let part = &inside[..end];
            let name = part.rsplit('/').next().unwrap_or(part);
            if let Some(rule) = self.excluded_by(name, part, is_folder) {
                let problem =
                    format!("the symbolic link points to {inside}, which is excluded by {rule}; exclude the link too");
                return Err(Error::invalid_input(source.display().to_string(), problem));
            }
        }
        // A secret by the link's own name is found with all other names.
        if !is_folder && secrets::is_secret_name(&inside) && !secrets::is_secret_name(path) {
            let finding = secrets::secret_finding(format!("is a symbolic link to {inside}, which")).in_file(path);
            self.scan.findings.push(finding);
        }
        Ok(())
    }

    /// The path from the root of `name` in the current folder, with links in its ancestors resolved.
    fn real_path(&self, above: &[PathBuf], name: &str) -> String {
        let folder = above.last().and_then(|folder| folder.strip_prefix(&self.root).ok());
        let folder = folder.map_or(String::new(), |folder| folder.to_string_lossy().into_owned());
        if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", folder.replace(std::path::MAIN_SEPARATOR, "/"))
        }
    }

    /// Twenty folders with two links each to the next are a million folders when links are followed. Only entries
    /// reached through links are counted: a folder without links is finite.
    fn count_through_links(&mut self, source: &Path) -> Result<()> {
        self.through_links += 1;
        if self.through_links <= self.limits.entries {
            return Ok(());
        }
        let problem = format!(
            "more than {} entries are reached through symbolic links to folders; replace the links or exclude them",
            self.limits.entries
        );
        Err(Error::invalid_input(source.display().to_string(), problem))
    }

    /// Refuses a name that devices would refuse, while it can still be changed.
    fn safe_path(&self, source: &Path, path: &str) -> Result<SafePath> {
        let refused = |problem: String| Error::invalid_input(source.display().to_string(), problem);
        match SafePath::parse(path.as_bytes(), &self.limits) {
            Ok(Some(safe)) => Ok(safe),
            Ok(None) => Err(refused("the name is empty".to_owned())),
            Err(problem) => Err(match problem.as_limit(&self.limits) {
                Some((what, limit)) => refused(format!("devices would refuse it: {what} is limited to {limit}")),
                None => refused(format!("devices would refuse it: {problem}")),
            }),
        }
    }
}

/// The rule for files that never belong in a bundle.
fn always_excluded(name: &str) -> Option<String> {
    if ALWAYS_EXCLUDED.contains(&name) {
        return Some(format!("{name} (always)"));
    }
    name.starts_with(APPLE_DOUBLE)
        .then(|| format!("{APPLE_DOUBLE}* (always)"))
}

/// Refuses an allowed path that is not in the bundle: a typo would otherwise go unnoticed.
pub(in crate::bundle) fn require_known(scan: &Scan, allowed: &[String]) -> Result<()> {
    let known: HashSet<&str> = scan.files().map(|entry| entry.path.as_str()).collect();
    match allowed.iter().find(|path| !known.contains(path.as_str())) {
        Some(path) => Err(Error::invalid_input(
            path,
            "allowed as a secret, but no such file is packed",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
