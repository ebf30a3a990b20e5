//! Listing the folder that is to be packed: what goes in, what stays out, what must not be there.

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

/// What operating systems and git leave in folders and no app ever wants.
const ALWAYS_EXCLUDED: [&str; 4] = [".DS_Store", "__MACOSX", ".git", "Thumbs.db"];
/// How names begin of what macOS keeps beside a file where the file system has no place for it (`AppleDouble`, RFC 1740).
const APPLE_DOUBLE: &str = "._";

/// What is in the folder.
#[cfg_attr(
    not(feature = "pack"),
    allow(dead_code, reason = "what was left out and counted is told by packing only")
)]
pub(in crate::bundle) struct Scan {
    /// Files and empty folders, sorted by path as UTF-8 bytes.
    pub(in crate::bundle) entries: Vec<Entry>,
    /// Number of folders, empty or not.
    pub(in crate::bundle) folders: u64,
    pub(in crate::bundle) excluded: Vec<Excluded>,
    /// One warning for each symbolic link that was followed, and an error where it leads to a secret by another name.
    pub(in crate::bundle) findings: Vec<Finding>,
}

/// A file, or an empty folder.
pub(in crate::bundle) struct Entry {
    pub(in crate::bundle) path: SafePath,
    pub(in crate::bundle) is_folder: bool,
    /// Bytes, at the time of the scan.
    pub(in crate::bundle) size: u64,
}

/// A file or folder that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Excluded {
    /// Path inside the folder; that of a folder ends with `/` and stands for all that is in it.
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

/// The name the archive sorts by; a folder's ends in a slash there.
fn entry_name(entry: &Entry) -> impl Iterator<Item = u8> + '_ {
    entry.path.as_str().bytes().chain(entry.is_folder.then_some(b'/'))
}

struct Scanner<'a> {
    folder: &'a Path,
    root: PathBuf,
    rules: IgnoreRules,
    limits: Limits,
    control: &'a Control,
    /// Entries seen so far in folders that a link led to.
    through_links: u64,
    scan: Scan,
}

impl Scanner<'_> {
    /// Lists one folder. `above` holds the real paths of it and the folders it lies in, `prefix` its path in the
    /// bundle. Says whether anything was found that goes into the archive.
    fn list(&mut self, above: &mut Vec<PathBuf>, prefix: &str) -> Result<bool> {
        self.control.check("scan")?;
        let here = self.folder.join(prefix);
        let mut names = Vec::new();
        for entry in fs::read_dir(&here).with_path("list", &here)? {
            names.push(entry.with_path("list", &here)?.file_name());
        }
        // The order on disk is chance, and messages and warnings should not be.
        names.sort_unstable();
        let mut holds_anything = false;
        for name in names {
            let source = here.join(&name);
            let Some(name) = name.to_str() else {
                self.leave_out_unnameable(&source, prefix, &name)?;
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
        // Excluded before it is followed: a link that is left out may lead anywhere.
        let seen_as_folder = kind.is_dir() || (kind.is_symlink() && source.is_dir());
        // In a folder that a link led to, what is excluded by its real path stays out too.
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

    /// A name that is not UTF-8 cannot be in a bundle: it is excluded, or refused.
    fn leave_out_unnameable(&mut self, source: &Path, prefix: &str, name: &OsStr) -> Result<()> {
        let kind = fs::symlink_metadata(source).with_path("look at", source)?.file_type();
        let is_folder = kind.is_dir() || (kind.is_symlink() && source.is_dir());
        let path = Path::new(prefix).join(name);
        let shown = path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
        let always = always_excluded(&name.to_string_lossy());
        let Some(rule) = always.or_else(|| self.rules.excluding(&path, is_folder)) else {
            let problem = "the file name is not UTF-8, so it cannot be in a bundle; rename or remove it, or exclude it with an \
                           ignore rule";
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
            let problem = format!(
                "the symbolic link leads to {}, a folder it lies in, and so round and round",
                real.display()
            );
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
            let problem = "it is neither a file nor a folder (a pipe, socket or device); remove or exclude it";
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

    /// The rule that keeps a path out of the archive, in the words of its author.
    fn excluded_by(&self, name: &str, path: &str, is_folder: bool) -> Option<String> {
        if path == IGNORE_FILE {
            return Some(format!("{name} (always)"));
        }
        always_excluded(name).or_else(|| self.rules.excluding(Path::new(path), is_folder))
    }

    /// Where a symbolic link leads, if that is inside the folder.
    fn follow(&mut self, source: &Path, path: &str) -> Result<PathBuf> {
        let name = source.display().to_string();
        let target = source.canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::invalid_input(&name, "the symbolic link leads nowhere; remove or exclude it")
            }
            _ => Error::io("follow the symbolic link", source, error),
        })?;
        if !target.starts_with(&self.root) {
            let problem = format!(
                "the symbolic link leads out of the folder, to {}; copy the file instead, or exclude the link",
                target.display()
            );
            return Err(Error::invalid_input(name, problem));
        }
        let message = "is a symbolic link; what it leads to is packed in its place";
        self.scan
            .findings
            .push(Finding::warning(FindingCode::Symlink, message).in_file(path));
        Ok(target)
    }

    /// A link must not carry out by another name what its own name keeps in.
    fn judge_target(&mut self, source: &Path, path: &str, target: &Path, is_folder: bool) -> Result<()> {
        let inside = target.strip_prefix(&self.root).unwrap_or(target).to_string_lossy();
        let inside = inside.replace(std::path::MAIN_SEPARATOR, "/");
        let ends = inside.match_indices('/').map(|(end, _)| (end, true));
        for (end, is_folder) in ends.chain([(inside.len(), is_folder)]) {
            let part = &inside[..end];
            let name = part.rsplit('/').next().unwrap_or(part);
            if let Some(rule) = self.excluded_by(name, part, is_folder) {
                let problem =
                    format!("the symbolic link leads to {inside}, which is excluded by {rule}; exclude the link too");
                return Err(Error::invalid_input(source.display().to_string(), problem));
            }
        }
        // What the link's own name gives away is found with all other names.
        if !is_folder && secrets::is_secret_name(&inside) && !secrets::is_secret_name(path) {
            let finding = secrets::secret_finding(format!("is a symbolic link to {inside}, which")).in_file(path);
            self.scan.findings.push(finding);
        }
        Ok(())
    }

    /// The path, from the root, of what `name` is in the folder that is being listed, links above it resolved.
    fn real_path(&self, above: &[PathBuf], name: &str) -> String {
        let folder = above.last().and_then(|folder| folder.strip_prefix(&self.root).ok());
        let folder = folder.map_or(String::new(), |folder| folder.to_string_lossy().into_owned());
        if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", folder.replace(std::path::MAIN_SEPARATOR, "/"))
        }
    }

    /// Twenty folders with two links each to the next one are a million folders to a walk that follows them. Only what
    /// links add is counted: a folder without links is as large as it is, and ends.
    fn count_through_links(&mut self, source: &Path) -> Result<()> {
        self.through_links += 1;
        if self.through_links <= self.limits.entries {
            return Ok(());
        }
        let problem = format!(
            "symbolic links to folders multiply what is packed: more than {} entries are reached through them; replace \
             them or exclude them",
            self.limits.entries
        );
        Err(Error::invalid_input(source.display().to_string(), problem))
    }

    /// A name that devices would refuse is refused here, where somebody can rename it.
    fn safe_path(&self, source: &Path, path: &str) -> Result<SafePath> {
        let refused = |problem: String| Error::invalid_input(source.display().to_string(), problem);
        match SafePath::parse(path.as_bytes(), &self.limits) {
            Ok(Some(safe)) => Ok(safe),
            Ok(None) => Err(refused("it has no name".to_owned())),
            Err(problem) => Err(match problem.as_limit(&self.limits) {
                Some((what, limit)) => refused(format!("devices would refuse it: {what} is limited to {limit}")),
                None => refused(format!("devices would refuse it: {problem}")),
            }),
        }
    }
}

/// The rule for what no app ever wants.
fn always_excluded(name: &str) -> Option<String> {
    if ALWAYS_EXCLUDED.contains(&name) {
        return Some(format!("{name} (always)"));
    }
    name.starts_with(APPLE_DOUBLE)
        .then(|| format!("{APPLE_DOUBLE}* (always)"))
}

/// Paths named to be allowed that are in no bundle: a typing error would otherwise go unnoticed.
pub(in crate::bundle) fn require_known(scan: &Scan, allowed: &[String]) -> Result<()> {
    let known: HashSet<&str> = scan.files().map(|entry| entry.path.as_str()).collect();
    match allowed.iter().find(|path| !known.contains(path.as_str())) {
        Some(path) => Err(Error::invalid_input(
            path,
            "is allowed as a secret, but no such file would be packed",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
